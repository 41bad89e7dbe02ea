// Package schema judges JSON values by JSON Schemas (draft 2020-12).
//
// A schema stands for itself: nothing is ever loaded from a network or a disk.
// What it says of a value names places and rules, and never repeats the value.
package schema

import "github.com/overworldhq/overworld/domain/fault"

// Compiler makes schemas ready for use.
type Compiler interface {
	// Compile reads a schema: a JSON object in UTF-8 that names no member twice.
	// What is wrong with it is an *Invalid.
	Compile(text []byte) (Schema, error)
}

// Schema judges values. Several goroutines may use it at once.
type Schema interface {
	// Judge gives what breaks the schema in a value, which is JSON text: by place,
	// and at most so many; none when the value satisfies it. Numbers are
	// exact, and those beyond 400 digits or a power of 400 satisfy no schema.
	// ErrTooCostly when it takes more work than is spent on one value.
	Judge(value []byte, most int) ([]Violation, error)
}

// Violation is one way in which a value breaks a schema, or a schema its rules.
type Violation struct {
	// Pointer is an RFC 6901 JSON pointer into the value. Of a member that is
	// missing it is the place where that should be.
	Pointer string
	// Code is the keyword that is broken, in snake case: "max_length".
	Code   string
	Detail string
}

// Invalid is a schema that can't be used.
type Invalid struct{ Violations []Violation }

func (*Invalid) Error() string { return "the schema can't be used" }

// ErrTooCostly is a value that can't be judged with bounded work.
var ErrTooCostly = fault.New(fault.TooLarge, "schema.too_costly", "Judging the value by its schema takes more work than is spent on one value; nothing was changed.")
