package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// endedSessionsFor is how long a session that ended can still be looked at.
	endedSessionsFor = 7 * 24 * time.Hour
	purgeBatch       = 500
)

// TokenPurge deletes sessions that ended long ago, signing keys that no token
// refers to, tickets that have expired, and answers that are no longer remembered.
func TokenPurge(store datastore.Datastore, clock clock.Clock) Job {
	return Job{Name: "token-purge", Every: 10 * time.Minute, Deadline: 5 * time.Minute, Run: func(ctx context.Context, turn Turn) error {
		if err := purgeAnswers(ctx, clock, turn); err != nil {
			return err
		}
		return environments.Each(ctx, store, func(environment tenancy.Environment) error {
			for {
				deleted := 0
				err := turn.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
					now := clock.Now()
					if _, err := tx.SigningKeys().Purge(ctx, environment.Scope(), now); err != nil {
						return fmt.Errorf("purge signing keys: %w", err)
					}
					tickets, err := tx.Tickets().Purge(ctx, environment.Scope(), now, purgeBatch)
					if err != nil {
						return fmt.Errorf("purge tickets: %w", err)
					}
					if deleted, err = tx.Sessions().Purge(ctx, environment.Scope(), now.Add(-endedSessionsFor), purgeBatch); err != nil {
						return fmt.Errorf("purge sessions: %w", err)
					}
					deleted = max(deleted, tickets)
					return nil
				})
				if err != nil || deleted < purgeBatch {
					return err
				}
			}
		})
	}}
}
