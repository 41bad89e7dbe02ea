package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/servers"
)

// sequester quarantines a player, or with no reason lifts it; no board is all boards.
func (g *game) sequester(w *composetest.World, board ranking.BoardID, player identity.PlayerID, reason string) leaderboards.Sequestered {
	g.t.Helper()
	environment, err := w.Ports.Store.Environments().Get(context.Background(), g.server.Scope().Environment())
	g.must(err)
	done, err := w.Leaderboards.Sequester(context.Background(), g.operator, g.server.Scope(), leaderboards.Sequester{Environment: environment, Board: board, Player: player, Reason: reason})
	g.must(err)
	return done
}

// quarantined are the players whom the database has as quarantined on a board.
func (g *game) quarantined(board ranking.BoardID) map[identity.PlayerID]bool {
	g.t.Helper()
	hidden := map[identity.PlayerID]bool{}
	for _, on := range []ranking.BoardID{board, ""} {
		found, err := g.Ports.Store.Quarantines().List(context.Background(), g.server.Scope(), on, "", 1000)
		g.must(err)
		for _, q := range found {
			hidden[q.Player] = true
		}
	}
	return hidden
}

func (g *game) ranks(board ranking.BoardID, season int) []identity.PlayerID {
	g.t.Helper()
	top, err := g.Leaderboards.Top(context.Background(), g.server, board, season, nil, 100)
	g.must(err)
	players := []identity.PlayerID{}
	for _, p := range top.Places {
		players = append(players, p.Player)
	}
	return players
}

func TestAQuarantineHidesAndLosesNothing(t *testing.T) {
	g := newGame(t, "", "", 3)
	sum := ranking.Definition{Rules: ranking.Rules{Operator: ranking.Sum, Attempts: 4}, MetadataBytes: 50}
	g.board("laps", sum)
	g.board("other", sum)
	for i := range 3 {
		for _, board := range []ranking.BoardID{"laps", "other"} {
			_, err := g.submit(board, i, int64(10-i), 0)
			g.must(err)
		}
	}
	first, second, third := g.player(0), g.player(1), g.player(2)
	if done := g.sequester(g.World, "laps", first, "a wallhack"); done.Leaderboards != 1 {
		t.Errorf("%+v", done)
	}
	if got := g.ranks("laps", 0); !slices.Equal(got, []identity.PlayerID{second, third}) {
		t.Errorf("laps: %v", got)
	}
	if got := g.ranks("other", 0); len(got) != 3 {
		t.Errorf("other: %v", got)
	}
	// What he submits meanwhile is taken, and what he is told is what he would be.
	g.Clock.Advance(time.Minute)
	r, err := g.submit("laps", 0, 5, 1)
	if err != nil || !r.Accepted || *r.Current != (ranking.Run{Score: 15, Subscore: 1}) || *r.Attempts != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	one, err := g.Leaderboards.One(t.Context(), g.players[0], "laps", 0, first)
	if err != nil || one.Places[0].Rank != 1 || one.Count != 3 || one.Sequence != 0 {
		t.Errorf("to himself: %+v, %v", one, err)
	}
	if _, err := g.Leaderboards.One(t.Context(), g.players[1], "laps", 0, first); !errors.Is(err, ranking.ErrNotRanked) {
		t.Errorf("to another: %v", err)
	}
	// The season that ends now is frozen without him, and in the next he is hidden too.
	_, err = g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 1)
	g.must(err)
	g.Clock.Advance(time.Second)
	_, err = g.submit("laps", 0, 7, 0)
	g.must(err)
	if got := g.ranks("laps", 2); len(got) != 0 {
		t.Errorf("the next season: %v", got)
	}
	if done := g.sequester(g.World, "", first, "for good"); done.Leaderboards != 1 {
		t.Errorf("everywhere: %+v", done)
	}
	if done := g.sequester(g.World, "laps", first, ""); done.Leaderboards != 0 {
		t.Errorf("lifted on one of two: %+v", done)
	}
	if done := g.sequester(g.World, "", first, ""); done.Leaderboards != 2 {
		t.Errorf("lifted: %+v", done)
	}
	if got := g.ranks("laps", 0); !slices.Equal(got, []identity.PlayerID{first}) {
		t.Errorf("shown again: %v", got)
	}
	if got := g.ranks("laps", 1); !slices.Equal(got, []identity.PlayerID{second, third}) {
		t.Errorf("frozen: %v", got)
	}
	g.sequester(g.World, "laps", first, "") // nothing to lift
	var told []string
	for _, action := range []audit.Action{audit.PlayerQuarantined, audit.QuarantineLifted} {
		events, err := g.Operators.Audit(t.Context(), g.operator, here, audit.Query{Action: action, Limit: 9})
		g.must(err)
		for _, e := range events {
			told = append(told, fmt.Sprint(e.Action, e.Before, e.After))
		}
	}
	want := []string{
		"player.quarantinedmap[leaderboard:all] map[leaderboard:all leaderboards_affected:1 reason:for good]",
		"player.quarantinedmap[leaderboard:laps] map[leaderboard:laps leaderboards_affected:1 reason:a wallhack]",
		"player.quarantine_liftedmap[leaderboard:all reason:for good] map[leaderboard:all leaderboards_affected:2]",
		"player.quarantine_liftedmap[leaderboard:laps reason:a wallhack] map[leaderboard:laps leaderboards_affected:0]",
	}
	if !slices.Equal(told, want) {
		t.Errorf("audited:\n%q\nwant\n%q", told, want)
	}
}

