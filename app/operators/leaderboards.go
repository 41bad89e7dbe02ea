package operators

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Leaderboard is a board with the season that is open.
type Leaderboard struct {
	Board  ranking.Board
	Season ranking.Season
}

// Leaderboards gives up to limit boards of an environment after an id, by id.
func (u *UseCases) Leaderboards(ctx context.Context, p tenancy.Principal, place Place, after ranking.BoardID, limit int) ([]ranking.Board, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Boards().List(ctx, scope, after, limit)
}

// Leaderboard gives one board.
func (u *UseCases) Leaderboard(ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID) (Leaderboard, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Leaderboard{}, err
	}
	return u.leaderboard(ctx, u.parts.Store, scope, id)
}

func (u *UseCases) leaderboard(ctx context.Context, repos datastore.Repos, scope tenancy.Scope, id ranking.BoardID) (l Leaderboard, err error) {
	if l.Board, err = repos.Boards().Get(ctx, scope, id); err != nil {
		return l, fmt.Errorf("find leaderboard: %w", err)
	}
	if l.Season, err = repos.Boards().Season(ctx, scope, id, l.Board.Season); err != nil {
		return l, fmt.Errorf("find season: %w", err)
	}
	return l, nil
}

// CreateLeaderboard makes a board, whose first season begins now.
func (u *UseCases) CreateLeaderboard(
	ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID, definition ranking.Definition, effects ...once.Effect[Leaderboard],
) (Leaderboard, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Leaderboard{}, err
	}
	now := u.parts.Clock.Now()
	made := Leaderboard{}
	made.Board, made.Season, err = ranking.NewBoard(id, definition, environment.Now(now), now)
	_, faulty := u.parts.Boards.Rule(definition.Schedule)
	if err := fault.BothInvalid(err, faulty); err != nil {
		return Leaderboard{}, err
	}
	made.Season.PlannedEnd = u.parts.Boards.End(definition.Schedule, made.Season.StartedAt)
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		there, err := tx.Boards().List(ctx, scope, "", u.parts.Limits.Leaderboards)
		if err != nil {
			return fmt.Errorf("count leaderboards: %w", err)
		}
		if len(there) >= u.parts.Limits.Leaderboards {
			return ranking.ErrTooManyBoards
		}
		if err := tx.Boards().Create(ctx, scope, made.Board, made.Season); err != nil {
			return fmt.Errorf("store leaderboard: %w", err)
		}
		event := audit.By(p, audit.LeaderboardCreated, now).In(scope).On("leaderboard", string(id))
		event.After = boardSummary(made.Board)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		return once.Tell(ctx, tx, made, effects)
	})
	u.parts.Boards.Forget(scope, id)
	return made, err
}

// LeaderboardEdit changes a board's definition, and says of which versions.
type LeaderboardEdit struct {
	Change func(*ranking.Definition)
	// Versions, when there are any, are those one of which must be current.
	Versions []int64
}

// EditLeaderboard changes a board. Its rules take effect with the next season, and
// everything else at once: by another schedule the open season has another end.
// Other replicas see it within recent.Fresh.
func (u *UseCases) EditLeaderboard(
	ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID, edit LeaderboardEdit, effects ...once.Effect[Leaderboard],
) (Leaderboard, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Leaderboard{}, err
	}
	for {
		var next Leaderboard
		if err := u.parts.Boards.CatchUp(ctx, scope, id, environment.Now(u.parts.Clock.Now())); err != nil {
			return Leaderboard{}, err
		}
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			current, err := u.leaderboard(ctx, tx, scope, id)
			if err != nil {
				return err
			}
			if len(edit.Versions) > 0 && !slices.Contains(edit.Versions, current.Board.Version) {
				return ranking.ErrBoardStale.WithCurrent(current)
			}
			definition := current.Board.Definition
			edit.Change(&definition)
			now := u.parts.Clock.Now()
			next = current
			next.Board, err = current.Board.Edited(definition, environment.Now(now))
			_, faulty := u.parts.Boards.Rule(definition.Schedule)
			if err := fault.BothInvalid(err, faulty); err != nil {
				return err
			}
			if definition.Schedule != current.Board.Schedule {
				next.Season.PlannedEnd = u.parts.Boards.End(definition.Schedule, environment.Now(now))
				if err := tx.Boards().Plan(ctx, scope, next.Season.Ref(), next.Season.PlannedEnd); err != nil {
					return fmt.Errorf("plan season: %w", err)
				}
			}
			if err := tx.Boards().Update(ctx, scope, next.Board); err != nil {
				return fmt.Errorf("update leaderboard: %w", err)
			}
			event := audit.By(p, audit.LeaderboardUpdated, now).In(scope).On("leaderboard", string(id))
			event.Before, event.After = changed(boardSummary(current.Board), boardSummary(next.Board))
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, next, effects)
		})
		u.parts.Boards.Forget(scope, id)
		// Somebody else's edit came between; with no version named, ours goes on top of it.
		// Or the season ended.
		if (errors.Is(err, ranking.ErrBoardStale) && len(edit.Versions) == 0 || errors.Is(err, ranking.ErrSeasonNotFound)) && ctx.Err() == nil {
			continue
		}
		return next, err
	}
}

// deletedAtOnce is how many rows a board may have that are deleted in the transaction of whoever deletes it. What has
// more is left to leaderboards.UseCases.Retain.
const deletedAtOnce = 1000

