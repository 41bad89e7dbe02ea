package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// Seasons ends the seasons of leaderboards at their planned end, by the clock of each
// environment, freezes those that ended, and gives their rewards. What was
// due while no replica ran is done at the first run, in order.
func Seasons(store datastore.Datastore, boards *leaderboards.UseCases) Job {
	return Job{Name: "seasons", Every: 5 * time.Second, Deadline: 10 * time.Minute, Run: everywhere(store, boards.Tend)}
}

// SeasonArchives archives the seasons that are frozen. The standings of a million take a while, and no
// season must end late for it.
func SeasonArchives(store datastore.Datastore, boards *leaderboards.UseCases) Job {
	return Job{Name: "season-archives", Every: 3 * time.Second, Deadline: 10 * time.Minute, Run: everywhere(store, boards.Archive)}
}

// SeasonRetention deletes the seasons that leaderboards don't keep, and leaderboards that were deleted, in bounded batches.
func SeasonRetention(store datastore.Datastore, boards *leaderboards.UseCases) Job {
	return Job{Name: "season-retention", Every: 10 * time.Second, Deadline: 10 * time.Minute, Run: everywhere(store, boards.Retain)}
}

// ArchiveSweep deletes the archives of which no season has told for long. It needs no turn: such an archive is
// never noted any more, whoever deletes it.
func ArchiveSweep(boards *leaderboards.UseCases, keeper *custody.Keeper) Job {
	return Job{Name: "archive-sweep", Every: time.Hour, Deadline: 10 * time.Minute, Run: func(ctx context.Context, _ Turn) error {
		return keeper.Sweep(ctx, custody.Archives, boards.ArchiveSweep())
	}}
}

// everywhere does something in each environment. Where it fails it doesn't keep it from the others.
func everywhere(store datastore.Datastore, do func(context.Context, tenancy.Environment, leaderboards.InTx) error) func(context.Context, Turn) error {
	return func(ctx context.Context, turn Turn) error {
		var failed error
		err := environments.Each(ctx, store, func(environment tenancy.Environment) error {
			err := do(ctx, environment, turn.InTx)
			if ctx.Err() != nil || errors.Is(err, lease.ErrLost) {
				return err
			}
			failed = errors.Join(failed, err)
			return nil
		})
		return errors.Join(failed, err)
	}
}
