// Package jsonschema judges values by JSON Schemas with
// github.com/santhosh-tekuri/jsonschema, and bounds the work that takes: schemas
// come from operators and values from players.
//
//   - Nothing is loaded: a reference out of the schema is refused when it is compiled.
//   - Formats are asserted: who writes "format": "date-time" means it. Names that
//     aren't known say nothing.
//   - Regular expressions are Go's (RE2), so they match in linear time; their
//     programs are bounded as well.
//   - Numbers are decimal fractions of any precision. Ones with more digits
//     or larger powers than any honest value has are refused, since
//     computing with them has no bound.
//   - Each evaluation of a subschema is counted, for a few references within
//     each other can ask for more of them than a life has time for.
package jsonschema