func TestWhoCanBeQuarantined(t *testing.T) {
	g := newGame(t, "", "", 1)
	environment, err := g.Ports.Store.Environments().Get(t.Context(), g.server.Scope().Environment())
	g.must(err)
	for _, c := range []struct {
		board  ranking.BoardID
		player identity.PlayerID
		want   string
	}{
		{"none", g.player(0), "ranking.board_not_found"},
		{"", "01234567-89ab-7cde-8f01-23456789abcd", "identity.player_not_found"},
	} {
		_, err := g.Leaderboards.Sequester(t.Context(), g.operator, g.server.Scope(), leaderboards.Sequester{Environment: environment, Board: c.board, Player: c.player, Reason: "x"})
		if code(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Whoever is quarantined while his first runs come in on several boards has none of them shown.
func TestAQuarantineRacesWithFirstRuns(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players, boards = 12, 3
			g := newGame(t, database(t), "", players)
			other := g.Replica(nil)
			for b := range boards {
				g.board(ranking.BoardID(fmt.Sprint("laps-", b)), ranking.Definition{})
			}
			var all sync.WaitGroup
			for i := range players {
				for b := range boards {
					all.Go(func() {
						if _, err := g.submit(ranking.BoardID(fmt.Sprint("laps-", b)), i, int64(i), 0); err != nil {
							t.Errorf("submit: %v", err)
						}
					})
				}
				all.Go(func() { g.sequester(other, "", g.player(i), "a wallhack") })
				if i%2 == 0 {
					all.Go(func() { g.sequester(g.World, "laps-1", g.player(i), "again") })
				}
			}
			all.Wait()
			g.Clock.Advance(time.Second)
			shown := func(want int) {
				t.Helper()
				for b := range boards {
					if got := g.ranks(ranking.BoardID(fmt.Sprint("laps-", b)), 0); len(got) != want {
						t.Errorf("board %d: %d are shown, want %d", b, len(got), want)
					}
				}
			}
			shown(0)
			for i := range players {
				all.Go(func() {
					g.sequester(other, "laps-1", g.player(i), "")
					g.sequester(g.World, "", g.player(i), "")
				})
			}
			all.Wait()
			g.Clock.Advance(time.Second)
			shown(players)
		})
	}
}

