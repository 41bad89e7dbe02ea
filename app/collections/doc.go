// Package collections knows what operators declared of collections, and has
// their schemas compiled.
//
// What it remembers it never trusts by age: each use asks the database, in the
// caller's own transaction if it has one, for one number, the version of the
// environment's latest declaration. While that stays the same, so do the
// declarations.
package collections
