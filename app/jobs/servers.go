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

// deadServersFor is how long a dead server's record is kept: a heartbeat brings it
// back until then. It has to be longer than clocks of replicas differ, since
// afterwards only the time makes the next generation of its id a greater one.
const deadServersFor = 10 * time.Minute

// StaleServers deletes the records of servers that are long dead. Nobody sees a
// server whose lease has ended, whether its record is still there or not.
func StaleServers(store datastore.Datastore, clock clock.Clock) Job {
	return Job{Name: "stale-servers", Every: time.Minute, Deadline: time.Minute, Run: func(ctx context.Context, turn Turn) error {
		return environments.Each(ctx, store, func(environment tenancy.Environment) error {
			for {
				pruned := 0
				err := turn.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
					if pruned, err = tx.Servers().Prune(ctx, environment.Scope(), clock.Now().Add(-deadServersFor), purgeBatch); err != nil {
						return fmt.Errorf("prune servers: %w", err)
					}
					return nil
				})
				if err != nil || pruned < purgeBatch {
					return err
				}
			}
		})
	}}
}
