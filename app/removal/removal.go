package removal

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

const (
	// Batch is how many rows one transaction deletes. A row may be a document of the largest size.
	Batch = 250
	// batches bounds those of one turn, so that it ends long before a job's deadline.
	batches = 2000
	page    = 100
	// indexed is of how many of a leaderboard's seasons, the latest, there may be indexes worth looking for.
	indexed = 100
)

// Remover removes what was deleted.
type Remover struct {
	store  datastore.Datastore
	boards *leaderboards.UseCases
}

func New(store datastore.Datastore, boards *leaderboards.UseCases) *Remover {
	return &Remover{store: store, boards: boards}
}

// InTx is that of a turn at a job.
type InTx = leaderboards.InTx

// Run goes on with what was deleted, for so many batches. Where it fails it doesn't keep it from the rest.
func (r *Remover) Run(ctx context.Context, inTx InTx) error {
	left := batches
	failed := r.environments(ctx, &left, inTx)
	if ctx.Err() != nil || errors.Is(failed, lease.ErrLost) {
		return failed
	}
	return errors.Join(failed, r.projects(ctx, &left, inTx))
}

func (r *Remover) environments(ctx context.Context, left *int, inTx InTx) (failed error) {
	for after := tenancy.EnvironmentID(""); ; {
		deleted, err := r.store.Environments().Deleted(ctx, after, page)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list deleted environments: %w", err))
		}
		for _, environment := range deleted {
			if *left == 0 {
				return failed
			}
			after = environment.ID
			if err := r.environment(ctx, environment, left, inTx); err != nil && !errors.Is(err, tenancy.ErrEnvironmentNotFound) {
				failed = errors.Join(failed, fmt.Errorf("remove environment %s: %w", environment.ID, err))
				if ctx.Err() != nil || errors.Is(err, lease.ErrLost) {
					return failed
				}
			}
		}
		if len(deleted) < page {
			return failed
		}
	}
}

// environment removes its indexes first, and last its row, which tells of the rest. Its objects are left to
// the sweeps, which keep them for a while: somebody may bring the database back.
func (r *Remover) environment(ctx context.Context, environment tenancy.Environment, left *int, inTx InTx) error {
	if err := r.indexes(ctx, environment.Scope()); err != nil {
		return err
	}
	for step := 0; step != tenancy.Purged && *left > 0; *left-- {
		from := step
		err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
			step, _, err = tx.Environments().Purge(ctx, environment.ID, from, Batch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// indexes lets go of those of the environment's seasons. A replica that still knew one may make it
// again; such a one forgets itself when nobody has asked for long.
func (r *Remover) indexes(ctx context.Context, scope tenancy.Scope) error {
	for after := ranking.BoardID(""); ; {
		boards, err := r.store.Boards().List(ctx, scope, after, page)
		if err != nil {
			return fmt.Errorf("list leaderboards: %w", err)
		}
		for _, board := range boards {
			after = board.ID
			seasons, err := r.store.Boards().Seasons(ctx, scope, board.ID, 0, indexed)
			if err != nil {
				return fmt.Errorf("list seasons: %w", err)
			}
			r.boards.Deleted(ctx, scope, seasons)
		}
		if len(boards) < page {
			return nil
		}
	}
}

// projects removes those whose environments are gone.
func (r *Remover) projects(ctx context.Context, left *int, inTx InTx) error {
	for after := tenancy.ProjectID(""); ; {
		deleted, err := r.store.Projects().Deleted(ctx, after, page)
		if err != nil {
			return fmt.Errorf("list deleted projects: %w", err)
		}
		for _, project := range deleted {
			after = project.ID
			for deleted := Batch; deleted == Batch && *left > 0; *left-- {
				err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
					deleted, err = tx.Projects().Purge(ctx, project.ID, Batch)
					return err
				})
				if err != nil && !errors.Is(err, tenancy.ErrProjectNotFound) {
					return fmt.Errorf("remove project %s: %w", project.ID, err)
				}
			}
		}
		if len(deleted) < page {
			return nil
		}
	}
}
