// Package storage keeps players' and games' documents.
//
// A document is a JSON object under an owner, a collection and a key. Each
// write makes a new version, a number that only grows and is never reused, not
// even after a delete; so a version names one state for ever, and a writer
// can say which state it means to replace.
//
// The package decides who may read and write what, and which write wins. It
// looks into a value only as far as an edit names parts of it, and never knows
// what they mean.
package storage
