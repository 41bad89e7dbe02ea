package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/recurrence"
)

// Rule reads when seasons end by a schedule; nil for never. What is wrong with it is
// ErrInvalid, with a field for each fault.
func (u *UseCases) Rule(schedule ranking.Schedule) (recurrence.Rule, error) {
	if schedule == (ranking.Schedule{}) {
		return nil, nil
	}
	rule, err := u.parts.Calendar.Read(schedule.Cron, schedule.Zone)
	var check fault.Check
	if errors.Is(err, recurrence.ErrCron) {
		check.Add("/schedule/cron", "malformed", "Five fields: minute, hour, day of the month, month, day of the week, such as 0 5 * * 1 or 30 4 1 jan,jul *; it must match at some time.")
	}
	if errors.Is(err, recurrence.ErrZone) {
		check.Add("/schedule/time_zone", "malformed", "A name of the IANA time zone database, such as UTC or Europe/Berlin.")
	}
	if err == nil && rule.Shortest() < u.parts.Limits.SeasonTime {
		check.Add("/schedule/cron", "too_often", "Seasons last %d seconds at least.", int64(u.parts.Limits.SeasonTime/time.Second))
	}
	if err := check.Err(); err != nil {
		return nil, err
	}
	return rule, err
}

// End gives the first end after a moment by the schedule; zero: none.
func (u *UseCases) End(schedule ranking.Schedule, after time.Time) time.Time {
	if schedule == (ranking.Schedule{}) {
		return time.Time{}
	}
	// A schedule was good when it was stored. Should a zone have gone from
	// the database of zones, seasons are ended by operators.
	rule, err := u.parts.Calendar.Read(schedule.Cron, schedule.Zone)
	if err != nil {
		return time.Time{}
	}
	end, _ := rule.Next(after)
	return end
}

// Ends gives what becomes of a season that ends at a moment, and the one after it; moment is
// what the environment's clock shows. An end that is long over leaves nobody who could be at a run
// for it, and a clock that is moved back then brings none.
func (u *UseCases) Ends(board ranking.Board, season ranking.Season, at, moment time.Time) (ended, next ranking.Season) {
	now := u.parts.Clock.Now()
	ended, next = season.Close(board, at, now)
	ended.FreezesAt = now.Add(u.grace)
	if ended.Over(now, moment, u.grace) {
		ended.State = ranking.Closed
	}
	next.PlannedEnd = u.End(board.Schedule, at)
	return ended, next
}

// InTx is the datastore's, or that of a turn at a job.
type InTx func(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error

// CatchUp ends the seasons of a board that should have ended by a moment.
func (u *UseCases) CatchUp(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, moment time.Time) error {
	_, err := u.current(ctx, place{scope, id}, moment)
	return err
}

// roll ends the seasons of a board that should have ended by a moment, or waits for
// another caller in this process who is at it, and may fail.
func (u *UseCases) roll(ctx context.Context, at place, moment time.Time) error {
	u.mu.Lock()
	if done, ok := u.rolls[at]; ok {
		u.mu.Unlock()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done := make(chan struct{})
	u.rolls[at] = done
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.rolls, at)
		close(done)
	}()
	// What its time is too short for is committed all the same, and the next one's to go on with.
	for {
		if over, err := u.rollIn(ctx, u.parts.Store.InTx, at, moment); over || err != nil {
			return err
		}
	}
}

const (
	// rollsAtOnce bounds the ends that one transaction makes up for.
	rollsAtOnce = 50
	// rollsInTurn bounds those that are made up for while other boards wait: a clock that is moved on by
	// years makes tens of thousands due.
	rollsInTurn = 500
)

// rollIn ends the seasons of a board that should have ended by a moment, one after the other
// and each at its planned end, and tells whether those were all.
func (u *UseCases) rollIn(ctx context.Context, inTx InTx, at place, moment time.Time) (over bool, err error) {
	defer u.boards.Forget(at)
	for rolled := 0; ; {
		n := 0
		var late []time.Duration
		err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			n, late = 0, nil
			board, err := tx.Boards().Get(ctx, at.scope, at.board)
			if err != nil {
				return fmt.Errorf("find leaderboard: %w", err)
			}
			season, err := tx.Boards().Season(ctx, at.scope, at.board, board.Season)
			if err != nil {
				return fmt.Errorf("find season: %w", err)
			}
			for ; n < rollsAtOnce && season.Due(moment); n++ {
				ended, next := u.Ends(board, season, season.PlannedEnd, moment)
				if err := tx.Boards().Close(ctx, at.scope, board.Version, ended, next); err != nil {
					return fmt.Errorf("close season: %w", err)
				}
				if err := BeginAward(ctx, tx, at.scope, board, ended.Number); err != nil {
					return err
				}
				if err := tx.Audit().Append(ctx, u.endedBySchedule(at, ended, next)); err != nil {
					return fmt.Errorf("audit: %w", err)
				}
				late = append(late, moment.Sub(season.PlannedEnd))
				season = next
			}
			return nil
		})
		switch {
		case errors.Is(err, ranking.ErrSeasonNotFound) && ctx.Err() == nil:
			// Somebody else was first, it got another epoch, or the board was edited: the next look tells.
			continue
		case err != nil:
			return false, err
		}
		rolled += n
		u.ended(ctx, at.scope, late)
		if n < rollsAtOnce || rolled >= rollsInTurn {
			return n < rollsAtOnce, nil
		}
	}
}

func (u *UseCases) endedBySchedule(at place, ended, next ranking.Season) audit.Event {
	event := audit.Event{
		ID: u.parts.IDs.New(), At: u.parts.Clock.Now(), Action: audit.SeasonClosed, Actor: audit.Actor{Kind: "schedule"},
		Before: map[string]string{"season": strconv.Itoa(ended.Number)}, After: map[string]string{"season": strconv.Itoa(next.Number)},
	}
	return event.In(at.scope).On("leaderboard", string(at.board))
}
