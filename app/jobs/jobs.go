// Package jobs is what the workers do. A job is a name, an interval and a Run
// over ports; when, where and how often it runs is the runner's business.
package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// Job is work that one replica does at a time, again and again.
type Job struct {
	Name string
	// Every is the time from the start of one run to the start of the next.
	Every time.Duration
	// Deadline bounds one run.
	Deadline time.Duration
	// Run does the work in bounded batches, each written through turn.InTx, and
	// returns soon after ctx ends. It may be cut off anywhere and run again.
	Run func(ctx context.Context, turn Turn) error
}

// LeasePrefix leads the names of the jobs' leases.
const LeasePrefix = "job/"

// Turn is a replica's turn at a job.
type Turn struct {
	store datastore.Datastore
	lease lease.Lease
}

// NewTurn gives the turn of the lease's holder.
func NewTurn(store datastore.Datastore, lease lease.Lease) Turn { return Turn{store, lease} }

// InTx is the datastore's, but commits only while the turn is still this replica's: a
// holder that was paused and overtaken gets lease.ErrLost and changes nothing.
func (t Turn) InTx(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
	return t.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if err := tx.Leases().Guard(ctx, t.lease); err != nil {
			return fmt.Errorf("guard %s: %w", t.lease.Name, err)
		}
		return fn(ctx, tx)
	})
}
