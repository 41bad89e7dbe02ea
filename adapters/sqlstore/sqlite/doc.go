// Package sqlite opens a SQLite file as the source of truth, in pure Go:
// sqlite:///absolute/path.db or sqlite://relative/path.db.
//
// One connection writes and several read, in WAL mode; a commit is on the disk
// when it returns. Several processes may open a file, but only one of them may
// be a server. It knows SQLite's error codes, schema and files, and nothing
// of what is asked: the queries are sqlstore's.
package sqlite
