package datastoretest

import (
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

// erase deletes a deleted board with what is left of it, and tells whether it did.
func (w *world) erase(t *testing.T, id ranking.BoardID, rows int) bool {
	t.Helper()
	return get[bool](t)(w.Boards().EraseBoard(w.ctx, w.here(), id, rows))
}

var deletedBoardTests = map[string]func(*testing.T, *world){
	"shown to nobody, with its seasons": func(t *testing.T, w *world) {
		b, s := board("laps")
		s.PlannedEnd = later(time.Minute)
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		ended, open := s.Close(b, later(time.Minute), later(time.Minute))
		open.PlannedEnd = later(time.Hour)
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, open))
		w.board(t, w.here(), "other")
		p := w.player(t, w.here())
		w.enter(t, open.Ref(), entry(p.ID, 1, 1))
		must(t, w.Boards().Delete(w.ctx, w.here(), open.Ref(), later(time.Minute)))

		fails(t, "read", second(w.Boards().Get(w.ctx, w.here(), "laps")), ranking.ErrBoardNotFound)
		same(t, "listed", joined(get[[]ranking.Board](t)(w.Boards().List(w.ctx, w.here(), "", 10)), func(b ranking.Board) string { return string(b.ID) }), "other")
		edited := b
		edited.Version++
		fails(t, "edit", w.Boards().Update(w.ctx, w.here(), edited), ranking.ErrBoardStale)
		fails(t, "delete again", w.Boards().Delete(w.ctx, w.here(), open.Ref(), start), ranking.ErrSeasonNotFound)
		same(t, "seasons", len(get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 0, 10))), 0)
		same(t, "held", len(get[[]ranking.Season](t)(w.Boards().Hold(w.ctx, w.here(), []ranking.SeasonRef{ended.Ref(), open.Ref()}))), 0)
		same(t, "due", len(get[[]ranking.Season](t)(w.Boards().Due(w.ctx, w.here(), later(24*time.Hour), 10))), 0)
		same(t, "unfinished", len(get[[]ranking.Season](t)(w.Boards().Unfinished(w.ctx, w.here(), ranking.SeasonRef{}, 10))), 0)
		same(t, "the player's", get[[]ranking.BoardID](t)(w.Entries().OpenOf(w.ctx, w.here(), p.ID)), []ranking.BoardID{})
		after, next := open.Close(b, later(time.Hour), later(time.Hour))
		closed := ended
		closed.State = ranking.Closed
		for what, err := range map[string]error{
			"season":  second(w.Boards().Season(w.ctx, w.here(), "laps", 2)),
			"close":   w.Boards().Close(w.ctx, w.here(), 1, after, next),
			"plan":    w.Boards().Plan(w.ctx, w.here(), open.Ref(), start),
			"renew":   w.Boards().Renew(w.ctx, w.here(), "laps", 2),
			"advance": w.Boards().Advance(w.ctx, w.here(), closed, ranking.Closing),
			"archive": w.Boards().Archive(w.ctx, w.here(), ended.Ref(), ranking.Archive{}),
		} {
			fails(t, what, err, ranking.ErrSeasonNotFound)
		}
		same(t, "retired", seasonNumbers(get[[]ranking.Season](t)(w.Boards().Retired(w.ctx, w.here(), later(time.Hour), ranking.SeasonRef{}, 10))), "1 2")
		same(t, "its entries", get[int64](t)(w.Entries().Count(w.ctx, w.here(), open.Ref(), 10)), 1)
	},
	"only with the open season": func(t *testing.T, w *world) {
		fails(t, "no board", w.Boards().Delete(w.ctx, w.here(), ranking.SeasonRef{Board: "laps", Number: 1}, start), ranking.ErrSeasonNotFound)
		b, s := board("laps")
		must(t, w.Boards().Create(w.ctx, w.here(), b, s))
		ended, next := s.Close(b, later(time.Hour), later(time.Hour))
		must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
		fails(t, "the one before", w.Boards().Delete(w.ctx, w.here(), ended.Ref(), start), ranking.ErrSeasonNotFound)
		same(t, "left", len(get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, w.here(), "laps", 0, 10))), 2)
		must(t, w.Boards().Delete(w.ctx, w.here(), next.Ref(), start))
	},
	"erased when few rows are left, and its id free then": func(t *testing.T, w *world) {
		ref, other := w.board(t, w.here(), "laps"), w.board(t, w.here(), "other")
		p, q := w.player(t, w.here()).ID, w.player(t, w.here()).ID
		for _, of := range []ranking.SeasonRef{ref, other} {
			w.enter(t, of, entry(p, 1, 1), entry(q, 2, 1))
			w.award(t, w.here(), of, reward(of, p, 1))
			must(t, w.Quarantines().Save(w.ctx, w.here(), quarantine(of.Board, p)))
		}
		fails(t, "one that is not deleted", second(w.Boards().EraseBoard(w.ctx, w.here(), "laps", 100)), ranking.ErrBoardNotFound)
		must(t, w.Boards().Delete(w.ctx, w.here(), ref, start))
		again, first := board("laps")
		fails(t, "create while it is going", w.Boards().Create(w.ctx, w.here(), again, first), ranking.ErrBoardGoing)
		same(t, "deleted", get[[]ranking.BoardID](t)(w.Boards().Deleted(w.ctx, w.here(), "", 10)), []ranking.BoardID{"laps"})
		same(t, "after it", get[[]ranking.BoardID](t)(w.Boards().Deleted(w.ctx, w.here(), "laps", 10)), []ranking.BoardID{})
		same(t, "with five rows", w.erase(t, "laps", 4), false)
		same(t, "its entries", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 10)), 2)
		same(t, "with them", w.erase(t, "laps", 5), true)
		fails(t, "again", second(w.Boards().EraseBoard(w.ctx, w.here(), "laps", 5)), ranking.ErrBoardNotFound)
		same(t, "deleted since", get[[]ranking.BoardID](t)(w.Boards().Deleted(w.ctx, w.here(), "", 10)), []ranking.BoardID{})
		fails(t, "its award", second(w.Rewards().Award(w.ctx, w.here(), ref)), ranking.ErrAwardNotFound)
		same(t, "quarantined", quarantined(get[[]ranking.Quarantine](t)(w.Quarantines().Of(w.ctx, w.here(), []identity.PlayerID{p}))), "other/"+string(p))
		w.board(t, w.here(), "laps")
		same(t, "the new one's", get[int64](t)(w.Entries().Count(w.ctx, w.here(), ref, 10)), 0)
		same(t, "the other's", get[int64](t)(w.Entries().Count(w.ctx, w.here(), other, 10)), 2)
		must(t, w.Boards().Delete(w.ctx, w.here(), ref, start))
		same(t, "one with nothing but its season", w.erase(t, "laps", 0), false)
		must(t, w.Boards().Erase(w.ctx, w.here(), ref))
		same(t, "with nothing at all", w.erase(t, "laps", 0), true)
	},
	"of many who delete and close, none leaves a season open": func(t *testing.T, w *world) {
		const rounds = 5
		for range rounds {
			b, s := board("laps")
			must(t, w.Boards().Create(w.ctx, w.here(), b, s))
			var closed, deleted [4]error
			together(len(closed)+len(deleted), func(i int) {
				if i < len(closed) {
					ended, next := s.Close(b, later(time.Hour), later(time.Hour))
					closed[i] = w.Boards().Close(w.ctx, w.here(), 1, ended, next)
					return
				}
				deleted[i-len(closed)] = deleteBoard(w)
			})
			done := 0
			for _, err := range deleted {
				if err == nil {
					done++
				} else {
					fails(t, "delete", err, ranking.ErrBoardNotFound)
				}
			}
			same(t, "deleted", done, 1)
			ended := 1
			for _, err := range closed {
				if err == nil {
					ended++
				} else {
					fails(t, "close", err, ranking.ErrSeasonNotFound)
				}
			}
			same(t, "retired", len(get[[]ranking.Season](t)(w.Boards().Retired(w.ctx, w.here(), later(time.Hour), ranking.SeasonRef{}, 10))), ended)
			same(t, "erased", w.erase(t, "laps", ended), true)
		}
	},
}

// deleteBoard deletes laps, whatever season is open.
func deleteBoard(w *world) error {
	for {
		b, err := w.Boards().Get(w.ctx, w.here(), "laps")
		if err != nil {
			return err
		}
		err = w.Boards().Delete(w.ctx, w.here(), ranking.SeasonRef{Board: "laps", Number: b.Season}, start)
		if !errors.Is(err, ranking.ErrSeasonNotFound) {
			return err
		}
	}
}
