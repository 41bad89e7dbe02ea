package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// purgePage is how many entries, or rewards, one transaction deletes, which is what others who write wait for
	// on SQLite, and purgePages how many of those are deleted of one season in a turn.
	purgePage  = 250
	purgePages = 400
)

// erasesAfter is how long a retired season is left whole: as long as a replica may still
// show what it knew of it, to a request that takes its time.
func (u *UseCases) erasesAfter() time.Duration {
	return recent.Lasting + 2*u.parts.Limits.RequestTime + skew
}

// Retain retires the seasons that the boards of an environment don't keep, and deletes what those have
// that were retired: entries, rewards and indexes. Their archives are left to ArchiveSweep. A deleted board goes with the last
// of its seasons, all of which are retired. It may be cut off and done again, and goes on with the others where it fails at one.
func (u *UseCases) Retain(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	for _, step := range []func(context.Context, tenancy.Environment, InTx) error{u.retire, u.erase, u.eraseBoards} {
		if failed = errors.Join(failed, step(ctx, environment, inTx)); stop(ctx, failed) {
			break
		}
	}
	return failed
}

func (u *UseCases) retire(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	for after := ranking.BoardID(""); ; {
		page, err := u.parts.Store.Boards().List(ctx, environment.Scope(), after, boardsPage)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list leaderboards: %w", err))
		}
		for _, board := range page {
			after = board.ID
			if err := u.retireOf(ctx, environment, board, inTx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("retire seasons of %s in %s: %w", board.ID, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if len(page) < boardsPage {
			return failed
		}
	}
}

// retireOf retires the seasons that a board has outlived and that are archived, with their rewards given.
func (u *UseCases) retireOf(ctx context.Context, environment tenancy.Environment, board ranking.Board, inTx InTx) error {
	before, outlived := board.Outlived()
	at := place{environment.Scope(), board.ID}
	for outlived {
		page, err := u.parts.Store.Boards().Seasons(ctx, at.scope, at.board, before, seasonsAtOnce)
		if err != nil {
			return fmt.Errorf("list seasons: %w", err)
		}
		for _, season := range page {
			before = season.Number
			if season.State != ranking.Archived {
				continue
			}
			if err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return u.retireOne(ctx, tx, at, season) }); err != nil && fault.KindOf(err) != fault.NotFound {
				return fmt.Errorf("season %d: %w", season.Number, err)
			}
			u.seasons.Forget(term{at, season.Number})
		}
		outlived = len(page) == seasonsAtOnce && before > 1
	}
	return nil
}

func (u *UseCases) retireOne(ctx context.Context, tx datastore.Repos, at place, season ranking.Season) error {
	award, err := tx.Rewards().Award(ctx, at.scope, season.Ref())
	switch {
	case errors.Is(err, ranking.ErrAwardNotFound):
	case err != nil:
		return fmt.Errorf("find award: %w", err)
	case !award.Finished:
		return nil
	}
	now := u.parts.Clock.Now()
	if err := tx.Boards().Retire(ctx, at.scope, season.Ref(), now); err != nil {
		return err
	}
	event := audit.Event{
		ID: u.parts.IDs.New(), At: now, Action: audit.SeasonRetired, Actor: audit.Actor{Kind: "schedule"},
		Before: map[string]string{"season": strconv.Itoa(season.Number), "entries": strconv.FormatInt(season.Archive.Entries, 10), "sha256": season.Archive.SHA256()},
	}
	if err := tx.Audit().Append(ctx, event.In(at.scope).On("leaderboard", string(at.board))); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// erase goes on with deleting the seasons that nobody is shown any more.
func (u *UseCases) erase(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	scope, before := environment.Scope(), u.parts.Clock.Now().Add(-u.erasesAfter())
	for after := (ranking.SeasonRef{}); ; {
		page, err := u.parts.Store.Boards().Retired(ctx, scope, before, after, seasonsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list retired seasons: %w", err))
		}
		for _, season := range page {
			after = season.Ref()
			if err := u.eraseOne(ctx, scope, season, inTx); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("erase season %d of %s in %s: %w", season.Number, season.Board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if len(page) < seasonsAtOnce {
			return failed
		}
	}
}

// eraseOne deletes so much of a season. Its row goes last, which tells of the rest.
func (u *UseCases) eraseOne(ctx context.Context, scope tenancy.Scope, season ranking.Season, inTx InTx) error {
	var won int64
	var stood ranking.Cursor
	pages := 0
	for _, purge := range []func(ctx context.Context, tx datastore.Repos) (int, error){
		func(ctx context.Context, tx datastore.Repos) (n int, err error) {
			n, won, err = tx.Rewards().Purge(ctx, scope, season.Ref(), won, purgePage)
			return n, err
		},
		func(ctx context.Context, tx datastore.Repos) (n int, err error) {
			n, stood, err = tx.Entries().Purge(ctx, scope, season.Ref(), stood, purgePage)
			return n, err
		},
	} {
		for deleted := purgePage; deleted == purgePage; pages++ {
			if pages == purgePages {
				return nil
			}
			fromReward, fromEntry := won, stood
			err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
				won, stood = fromReward, fromEntry // it may run again
				deleted, err = purge(ctx, tx)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	if err := u.ranks.Drop(ctx, ladderOf(scope, season)); err != nil {
		return fmt.Errorf("drop index: %w", err)
	}
	return inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		return tx.Boards().Erase(ctx, scope, season.Ref())
	})
}

// eraseBoards deletes the deleted boards that have no seasons any more.
func (u *UseCases) eraseBoards(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	scope := environment.Scope()
	for after := ranking.BoardID(""); ; {
		page, err := u.parts.Store.Boards().Deleted(ctx, scope, after, boardsPage)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list deleted leaderboards: %w", err))
		}
		for _, board := range page {
			after = board
			if err := u.eraseBoard(ctx, scope, board, inTx); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("erase leaderboard %s in %s: %w", board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if len(page) < boardsPage {
			return failed
		}
	}
}

// eraseBoard deletes a board's quarantines, and the board unless it has seasons still.
func (u *UseCases) eraseBoard(ctx context.Context, scope tenancy.Scope, board ranking.BoardID, inTx InTx) error {
	for deleted := purgePage; deleted == purgePage; {
		err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
			deleted, err = tx.Quarantines().Purge(ctx, scope, board, purgePage)
			return err
		})
		if err != nil {
			return err
		}
	}
	return inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		_, err := tx.Boards().EraseBoard(ctx, scope, board, 0)
		return err
	})
}