func TestARemovalIsUndoneUntilARunComes(t *testing.T) {
	g := newGame(t, "", "", 2)
	g.board("laps", ranking.Definition{})
	for i := range 2 {
		_, err := g.submit("laps", i, int64(10-i), 0)
		g.must(err)
	}
	player := g.player(0)
	if err := g.Leaderboards.Restore(t.Context(), g.operator, "laps", player); !errors.Is(err, ranking.ErrNotRemoved) {
		t.Errorf("nothing to undo: %v", err)
	}
	g.must(g.Leaderboards.Remove(t.Context(), g.operator, "laps", player))
	g.must(g.Leaderboards.Restore(t.Context(), g.operator, "laps", player))
	if got := g.ranks("laps", 0); !slices.Equal(got, []identity.PlayerID{player, g.player(1)}) {
		t.Errorf("restored: %v", got)
	}
	g.must(g.Leaderboards.Remove(t.Context(), g.operator, "laps", player))
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	if err := g.Leaderboards.Restore(t.Context(), g.operator, "laps", player); !errors.Is(err, ranking.ErrNotRemoved) {
		t.Errorf("after a run: %v", err)
	}
	events, err := g.Operators.Audit(t.Context(), g.operator, here, audit.Query{Action: audit.EntryRestored, Limit: 9})
	if err != nil || len(events) != 1 || events[0].After["score"] != "10" {
		t.Errorf("audited: %+v, %v", events, err)
	}
}

// What is told before a player is removed or hidden is what is so after it, and the other way round.
func TestWhatInspectingForetellsComesTrue(t *testing.T) {
	for _, tie := range []ranking.TieBreak{ranking.EarliestFirst, ranking.Shared} {
		t.Run(string(tie), func(t *testing.T) {
			const players = 8
			g := newGame(t, "", "", players)
			g.board("laps", ranking.Definition{Rules: ranking.Rules{TieBreak: tie}})
			for i := range players {
				_, err := g.submit("laps", i, int64(i/3), 0) // in threes
				g.must(err)
			}
			inspect := func(i int) leaderboards.Inspected {
				t.Helper()
				found, err := g.Leaderboards.Inspect(t.Context(), g.server.Scope(), "laps", g.player(i), ranking.Window{Before: players, After: players})
				g.must(err)
				return found
			}
			top := func() []ranking.Place {
				t.Helper()
				found, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 100)
				g.must(err)
				return found.Places
			}
			moved := func(a, b []ranking.Place) (n int64) {
				for _, p := range a {
					for _, q := range b {
						if p.Player == q.Player && p.Rank != q.Rank {
							n++
						}
					}
				}
				return n
			}
			for i := range players {
				before, with := inspect(i), top()
				if !slices.Equal(before.With, with) || before.Count != players || !before.Entry.Listed() {
					t.Fatalf("player %d: %+v, and the top is %+v", i, before, with)
				}
				undo := func() { g.must(g.Leaderboards.Restore(t.Context(), g.operator, "laps", g.player(i))) }
				if i%2 == 0 {
					g.sequester(g.World, "laps", g.player(i), "a wallhack")
					undo = func() { g.sequester(g.World, "laps", g.player(i), "") }
				} else {
					g.must(g.Leaderboards.Remove(t.Context(), g.operator, "laps", g.player(i)))
				}
				after, without := inspect(i), top()
				if !slices.Equal(before.Without, without) || moved(with, without) != before.Moves {
					t.Errorf("player %d: foretold %+v, %d moves; is %+v", i, before.Without, before.Moves, without)
				}
				if !slices.Equal(after.With, with) || !slices.Equal(after.Without, without) || after.Moves != before.Moves || after.Count != players {
					t.Errorf("player %d: afterwards %+v", i, after)
				}
				undo()
				if !slices.Equal(top(), with) {
					t.Errorf("player %d: undone, and the top is %+v", i, top())
				}
			}
			if _, err := g.Leaderboards.Inspect(t.Context(), g.server.Scope(), "laps", "01234567-89ab-7cde-8f01-23456789abcd", ranking.Window{Before: 1, After: 1}); !errors.Is(err, identity.ErrPlayerNotFound) {
				t.Errorf("no such player: %v", err)
			}
		})
	}
}
