// Package leaderboards takes runs and shows standings.
//
// Runs are in the database before they are answered. Ranks come from an index
// that is told of each commit before its callers are answered, and that is
// mended and built here when it says so; while it can't be asked, the database
// answers what it can count. It never answers with a rank that may be wrong.
package leaderboards