// DeleteLeaderboard deletes a board with its seasons and all that players have in them, from now on for everybody. Of a
// large one the rows go later, in batches, and its id is taken until then. A job deletes its archives.
func (u *UseCases) DeleteLeaderboard(ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID, confirm string, effects ...once.Effect[once.Nothing]) error {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	if confirm != string(id) {
		return tenancy.ErrNotConfirmed.With("Repeat the leaderboard's id, %s, in confirm.", id)
	}
	for {
		var latest []ranking.Season
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			current, err := u.leaderboard(ctx, tx, scope, id)
			if err != nil {
				return err
			}
			if latest, err = tx.Boards().Seasons(ctx, scope, id, 0, indexedSeasons); err != nil {
				return fmt.Errorf("list seasons: %w", err)
			}
			now := u.parts.Clock.Now()
			if err := tx.Boards().Delete(ctx, scope, current.Season.Ref(), now); err != nil {
				return fmt.Errorf("delete leaderboard: %w", err)
			}
			if _, err := tx.Boards().EraseBoard(ctx, scope, id, deletedAtOnce); err != nil {
				return fmt.Errorf("erase leaderboard: %w", err)
			}
			event := audit.By(p, audit.LeaderboardDeleted, now).In(scope).On("leaderboard", string(id))
			event.Before = boardSummary(current.Board)
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
		u.parts.Boards.Forget(scope, id)
		if errors.Is(err, ranking.ErrSeasonNotFound) && ctx.Err() == nil {
			continue // the season ended since it was read
		}
		if err == nil {
			u.parts.Boards.Deleted(ctx, scope, latest)
		}
		return err
	}
}

// indexedSeasons is of how many of a board's seasons there may be indexes worth looking for.
const indexedSeasons = 100

// SeasonArchive gives a season's archive; ErrArchiveNotFound while there is none.
func (u *UseCases) SeasonArchive(ctx context.Context, p tenancy.Principal, place Place, of ranking.SeasonRef) (leaderboards.Archived, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return leaderboards.Archived{}, err
	}
	return u.parts.Boards.Archived(ctx, scope, of)
}

// CloseSeason ends the open season, which must be the one of this number, and begins
// the next. Runs count in the one or the other: the one in which they were received.
func (u *UseCases) CloseSeason(ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID, number int, effects ...once.Effect[Leaderboard]) (Leaderboard, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Leaderboard{}, err
	}
	for {
		if err := u.parts.Boards.CatchUp(ctx, scope, id, environment.Now(u.parts.Clock.Now())); err != nil {
			return Leaderboard{}, err
		}
		var after Leaderboard
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			current, err := u.leaderboard(ctx, tx, scope, id)
			switch {
			case err != nil:
				return err
			case number > current.Season.Number || number < 1:
				return ranking.ErrSeasonNotFound
			case number < current.Season.Number:
				return ranking.ErrSeasonClosed
			}
			now := u.parts.Clock.Now()
			moment := environment.Now(now)
			if current.Season.Due(moment) {
				return ranking.ErrSeasonNotFound // since the look before
			}
			ended, next := u.parts.Boards.Ends(current.Board, current.Season, moment, moment)
			if err := tx.Boards().Close(ctx, scope, current.Board.Version, ended, next); err != nil {
				return fmt.Errorf("close season: %w", err)
			}
			if err := leaderboards.BeginAward(ctx, tx, scope, current.Board, ended.Number); err != nil {
				return err
			}
			after = Leaderboard{Board: current.Board, Season: next}
			after.Board.Season = next.Number
			event := audit.By(p, audit.SeasonClosed, now).In(scope).On("leaderboard", string(id))
			event.Before = map[string]string{"season": strconv.Itoa(ended.Number)}
			event.After = map[string]string{"season": strconv.Itoa(next.Number)}
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, after, effects)
		})
		u.parts.Boards.Forget(scope, id)
		// It got another epoch, the board was edited, or somebody else was first, which the next round finds out.
		if errors.Is(err, ranking.ErrSeasonNotFound) && ctx.Err() == nil {
			if known, lookup := u.parts.Store.Boards().Season(ctx, scope, id, number); lookup == nil && known.Number == number {
				continue
			}
		}
		return after, err
	}
}

func boardSummary(b ranking.Board) map[string]string {
	s := map[string]string{
		"name": b.Name, "sort": string(b.Rules.Sort), "operator": string(b.Rules.Operator), "tie_break": string(b.Rules.TieBreak),
		"attempts": strconv.Itoa(b.Rules.Attempts), "submitters": string(b.Submitters), "metadata_bytes": strconv.Itoa(b.MetadataBytes),
	}
	s["schedule"] = "none"
	if b.Schedule != (ranking.Schedule{}) {
		s["schedule"] = b.Schedule.Cron + " " + b.Schedule.Zone
	}
	s["rewards"] = prizeSummary(b.Prizes)
	s["keep_seasons"] = "all"
	if b.KeepSeasons > 0 {
		s["keep_seasons"] = strconv.Itoa(b.KeepSeasons)
	}
	for name, bound := range map[string]*int64{"min_score": b.MinScore, "max_score": b.MaxScore} {
		s[name] = "none"
		if bound != nil {
			s[name] = strconv.FormatInt(*bound, 10)
		}
	}
	return s
}

// prizeSummary names who wins what: the payloads, which may be long, by a part of their hash.
func prizeSummary(prizes []ranking.Prize) string {
	words := make([]string, len(prizes))
	for i, p := range prizes {
		words[i] = fmt.Sprintf("%d-%d", p.FromRank, p.ToRank)
		if p.TopBasisPoints > 0 {
			words[i] = fmt.Sprintf("top %d.%02d%%", p.TopBasisPoints/100, p.TopBasisPoints%100)
		}
		words[i] += fmt.Sprintf(" %.4x", sha256.Sum256([]byte(p.Payload)))
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
