// Package memory is the cache of the embedded default, memory://: rate limits,
// remembered verdicts and rank indexes in this process.
//
// Its size is bounded, but for the indexes in use: those hold what the database holds. It forgets when the process ends, and it never serves a
// second replica: what one process knows no other sees.
package memory
