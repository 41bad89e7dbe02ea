package datastoretest

import (
	"context"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

func quarantine(board ranking.BoardID, player identity.PlayerID) ranking.Quarantine {
	return ranking.Quarantine{Board: board, Player: player, Reason: "Ünïcode 日本 ' ?", At: start}
}

func quarantined(quarantines []ranking.Quarantine) string {
	return joined(quarantines, func(q ranking.Quarantine) string { return string(q.Board) + "/" + string(q.Player) })
}

var quarantineTests = map[string]func(*testing.T, *world){
	"saved, replaced and lifted": func(t *testing.T, w *world) {
		p, other := w.player(t, w.here()), w.player(t, w.here())
		of := func(players ...identity.PlayerID) []ranking.Quarantine {
			t.Helper()
			return get[[]ranking.Quarantine](t)(w.Quarantines().Of(w.ctx, w.here(), players))
		}
		same(t, "none", of(p.ID), []ranking.Quarantine{})
		same(t, "of nobody", of(), []ranking.Quarantine{})
		q := quarantine("laps", p.ID) // there needn't be such a board
		must(t, w.Quarantines().Save(w.ctx, w.here(), q))
		q.Reason, q.At = "another", later(time.Hour)
		must(t, w.Quarantines().Save(w.ctx, w.here(), q))
		same(t, "replaced", of(p.ID, other.ID), []ranking.Quarantine{q})
		must(t, w.Quarantines().Save(w.ctx, w.here(), quarantine("", p.ID)))
		must(t, w.Quarantines().Save(w.ctx, w.here(), quarantine("", other.ID)))
		same(t, "of both", len(of(p.ID, other.ID)), 3)
		must(t, w.Quarantines().Lift(w.ctx, w.here(), "laps", p.ID))
		fails(t, "again", w.Quarantines().Lift(w.ctx, w.here(), "laps", p.ID), ranking.ErrNotQuarantined)
		same(t, "the other one", of(p.ID), []ranking.Quarantine{quarantine("", p.ID)})
		fails(t, "unknown player", w.Quarantines().Save(w.ctx, w.here(), quarantine("laps", "nobody")), identity.ErrPlayerNotFound)
	},
	"listed by player": func(t *testing.T, w *world) {
		a, b, c := w.player(t, w.here()).ID, w.player(t, w.here()).ID, w.player(t, w.here()).ID
		for _, q := range []ranking.Quarantine{quarantine("laps", c), quarantine("laps", a), quarantine("laps", b), quarantine("", b), quarantine("other", b)} {
			must(t, w.Quarantines().Save(w.ctx, w.here(), q))
		}
		list := func(board ranking.BoardID, after identity.PlayerID, limit int) string {
			t.Helper()
			return quarantined(get[[]ranking.Quarantine](t)(w.Quarantines().List(w.ctx, w.here(), board, after, limit)))
		}
		same(t, "two", list("laps", "", 2), "laps/"+string(a)+" laps/"+string(b))
		same(t, "the rest", list("laps", b, 2), "laps/"+string(c))
		same(t, "of all boards", list("", "", 9), "/"+string(b))
	},
	"purged by board, so many at a time": func(t *testing.T, w *world) {
		players := []identity.PlayerID{w.player(t, w.here()).ID, w.player(t, w.here()).ID, w.player(t, w.here()).ID}
		for _, p := range players {
			for _, board := range []ranking.BoardID{"laps", "other", ""} {
				must(t, w.Quarantines().Save(w.ctx, w.here(), quarantine(board, p)))
			}
		}
		for _, want := range []int{2, 1, 0} {
			same(t, "purged", get[int](t)(w.Quarantines().Purge(w.ctx, w.here(), "laps", 2)), want)
		}
		same(t, "left", len(get[[]ranking.Quarantine](t)(w.Quarantines().Of(w.ctx, w.here(), players))), 6)
	},
	"who makes an entry sees the quarantine, or who quarantines sees the entry": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		const rounds = 10
		for range rounds {
			p := w.player(t, w.here()).ID
			errs := make([]error, 2)
			var sawQuarantine, sawEntry bool
			together(2, func(i int) {
				errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
					if i == 0 {
						if _, err := tx.Players().Hold(ctx, w.here(), []identity.PlayerID{p}); err != nil {
							return err
						}
						found, err := tx.Quarantines().Of(ctx, w.here(), []identity.PlayerID{p})
						if err != nil {
							return err
						}
						sawQuarantine = len(found) == 1
						return tx.Entries().WriteMany(ctx, w.here(), ref, []ranking.EntryWrite{entryWrite(entry(p, 1, 1), 0)})
					}
					if _, err := tx.Players().Lock(ctx, w.here(), p); err != nil {
						return err
					}
					found, err := tx.Entries().OpenOf(ctx, w.here(), p)
					if err != nil {
						return err
					}
					sawEntry = len(found) == 1
					return tx.Quarantines().Save(ctx, w.here(), quarantine("laps", p))
				})
			})
			must(t, errs[0])
			must(t, errs[1])
			if sawQuarantine == sawEntry {
				t.Fatalf("one saw the quarantine: %v; the other saw the entry: %v", sawQuarantine, sawEntry)
			}
		}
	},
}
