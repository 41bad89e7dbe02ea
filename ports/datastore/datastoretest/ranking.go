package datastoretest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var boardRules = ranking.Rules{Sort: ranking.Descending, Operator: ranking.Best, TieBreak: ranking.EarliestFirst}

func board(id ranking.BoardID) (ranking.Board, ranking.Season) {
	low := int64(math.MinInt64)
	b := ranking.Board{
		ID: id, Version: 1, Season: 1, CreatedAt: start, UpdatedAt: start,
		Definition: ranking.Definition{Name: "The " + string(id), Rules: boardRules, MinScore: &low, Submitters: ranking.Servers, MetadataBytes: 100},
	}
	return b, ranking.Season{Board: id, Number: 1, State: ranking.Open, Rules: boardRules, StartedAt: start, Epoch: 1}
}

// board stores a new board and gives its season.
func (w *world) board(t *testing.T, scope tenancy.Scope, id ranking.BoardID) ranking.SeasonRef {
	t.Helper()
	b, s := board(id)
	must(t, w.Boards().Create(w.ctx, scope, b, s))
	return ranking.SeasonRef{Board: id, Number: 1}
}

func entry(player identity.PlayerID, score, revision int64) ranking.Entry {
	return ranking.Entry{
		Player: player, Run: ranking.Run{Score: score, Subscore: -score}, AchievedAt: start, Metadata: `{"é":"'?"}`, Submissions: 3,
		Revision: revision, CreatedAt: start, UpdatedAt: later(time.Second),
	}
}

func entryWrite(e ranking.Entry, before int64) ranking.EntryWrite {
	return ranking.EntryWrite{Entry: e, Key: boardRules.Key(e.Run, e.AchievedAt), Before: before}
}

// enter stores entries of which there was none.
func (w *world) enter(t *testing.T, season ranking.SeasonRef, entries ...ranking.Entry) {
	t.Helper()
	writes := make([]ranking.EntryWrite, len(entries))
	for i, e := range entries {
		writes[i] = entryWrite(e, 0)
	}
	must(t, w.Entries().WriteMany(w.ctx, w.here(), season, writes))
}

func lockEntry(ctx context.Context, r repos, scope tenancy.Scope, season ranking.SeasonRef, player identity.PlayerID) (ranking.Entry, error) {
	found, err := r.Entries().LockMany(ctx, scope, season, []identity.PlayerID{player})
	if err == nil && len(found) == 0 {
		err = ranking.ErrNotRanked
	}
	if err != nil {
		return ranking.Entry{}, err
	}
	return found[0], nil
}

// pageError is the error of a call that gives a page.
func pageError[T, C any](_ T, _ C, err error) error { return err }

func names(boards []ranking.Board) string {
	return joined(boards, func(b ranking.Board) string { return string(b.ID) })
}

func seasonNumbers(seasons []ranking.Season) string {
	return joined(seasons, func(s ranking.Season) string { return fmt.Sprint(s.Number) })
}

func players(entries []ranking.Entry) []identity.PlayerID {
	ids := []identity.PlayerID{}
	for _, e := range entries {
		ids = append(ids, e.Player)
	}
	return ids
}

var boardTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		b, s := board("laps")
		high := int64(math.MaxInt64)
		b.Schedule, s.PlannedEnd = ranking.Schedule{Cron: "0 5 * * mon", Zone: "Europe/Berlin"}, later(time.Hour)
		b.Prizes = []ranking.Prize{{FromRank: 1, ToRank: 3, Payload: `{"é":"'?\u0001"}`}, {TopBasisPoints: 10_000, Payload: `{}`}}
		b.KeepSeasons = 52
		b.MaxScore, b.Rules.Attempts, s.Rules.Attempts, b.Name = &high, 7, 7, "Ünïcode 日本 ' ?"
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		same(t, "board", get[ranking.Board](t)(w.Boards().Get(w.ctx, w.here(), "laps")), b)
		same(t, "season", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 1)), s)
		fails(t, "again", w.Boards().Create(w.ctx, w.here(), b, s), ranking.ErrBoardExists)
		for _, id := range []ranking.BoardID{"lap", "Laps", "laps\x00", "\xff", ""} {
			fails(t, "get", second(w.Boards().Get(w.ctx, w.here(), id)), ranking.ErrBoardNotFound)
			fails(t, "season", second(w.Boards().Season(w.ctx, w.here(), id, 1)), ranking.ErrSeasonNotFound)
		}
		fails(t, "season 2", second(w.Boards().Season(w.ctx, w.here(), "laps", 2)), ranking.ErrSeasonNotFound)
	},
	"a board that exists leaves its transaction usable": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		w.inTx(t, func(tx repos) error {
			fails(t, "create", tx.Boards().Create(w.ctx, w.here(), b, s), ranking.ErrBoardExists)
			same(t, "board", get[ranking.Board](t)(tx.Boards().Get(w.ctx, w.here(), "laps")), b)
			return nil
		})
	},
	"list by id": func(t *testing.T, w *world) {
		for _, id := range []ranking.BoardID{"b", "a-z", "a", "c"} {
			w.board(t, w.here(), id)
		}
		w.board(t, w.away.Scope(), "b2")
		same(t, "all", names(get[[]ranking.Board](t)(w.Boards().List(w.ctx, w.here(), "", 10))), "a a-z b c")
		same(t, "two after a", names(get[[]ranking.Board](t)(w.Boards().List(w.ctx, w.here(), "a", 2))), "a-z b")
		same(t, "none", get[[]ranking.Board](t)(w.Boards().List(w.ctx, w.here(), "c", 2)), []ranking.Board{})
	},
	"an update replaces the version before": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		fails(t, "version 1", w.Boards().Update(w.ctx, w.here(), b), ranking.ErrBoardStale)
		b.Version, b.Name, b.UpdatedAt, b.MinScore, b.Submitters, b.MetadataBytes = 2, "Other", later(time.Hour), nil, ranking.Players, 5
		b.Schedule = ranking.Schedule{Cron: "* * * * *", Zone: "UTC"}
		b.Prizes, b.KeepSeasons = []ranking.Prize{{FromRank: 2, ToRank: 2, Payload: `{}`}}, 3
		b.Rules = ranking.Rules{Sort: ranking.Ascending, Operator: ranking.Sum, TieBreak: ranking.Shared, Attempts: 4}
		must(t, w.Boards().Update(w.ctx, w.here(), b))
		same(t, "updated", get[ranking.Board](t)(w.Boards().Get(w.ctx, w.here(), "laps")), b)
		same(t, "its season", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 1)), s)
		fails(t, "again", w.Boards().Update(w.ctx, w.here(), b), ranking.ErrBoardStale)
	},
	"seasons close once and in their epoch": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		ended, next := s.Close(b, later(time.Hour), later(time.Hour))
		ended.FreezesAt, next.PlannedEnd = later(time.Minute), later(2*time.Hour)
		must(t, w.Boards().Renew(w.ctx, w.here(), "laps", 1))
		fails(t, "in an epoch that is over", w.Boards().Close(w.ctx, w.here(), 1, ended, next), ranking.ErrSeasonNotFound)
		ended.Epoch++
		fails(t, "by a board that was edited", w.Boards().Close(w.ctx, w.here(), b.Version+1, ended, next), ranking.ErrSeasonNotFound)
		same(t, "and nothing has happened", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 1)).State, ranking.Open)
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		fails(t, "again", w.Boards().Close(w.ctx, w.here(), 1, ended, next), ranking.ErrSeasonNotFound)
		same(t, "ended", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 1)), ended)
		same(t, "next", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 2)), next)
		same(t, "current", get[ranking.Board](t)(w.Boards().Get(w.ctx, w.here(), "laps")).Season, 2)
		ended, next = next.Close(b, later(2*time.Hour), later(2*time.Hour))
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		same(t, "all", seasonNumbers(get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 0, 10))), "3 2 1")
		same(t, "one before", seasonNumbers(get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 3, 1))), "2")
		same(t, "none", get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "none", 0, 1)), []ranking.Season{})
		fails(t, "renew none", w.Boards().Renew(w.ctx, w.here(), "laps", 9), ranking.ErrSeasonNotFound)
	},
	"seasons that take runs can be held": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		other := w.board(t, w.here(), "other")
		first, second, none := s.Ref(), ranking.SeasonRef{Board: "laps", Number: 2}, ranking.SeasonRef{Board: "none", Number: 1}
		held := func(wanted ...ranking.SeasonRef) string {
			t.Helper()
			return joined(slices.SortedFunc(slices.Values(get[[]ranking.Season](t)(w.Boards().Hold(w.ctx, w.here(), wanted))), func(a, b ranking.Season) int {
				return strings.Compare(string(a.Board), string(b.Board))*2 + cmp.Compare(a.Number, b.Number)
			}), func(s ranking.Season) string { return fmt.Sprint(s.Board, " ", s.Number, " ", s.State) })
		}
		same(t, "open", held(other, none, first, second), "laps 1 open other 1 open")
		ended, next := s.Close(b, later(time.Hour), later(time.Hour))
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		same(t, "closing", held(first, second), "laps 1 closing laps 2 open")
		same(t, "as it was stored", get[[]ranking.Season](t)(w.Boards().Hold(w.ctx, w.here(), []ranking.SeasonRef{first})), []ranking.Season{ended})
		ended.State = ranking.Closed
		must(t, w.Boards().Advance(w.ctx, w.here(), ended, ranking.Closing))
		same(t, "closed", held(first, second, other), "laps 2 open other 1 open")
		same(t, "nothing", held(), "")
	},
	"states follow each other": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		ended, next := s.Close(b, later(time.Hour), later(time.Hour))
		closed := ended
		closed.State = ranking.Closed
		fails(t, "from a state it isn't in", w.Boards().Advance(w.ctx, w.here(), closed, ranking.Closing), ranking.ErrSeasonNotFound)
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		must(t, w.Boards().Advance(w.ctx, w.here(), closed, ranking.Closing))
		fails(t, "again", w.Boards().Advance(w.ctx, w.here(), closed, ranking.Closing), ranking.ErrSeasonNotFound)
		same(t, "closed", get[ranking.Season](t)(w.Boards().Season(w.ctx, w.here(), "laps", 1)), closed)
		archive := ranking.Archive{At: later(2 * time.Hour), Hash: [32]byte{0, 1, 254, 31: 255}, Bytes: math.MaxInt64, Entries: 3}
		fails(t, "archive of an open one", w.Boards().Archive(w.ctx, w.here(), next.Ref(), archive), ranking.ErrSeasonNotFound)
		fails(t, "archive of one elsewhere", w.Boards().Archive(w.ctx, w.away.Scope(), closed.Ref(), archive), ranking.ErrSeasonNotFound)
		same(t, "not archived", len(get[[]ranking.Season](t)(w.Boards().Unfinished(w.ctx, w.here(), ranking.SeasonRef{}, 9))), 1)
		must(t, w.Boards().Archive(w.ctx, w.here(), closed.Ref(), archive))
		fails(t, "archive again", w.Boards().Archive(w.ctx, w.here(), closed.Ref(), ranking.Archive{At: later(3 * time.Hour)}), ranking.ErrSeasonNotFound)
		archived := closed
		archived.State, archived.Archive = ranking.Archived, archive
		same(t, "archived", get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 0, 9)), []ranking.Season{next, archived})
		same(t, "unfinished", len(get[[]ranking.Season](t)(w.Boards().Unfinished(w.ctx, w.here(), ranking.SeasonRef{}, 9))), 0)
		none := closed
		none.Number = 9
		fails(t, "none", w.Boards().Advance(w.ctx, w.here(), none, ranking.Closing), ranking.ErrSeasonNotFound)
	},
	"ends are planned and found": func(t *testing.T, w *world) {
		for i, id := range []ranking.BoardID{"c", "b", "a", "unplanned", "later"} {
			b, s := board(id)
			if id != "unplanned" {
				s.PlannedEnd = later(time.Duration(i) * time.Hour)
			}
			must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		}
		due := func(now time.Time, limit int) string {
			t.Helper()
			return joined(get[[]ranking.Season](t)(w.Boards().Due(w.ctx, w.here(), now, limit)), func(s ranking.Season) string { return string(s.Board) })
		}
		same(t, "before all", due(later(-time.Microsecond), 10), "")
		same(t, "at the end of the third", due(later(2*time.Hour), 10), "c b a")
		same(t, "bounded", due(later(2*time.Hour), 2), "c b")
		must(t, w.Boards().Plan(w.ctx, w.here(), ranking.SeasonRef{Board: "c", Number: 1}, later(3*time.Hour)))
		must(t, w.Boards().Plan(w.ctx, w.here(), ranking.SeasonRef{Board: "b", Number: 1}, time.Time{}))
		must(t, w.Boards().Plan(w.ctx, w.here(), ranking.SeasonRef{Board: "unplanned", Number: 1}, later(time.Minute)))
		same(t, "planned anew", due(later(3*time.Hour), 10), "unplanned a c")
		b, s := board("a")
		ended, next := s.Close(b, later(2*time.Hour), later(2*time.Hour))
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		same(t, "ended", due(later(3*time.Hour), 10), "unplanned c")
		fails(t, "plan of one that ended", w.Boards().Plan(w.ctx, w.here(), ended.Ref(), later(time.Hour)), ranking.ErrSeasonNotFound)
	},
	"what ended is unfinished": func(t *testing.T, w *world) {
		for _, id := range []ranking.BoardID{"b", "a"} {
			b, s := board(id)
			must(t, w.Boards().Create(w.ctx, w.here(), b, s))
			for range 2 {
				ended, next := s.Close(b, later(time.Hour), later(time.Hour))
				must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
				s = next
			}
		}
		unfinished := func(after ranking.SeasonRef, limit int) string {
			t.Helper()
			return joined(get[[]ranking.Season](t)(w.Boards().Unfinished(w.ctx, w.here(), after, limit)), func(s ranking.Season) string { return fmt.Sprint(s.Board, s.Number) })
		}
		same(t, "all", unfinished(ranking.SeasonRef{}, 10), "a1 a2 b1 b2")
		same(t, "a page", unfinished(ranking.SeasonRef{Board: "a", Number: 1}, 2), "a2 b1")
		same(t, "the end", unfinished(ranking.SeasonRef{Board: "b", Number: 2}, 2), "")
	},
	"a retired season is shown to nobody and erased with what is left": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		var ended []ranking.Season
		for range 3 {
			was, next := s.Close(b, later(time.Hour), later(time.Hour))
			must(t, w.Boards().Close(w.ctx, w.here(), 1, was, next))
			was.State = ranking.Closed
			must(t, w.Boards().Advance(w.ctx, w.here(), was, ranking.Closing))
			ended, s = append(ended, was), next
		}
		p := w.player(t, w.here())
		for i := range 2 {
			must(t, w.Entries().WriteMany(w.ctx, w.here(), ended[i].Ref(), []ranking.EntryWrite{entryWrite(entry(p.ID, 1, 1), 0)}))
		}
		w.award(t, w.here(), ended[0].Ref(), reward(ended[0].Ref(), p.ID, 1))
		first := ended[0].Ref()
		fails(t, "retire before it is archived", w.Boards().Retire(w.ctx, w.here(), first, start), ranking.ErrSeasonNotFound)
		for i := range ended {
			ended[i].State, ended[i].Archive = ranking.Archived, ranking.Archive{At: later(time.Hour), Bytes: 1}
			must(t, w.Boards().Archive(w.ctx, w.here(), ended[i].Ref(), ended[i].Archive))
		}
		retired := func(before time.Time, after ranking.SeasonRef, limit int) string {
			t.Helper()
			return seasonNumbers(get[[]ranking.Season](t)(w.Boards().Retired(w.ctx, w.here(), before, after, limit)))
		}
		fails(t, "retire the open one", w.Boards().Retire(w.ctx, w.here(), s.Ref(), start), ranking.ErrSeasonNotFound)
		fails(t, "erase one that is not retired", w.Boards().Erase(w.ctx, w.here(), first), ranking.ErrSeasonNotFound)
		must(t, w.Boards().Retire(w.ctx, w.here(), first, later(time.Minute)))
		fails(t, "retire again", w.Boards().Retire(w.ctx, w.here(), first, later(time.Hour)), ranking.ErrSeasonNotFound)
		must(t, w.Boards().Retire(w.ctx, w.here(), ended[1].Ref(), later(time.Hour)))
		fails(t, "read", second(w.Boards().Season(w.ctx, w.here(), "laps", 1)), ranking.ErrSeasonNotFound)
		fails(t, "renew", w.Boards().Renew(w.ctx, w.here(), "laps", 1), ranking.ErrSeasonNotFound)
		same(t, "shown", seasonNumbers(get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 0, 10))), "4 3")
		same(t, "as it was", get[[]ranking.Season](t)(w.Boards().Retired(w.ctx, w.here(), later(time.Hour), ranking.SeasonRef{}, 10)), ended[:1])
		same(t, "too early", retired(later(time.Minute), ranking.SeasonRef{}, 10), "")
		same(t, "both", retired(later(2*time.Hour), ranking.SeasonRef{}, 10), "1 2")
		same(t, "a page", retired(later(2*time.Hour), ranking.SeasonRef{}, 1), "1")
		same(t, "the next page", retired(later(2*time.Hour), first, 1), "2")
		must(t, w.Boards().Erase(w.ctx, w.here(), first))
		fails(t, "erase again", w.Boards().Erase(w.ctx, w.here(), first), ranking.ErrSeasonNotFound)
		same(t, "left", retired(later(2*time.Hour), ranking.SeasonRef{}, 10), "2")
		same(t, "its entries", len(get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), first, 10))), 0)
		fails(t, "its award", second(w.Rewards().Award(w.ctx, w.here(), first)), ranking.ErrAwardNotFound)
		fails(t, "its reward", second(w.Rewards().Get(w.ctx, w.here(), first, p.ID)), ranking.ErrRewardNotFound)
		same(t, "another's entries", len(get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ended[1].Ref(), 10))), 1)
	},
	"entries and rewards are purged so many at a time": func(t *testing.T, w *world) {
		ref, other := w.board(t, w.here(), "laps"), w.board(t, w.here(), "other")
		var entries []ranking.Entry
		var rewards []ranking.Reward
		for i := range int64(5) {
			p := w.player(t, w.here())
			e := entry(p.ID, i, 1)
			e.Hidden = i == 3
			entries, rewards = append(entries, e), append(rewards, reward(ref, p.ID, i+1))
		}
		w.enter(t, ref, entries...)
		w.enter(t, other, entries...)
		w.award(t, w.here(), ref, rewards...)
		var position ranking.Cursor
		var place int64
		var told []string
		for _, limit := range []int{0, 2, 2, 2, 2} {
			var n, m int
			var err error
			n, position, err = w.Entries().Purge(w.ctx, w.here(), ref, position, limit)
			must(t, err)
			m, place, err = w.Rewards().Purge(w.ctx, w.here(), ref, place, limit)
			must(t, err)
			left, _, err := w.Entries().All(w.ctx, w.here(), ref, ranking.Cursor{}, 10)
			must(t, err)
			told = append(told, fmt.Sprintf("%d+%d,%d+%d", n, m, len(left), len(get[[]ranking.Reward](t)(w.Rewards().In(w.ctx, w.here(), ref, someAward, 0)))))
		}
		same(t, "purged and left", strings.Join(told, " "), "0+0,5+5 2+2,3+3 2+2,1+1 1+1,0+0 0+0,0+0")
		all, _, err := w.Entries().All(w.ctx, w.here(), other, ranking.Cursor{}, 10)
		must(t, err)
		same(t, "of the other", len(all), 5)
	},
	"of many who close, one does": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		const closers = 8
		errs := make([]error, closers)
		together(closers, func(i int) {
			ended, next := s.Close(b, later(time.Duration(i+1)*time.Hour), later(time.Duration(i+1)*time.Hour))
			errs[i] = w.Boards().Close(w.ctx, w.here(), 1, ended, next)
		})
		closed := 0
		for _, err := range errs {
			if err == nil {
				closed++
			} else {
				fails(t, "close", err, ranking.ErrSeasonNotFound)
			}
		}
		same(t, "closed", closed, 1)
	},
	"a held season takes runs until its holder is done": func(t *testing.T, w *world) {
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		ref := ranking.SeasonRef{Board: "laps", Number: 1}
		const writers = 6
		var frozen int64
		errs := make([]error, writers+1)
		ids := make([]identity.PlayerID, writers)
		for i := range ids {
			ids[i] = w.player(t, w.here()).ID
		}
		together(writers+1, func(i int) {
			if i == writers {
				ended, next := s.Close(b, later(time.Hour), later(time.Hour))
				closed := ended
				closed.State = ranking.Closed
				if errs[i] = w.Boards().Close(w.ctx, w.here(), 1, ended, next); errs[i] == nil {
					errs[i] = w.Boards().Advance(w.ctx, w.here(), closed, ranking.Closing)
				}
				if errs[i] == nil {
					frozen, errs[i] = w.Entries().Count(w.ctx, w.here(), ref, 100)
				}
				return
			}
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				held, err := tx.Boards().Hold(ctx, w.here(), []ranking.SeasonRef{ref})
				if err != nil {
					return err
				}
				if len(held) == 0 {
					return nil // it was closed
				}
				return tx.Entries().WriteMany(ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(entry(ids[i], 1, 1), 0)})
			})
		})
		must(t, errors.Join(errs...))
		same(t, "entries since it was closed", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 100)), frozen)
	},
}

var entryTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		for i, score := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
			e := entry(w.player(t, w.here()).ID, 0, int64(i)+1)
			e.Run = ranking.Run{Score: score, Subscore: -score - 1}
			if i == 0 {
				e.Metadata, e.Submissions = "", 0
			}
			w.enter(t, ref, e)
			same(t, "entry", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, e.Player)), e)
			next := e
			next.Revision, next.Run, next.Metadata, next.Submissions = e.Revision+5, ranking.Run{Score: -score - 1, Subscore: score}, `{"n":1}`, 9
			next.AchievedAt, next.UpdatedAt = later(time.Microsecond), later(time.Hour)
			must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(next, e.Revision)}))
			same(t, "replaced", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, e.Player)), next)
		}
		same(t, "none", get[[]ranking.Entry](t)(w.Entries().LockMany(w.ctx, w.here(), ref, nil)), []ranking.Entry{})
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, nil))
	},
	"a write replaces the revision before, all or none": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		a, b, c := entry(w.player(t, w.here()).ID, 1, 1), entry(w.player(t, w.here()).ID, 2, 1), entry(w.player(t, w.here()).ID, 3, 1)
		w.enter(t, ref, a, b)
		next := a
		next.Revision, next.Run.Score = 2, 50
		for what, second := range map[string]ranking.EntryWrite{
			"there already":       entryWrite(b, 0),
			"another revision":    entryWrite(entry(b.Player, 9, 3), 2),
			"never there":         entryWrite(entry(c.Player, 9, 3), 2),
			"one that was before": entryWrite(entry(b.Player, 9, 7), 6),
		} {
			fails(t, what, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(next, 1), second}), ranking.ErrEntryStale)
			same(t, what, get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, a.Player)), a)
		}
		for _, bad := range []ranking.EntryWrite{entryWrite(a, 1), entryWrite(a, -1), entryWrite(entry(a.Player, 1, 0), 0)} {
			if err := w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{bad}); err == nil || errors.Is(err, ranking.ErrEntryStale) {
				t.Errorf("revision %d after %d: %v", bad.Entry.Revision, bad.Before, err)
			}
		}
	},
	"an unknown player or season": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		p := w.player(t, w.here())
		abroad := w.player(t, w.away.Scope())
		for what, err := range map[string]error{
			"player":               w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(entry(identity.PlayerID(newID()), 1, 1), 0)}),
			"another's player":     w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(entry(abroad.ID, 1, 1), 0)}),
			"season":               w.Entries().WriteMany(w.ctx, w.here(), ranking.SeasonRef{Board: "laps", Number: 2}, []ranking.EntryWrite{entryWrite(entry(p.ID, 1, 1), 0)}),
			"board":                w.Entries().WriteMany(w.ctx, w.here(), ranking.SeasonRef{Board: "none", Number: 1}, []ranking.EntryWrite{entryWrite(entry(p.ID, 1, 1), 0)}),
			"environment's season": w.Entries().WriteMany(w.ctx, w.away.Scope(), ref, []ranking.EntryWrite{entryWrite(entry(abroad.ID, 1, 1), 0)}),
		} {
			fails(t, what, err, identity.ErrPlayerNotFound)
		}
	},
	"removed entries have no place": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		a, b := entry(w.player(t, w.here()).ID, 10, 1), entry(w.player(t, w.here()).ID, 5, 1)
		w.enter(t, ref, a, b)
		gone, err := a.Remove(later(time.Hour))
		must(t, err)
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(gone, 1)}))
		same(t, "locked", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, a.Player)), gone)
		same(t, "top", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 10)), []ranking.Entry{b})
		same(t, "count", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 10)), 1)
		fails(t, "standing", second(w.Entries().Standing(w.ctx, w.here(), ref, a.Player, 10, false)), ranking.ErrNotRanked)
		same(t, "ahead of the other", get[ranking.Counted](t)(w.Entries().Standing(w.ctx, w.here(), ref, b.Player, 10, false)), ranking.Counted{Entry: b})
		all, _, err := w.Entries().All(w.ctx, w.here(), ref, ranking.Cursor{}, 10)
		must(t, err)
		same(t, "all", all, []ranking.Entry{gone, b})
		back, err := gone.Restore(later(2 * time.Hour))
		must(t, err)
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(back, 2)}))
		same(t, "restored", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 10)), []ranking.Entry{back, b})
	},
	"hidden entries have no place and keep what they are": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		a, b := entry(w.player(t, w.here()).ID, 10, 1), entry(w.player(t, w.here()).ID, 5, 1)
		b.Hidden = true
		w.enter(t, ref, a, b)
		same(t, "made hidden", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, b.Player)), b)
		hidden := a.Hide(true, later(time.Hour))
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(hidden, 1)}))
		same(t, "hidden", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, a.Player)), hidden)
		same(t, "top", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 10)), []ranking.Entry{})
		same(t, "count", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 10)), 0)
		fails(t, "standing", second(w.Entries().Standing(w.ctx, w.here(), ref, a.Player, 10, false)), ranking.ErrNotRanked)
		all, _, err := w.Entries().All(w.ctx, w.here(), ref, ranking.Cursor{}, 10)
		must(t, err)
		same(t, "all", all, []ranking.Entry{hidden, b})
		shown := hidden.Hide(false, later(time.Hour))
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(shown, 2)}))
		same(t, "shown", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 10)), []ranking.Entry{shown})
	},
	"the open seasons that a player is in": func(t *testing.T, w *world) {
		p, other := w.player(t, w.here()), w.player(t, w.here())
		for _, id := range []ranking.BoardID{"b", "a", "c", "d"} {
			w.enter(t, w.board(t, w.here(), id), entry(p.ID, 1, 1))
		}
		w.enter(t, w.board(t, w.here(), "e"), entry(other.ID, 1, 1))
		closed, season := board("c")
		ended, next := season.Close(closed, later(time.Hour), later(time.Hour))
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		gone, err := entry(p.ID, 1, 1).Remove(start)
		must(t, err)
		must(t, w.Entries().WriteMany(w.ctx, w.here(), ranking.SeasonRef{Board: "d", Number: 1}, []ranking.EntryWrite{entryWrite(gone, 1)}))
		same(t, "boards", get[[]ranking.BoardID](t)(w.Entries().OpenOf(w.ctx, w.here(), p.ID)), []ranking.BoardID{"a", "b", "d"})
		same(t, "nobody's", get[[]ranking.BoardID](t)(w.Entries().OpenOf(w.ctx, w.here(), "nobody")), []ranking.BoardID{})
	},
	"in the order of ranks": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		var made []ranking.Entry
		for _, score := range []int64{math.MinInt64, -256, -1, 0, 1, 255, 256, 1 << 53, 1<<53 + 1, math.MaxInt64, 7, 7, 7} {
			made = append(made, entry(w.player(t, w.here()).ID, score, 1))
			made[len(made)-1].Run.Subscore = 0
		}
		w.enter(t, ref, made...)
		other := w.board(t, w.here(), "other")
		w.enter(t, other, entry(made[0].Player, 99, 1))
		want := slices.SortedFunc(slices.Values(made), func(a, b ranking.Entry) int {
			switch {
			case boardRules.Ahead(a.Run, b.Run):
				return -1
			case boardRules.Ahead(b.Run, a.Run):
				return 1
			}
			return strings.Compare(string(a.Player), string(b.Player))
		})
		same(t, "top", players(get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 100))), players(want))
		same(t, "top three", players(get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 3))), players(want[:3]))
		same(t, "none", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, w.here(), ref, 0)), []ranking.Entry{})
		same(t, "count", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 100)), int64(len(want)))
		same(t, "count, bounded", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 5)), 5)
		var paged []ranking.Entry
		var cursor ranking.Cursor
		for {
			page, next, err := w.Entries().All(w.ctx, w.here(), ref, cursor, 4)
			must(t, err)
			paged, cursor = append(paged, page...), next
			if len(page) < 4 {
				break
			}
		}
		same(t, "all, in pages", players(paged), players(want))
		for i, e := range want {
			better := 0
			for _, o := range want {
				if boardRules.Ahead(o.Run, e.Run) {
					better++
				}
			}
			same(t, "standing", get[ranking.Counted](t)(w.Entries().Standing(w.ctx, w.here(), ref, e.Player, 100, false)), ranking.Counted{Entry: e, Ahead: int64(i)})
			same(t, "shared", get[ranking.Counted](t)(w.Entries().Standing(w.ctx, w.here(), ref, e.Player, 100, true)), ranking.Counted{Entry: e, Ahead: int64(better)})
			same(t, "bounded", get[ranking.Counted](t)(w.Entries().Standing(w.ctx, w.here(), ref, e.Player, 4, false)).Ahead, int64(min(i, 4)))
		}
	},
	"lock keeps other writers out": func(t *testing.T, w *world) {
		const writers, each = 8, 5
		ref := w.board(t, w.here(), "laps")
		p := w.player(t, w.here())
		w.enter(t, ref, entry(p.ID, 0, 1))
		errs := make([]error, writers)
		together(writers, func(i int) {
			for range each {
				err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
					if _, err := tx.Boards().Hold(ctx, w.here(), []ranking.SeasonRef{ref}); err != nil {
						return err
					}
					e, err := lockEntry(ctx, tx, w.here(), ref, p.ID)
					if err != nil {
						return err
					}
					before := e.Revision
					e.Revision++
					e.Run.Score++
					return tx.Entries().WriteMany(ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(e, before)}) // never stale, because it was locked
				})
				errs[i] = errors.Join(errs[i], err)
			}
		})
		must(t, errors.Join(errs...))
		same(t, "score", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), ref, p.ID)).Run.Score, writers*each)
	},
	"of many who make an entry, one does": func(t *testing.T, w *world) {
		const writers = 8
		ref := w.board(t, w.here(), "laps")
		p := w.player(t, w.here())
		errs := make([]error, writers)
		together(writers, func(i int) {
			errs[i] = w.Entries().WriteMany(w.ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(entry(p.ID, int64(i), int64(i)+1), 0)})
		})
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				fails(t, "write", err, ranking.ErrEntryStale)
			}
		}
		same(t, "made", made, 1)
	},
}
