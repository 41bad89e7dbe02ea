package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// Seasons ends the seasons of leaderboards at their planned end, by the clock of each
// environment, and does what is to be done with those that ended. What was
// due while no replica ran is done at the first run, in order.
func Seasons(store datastore.Datastore, boards *leaderboards.UseCases) Job {
	return Job{Name: "seasons", Every: 5 * time.Second, Deadline: 10 * time.Minute, Run: func(ctx context.Context, turn Turn) error {
		var failed error
		err := environments.Each(ctx, store, func(environment tenancy.Environment) error {
			err := boards.Tend(ctx, environment, turn.InTx)
			if ctx.Err() != nil || errors.Is(err, lease.ErrLost) {
				return err
			}
			failed = errors.Join(failed, err)
			return nil
		})
		return errors.Join(failed, err)
	}}
}
