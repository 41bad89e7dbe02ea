// Package ids is where new identifiers come from.
package ids

// Source makes UUIDs of version 7 (RFC 9562) in their canonical lower-case
// form. Those that one process makes sort in the order they were made.
type Source interface {
	New() string
}
