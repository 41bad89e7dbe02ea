// Package fault is the vocabulary in which every layer says what went wrong.
//
// A fault has a kind, which decides the HTTP status; a stable dotted code, which
// programs switch on; and a detail, which people read. Domains return faults,
// adapters translate their engine's errors into them once, and httpapi turns
// them into problem documents once. An error that is not a fault is internal:
// it is logged with its text and shown without it.
package fault
