package operators

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/ports/lease"
)

// WorkerStatus is what is known of a job over all replicas.
type WorkerStatus struct {
	lease.Run
	Every time.Duration
	// Lag is how far the last success lies beyond its interval; zero while on time.
	Lag time.Duration
	// LeaseHolder is the replica that has the job now, until LeaseExpires; empty when none has.
	LeaseHolder  string
	LeaseExpires time.Time
	LeaseToken   int64
}

// Workers gives the state of every job, by name. It is the installation's, not a tenant's.
func (u *UseCases) Workers(ctx context.Context, all []jobs.Job) ([]WorkerStatus, error) {
	runs, err := u.parts.Store.Runs().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	leases, err := u.parts.Store.Leases().List(ctx, jobs.LeasePrefix)
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	now := u.parts.Clock.Now()
	states := make([]WorkerStatus, len(all))
	for i, job := range all {
		state := WorkerStatus{Run: lease.Run{Job: job.Name}, Every: job.Every}
		for _, run := range runs {
			if run.Job == job.Name {
				state.Run = run
			}
		}
		for _, l := range leases {
			if strings.TrimPrefix(l.Name, jobs.LeasePrefix) == job.Name {
				state.LeaseToken = l.Token
				if now.Before(l.ExpiresAt) {
					state.LeaseHolder, state.LeaseExpires = l.Holder, l.ExpiresAt
				}
			}
		}
		if !state.SucceededAt.IsZero() {
			state.Lag = max(0, now.Sub(state.SucceededAt)-job.Every)
		}
		states[i] = state
	}
	return states, nil
}
