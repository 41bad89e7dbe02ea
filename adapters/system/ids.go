package system

import (
	"github.com/google/uuid"

	"github.com/overworldhq/overworld/ports/ids"
)

// IDs makes UUIDs of version 7.
type IDs struct{}

var _ ids.Source = IDs{}

// New makes the next identifier. Identifiers of one process grow even when many
// are made in one millisecond or the clock is set back, because the library
// never lets its time fall behind the last one it used.
func (IDs) New() string {
	// Must panics only without randomness, and a process without it must not go on.
	return uuid.Must(uuid.NewV7()).String()
}
