// Package lease lets one of many replicas do a job, and keeps one that lost its
// turn from finishing it.
package lease

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Lease is a name held until a time. Token grows each time the name changes
// hands or is taken up again after lapsing, and fences the holder: what is done
// under a lease commits only in a transaction in which Guard found its token current.
type Lease struct {
	Name      string
	Holder    string
	Token     int64
	ExpiresAt time.Time // zero: released
}

// Leases stores leases, in the database.
type Leases interface {
	// Acquire takes the name for holder until now+ttl if nobody else holds it
	// at now. If the holder has it already it is extended and keeps its token.
	// Held is false when another has it; the lease is then the other's.
	Acquire(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (lease Lease, held bool, err error)
	// Extend moves the end to now+ttl; ErrLost when the token is not the current one or the lease lapsed.
	Extend(ctx context.Context, lease Lease, now time.Time, ttl time.Duration) (Lease, error)
	// Release gives the name up at once: the lease is lost to Guard and Extend.
	// One already lost is no error.
	Release(ctx context.Context, lease Lease) error
	// Guard is ErrLost unless the token is the current one, and, within a
	// transaction, keeps the name from changing hands until it ends. It does
	// not look at the time: a lease that lapsed but that nobody took is whole.
	Guard(ctx context.Context, lease Lease) error
	// Forget deletes the leases whose name begins with prefix and that lapsed
	// before the given time or were released. Their tokens begin anew, so it
	// is only for names that have one holder ever.
	Forget(ctx context.Context, prefix string, before time.Time) error
	// List gives all leases whose name begins with prefix, by name, lapsed ones too.
	List(ctx context.Context, prefix string) ([]Lease, error)
}

// ErrLost ends the work of a holder whose lease went to another.
var ErrLost = fault.New(fault.Conflict, "lease.lost", "Another process has taken over.")

// Run is what is remembered of a job's work, over all replicas.
type Run struct {
	Job         string
	Holder      string // the replica that ran last
	StartedAt   time.Time
	FinishedAt  time.Time
	SucceededAt time.Time // last success; zero: never
	Runs        int64
	Failures    int64
	LastError   string // of the last run; empty when it succeeded
}

// Runs stores one Run for each job.
type Runs interface {
	// Record adds one run, begun and ended, by holder; failure is empty on success.
	Record(ctx context.Context, job, holder string, started, finished time.Time, failure string) error
	// List gives all jobs that ever ran, by name.
	List(ctx context.Context) ([]Run, error)
}
