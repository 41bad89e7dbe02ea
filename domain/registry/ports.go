package registry

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Write is a server that takes the place of an earlier state of its record.
type Write struct {
	Server Server
	// Before is the revision that must be stored now, less than the server's; 0: there is no record.
	Before int64
}

// Mark says which state of a living server is stored, without saying what it is.
type Mark struct {
	ID         ServerID
	Generation int64
	Changes    int64
	ExpiresAt  time.Time
}

// Servers stores servers.
type Servers interface {
	// GetMany gives those that there are, in any order, dead ones too.
	GetMany(ctx context.Context, scope tenancy.Scope, ids []ServerID) ([]Server, error)
	// LockMany is GetMany, and within a transaction keeps other writers of them out until
	// it ends. What isn't there is not locked: WriteMany then decides who is first.
	LockMany(ctx context.Context, scope tenancy.Scope, ids []ServerID) ([]Server, error)
	// WriteMany stores servers of different ids, each if the stored revision is still its
	// Before. Else errors.Is says ErrServerStale, and the caller's transaction may not commit.
	// ErrEnvironmentNotFound of tenancy when the environment is not there.
	WriteMany(ctx context.Context, scope tenancy.Scope, writes []Write) error
	// Marks gives up to limit of those whose lease has not ended at now, by id.
	Marks(ctx context.Context, scope tenancy.Scope, now time.Time, limit int) ([]Mark, error)
	// List gives up to limit servers after an id, by id, dead ones too.
	List(ctx context.Context, scope tenancy.Scope, after ServerID, limit int) ([]Server, error)
	// Count tells how many records there are, at most so many.
	Count(ctx context.Context, scope tenancy.Scope, most int) (int, error)
	// Prune deletes up to limit records whose lease ended before the given time, and tells how many.
	Prune(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (int, error)
}
