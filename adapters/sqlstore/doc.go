// Package sqlstore is the source of truth on a relational database: one set of
// repositories that the engines in its subfolders, PostgreSQL and SQLite, share.
//
// It holds the queries, and the rules that must hold whatever the engine: which
// errors mean what to a domain, when a transaction is tried again, how a
// schema moves forward. It never names an engine's error code, never hands
// bun or a row to anyone outside, and never decides what a domain may do.
package sqlstore
