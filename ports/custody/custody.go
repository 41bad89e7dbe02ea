// Package custody is what the database knows of the object store: which one is its own, and
// which objects of it nobody seems to need any more.
package custody

import (
	"context"
	"time"
)

// Installation is a database and the object store that goes with it. Both tell its id.
type Installation struct {
	ID string
	// Stored tells whether the store has been seen to tell the id as well.
	Stored bool
}

// Stray is an object that nobody needed whenever it was looked at, since then.
type Stray struct {
	Object string // its key
	Since  time.Time
}

// Records are kept for the whole database, of which no environment owns a part.
type Records interface {
	// Installation gives the one of this database; the zero one while there is none.
	Installation(ctx context.Context) (Installation, error)
	// Begin gives the database an id, not stored, unless it has one, and gives the one it then has.
	Begin(ctx context.Context, id string) (Installation, error)
	// Stored notes that the store tells the id. It does nothing when the database tells another one.
	Stored(ctx context.Context, id string) error
	// Renew gives the database another id, or its first, not stored.
	Renew(ctx context.Context, id string) error

	// Strays lists by object, bytewise, the notes of those that begin with prefix, come after the one and
	// not after the other; an empty last is no bound.
	Strays(ctx context.Context, prefix, after, last string) ([]Stray, error)
	// Note notes objects as strays since now. Those that are noted keep their time.
	Note(ctx context.Context, objects []string, now time.Time) error
	// Forget deletes the notes of objects.
	Forget(ctx context.Context, objects []string) error
}
