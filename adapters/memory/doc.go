// Package memory is the cache of the embedded default, memory://: rate limits
// and remembered verdicts in this process.
//
// Its size is bounded. It forgets when the process ends, and it never serves a
// second replica: what one process knows no other sees.
package memory
