package leaderboards

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// seasonsAtOnce is how many seasons the worker reads at a time.
const seasonsAtOnce = 100

// Tend does what is due with the seasons of an environment: it ends those whose planned
// end has come, moves those that ended a state further, and gives what frozen ones have to
// give. Every step may be cut off and done again. A board at which it fails doesn't keep it from the
// others; the error is that of all of them.
func (u *UseCases) Tend(ctx context.Context, environment tenancy.Environment, inTx InTx) error {
	failed := u.endDue(ctx, environment, inTx)
	if stop(ctx, failed) {
		return failed
	}
	after := ranking.SeasonRef{}
	for {
		ended, err := u.store.Boards().Unfinished(ctx, environment.Scope(), after, seasonsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list unfinished seasons: %w", err))
		}
		for _, season := range ended {
			after = season.Ref()
			if err := u.finish(ctx, environment.Scope(), season, inTx); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("season %d of %s in %s: %w", season.Number, season.Board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if len(ended) < seasonsAtOnce {
			return errors.Join(failed, u.reward(ctx, environment, inTx))
		}
	}
}

// stop tells whether an error is the end of the whole turn.
func stop(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, lease.ErrLost)
}

// endDue ends the seasons whose planned end has come, the earliest first.
func (u *UseCases) endDue(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	scope, moment := environment.Scope(), environment.Now(u.clock.Now())
	tried := map[ranking.BoardID]bool{}
	for {
		due, err := u.store.Boards().Due(ctx, scope, moment, seasonsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list due seasons: %w", err))
		}
		again := false
		for _, season := range due {
			if tried[season.Board] {
				continue
			}
			tried[season.Board], again = true, true
			if _, err := u.rollIn(ctx, inTx, place{scope, season.Board}, moment); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("end season of %s in %s: %w", season.Board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if !again || len(due) < seasonsAtOnce {
			return failed
		}
	}
}

// finish moves a season that ended as far as it can go now.
func (u *UseCases) finish(ctx context.Context, scope tenancy.Scope, season ranking.Season, inTx InTx) error {
	if season.State == ranking.Closing {
		if u.clock.Now().Before(season.FreezesAt) {
			return nil
		}
		return u.advance(ctx, scope, season, ranking.Closed, inTx)
	}
	return nil
}

// advance moves a season to its next state.
func (u *UseCases) advance(ctx context.Context, scope tenancy.Scope, season ranking.Season, to ranking.State, inTx InTx) error {
	from := season.State
	season.State = to
	err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if err := tx.Boards().Advance(ctx, scope, season, from); err != nil {
			return fmt.Errorf("advance season: %w", err)
		}
		return nil
	})
	u.seasons.Forget(term{place{scope, season.Board}, season.Number})
	return err
}
