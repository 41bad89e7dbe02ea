package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// seasonsAtOnce is how many seasons the worker reads at a time.
const seasonsAtOnce = 100

// Tend does what is due with the seasons of an environment: it ends those whose planned
// end has come, freezes those that ended, and gives what they have to give, so much of each. What takes
// longer is Archive's. Every step may be cut off and done again. A board at which it fails doesn't keep it from the
// others, nor from the steps that follow; the error is that of all of them.
func (u *UseCases) Tend(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	for _, step := range []func(context.Context, tenancy.Environment, InTx) error{u.endDue, u.freeze, u.reward} {
		if failed = errors.Join(failed, step(ctx, environment, inTx)); stop(ctx, failed) {
			break
		}
	}
	return failed
}

// endedInTurn bounds the seasons of one board that a turn does something with: those of the other boards
// needn't wait for years of one.
const endedInTurn = 200

// eachEnded does something with each season that ended and is not archived, the first of each board.
func (u *UseCases) eachEnded(ctx context.Context, environment tenancy.Environment, do func(context.Context, ranking.Season) error) (failed error) {
	after, turn := ranking.SeasonRef{}, 0
	for {
		ended, err := u.parts.Store.Boards().Unfinished(ctx, environment.Scope(), after, seasonsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list unfinished seasons: %w", err))
		}
		last := len(ended) < seasonsAtOnce
		for _, season := range ended {
			if season.Board != after.Board {
				turn = 0
			}
			if turn++; turn > endedInTurn {
				after.Number, last = math.MaxInt32, false // on to the next board
				break
			}
			after = season.Ref()
			if err := do(ctx, season); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("season %d of %s in %s: %w", season.Number, season.Board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if last {
			return failed
		}
	}
}

// stop tells whether an error is the end of the whole turn.
func stop(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, lease.ErrLost)
}

// endDue ends the seasons whose planned end has come, the earliest first, and of a board that missed very many
// so many in a turn.
func (u *UseCases) endDue(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	scope, moment := environment.Scope(), environment.Now(u.parts.Clock.Now())
	tried := map[ranking.BoardID]bool{}
	left, known := 0, false
	defer func() {
		if known {
			u.lateness.left(environment.ID, left, u.parts.Clock.Now())
		} else {
			u.lateness.still(environment.ID, u.parts.Clock.Now())
		}
	}()
	for {
		due, err := u.parts.Store.Boards().Due(ctx, scope, moment, seasonsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list due seasons: %w", err))
		}
		known = true
		again := false
		for _, season := range due {
			if tried[season.Board] {
				continue
			}
			tried[season.Board], again = true, true
			over, err := u.rollIn(ctx, inTx, place{scope, season.Board}, moment)
			if err == nil && !over {
				left++
			}
			if err != nil && fault.KindOf(err) != fault.NotFound {
				left++
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

// freeze closes the seasons that nobody can be at a run for any more.
func (u *UseCases) freeze(ctx context.Context, environment tenancy.Environment, inTx InTx) error {
	return u.eachEnded(ctx, environment, func(ctx context.Context, season ranking.Season) error {
		now := u.parts.Clock.Now()
		if season.State != ranking.Closing || !season.Over(now, environment.Now(now), u.grace) {
			return nil
		}
		season.State = ranking.Closed
		err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if err := tx.Boards().Advance(ctx, environment.Scope(), season, ranking.Closing); err != nil {
				return fmt.Errorf("freeze season: %w", err)
			}
			return nil
		})
		u.seasons.Forget(term{place{environment.Scope(), season.Board}, season.Number})
		return err
	})
}
