package leaderboards_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

// winners of the first season of a large board, and as many entries, are ten batches each.
const winners = 2_300

// large makes a board with three seasons: one archived, with an entry and a reward for each winner; one that ended, with something
// to give; and one that is open, with entries of both players.
func (g *game) large(id ranking.BoardID) {
	g.t.Helper()
	g.board(id, ranking.Definition{Submitters: ranking.Players, Schedule: daily, Prizes: []ranking.Prize{{FromRank: 1, ToRank: winners + 1, Payload: `{"medal":"gold"}`}}})
	g.populate(id, winners-1)
	_, err := g.submit(id, 0, 1_000, 0)
	g.must(err)
	g.ends(id, 1)
	for season := 2; season <= 3; season++ {
		for player := range 2 {
			_, err := g.submit(id, player, int64(player), 0)
			g.must(err)
		}
		if season == 2 {
			_, err = g.Operators.CloseSeason(context.Background(), g.operator, here, id, 2)
			g.must(err)
		}
	}
	g.sequester(g.World, id, g.player(1), "a wallhack")
	g.wantLeft(id, 3, whole)
}

const (
	whole = "2300/2300/1 2/0/0 1/0/0" // one of the open season's is hidden
	none  = "0/0/1 0/0/0 0/0/0"       // the archive is left to the sweep
)

func (g *game) delete(id ranking.BoardID) {
	g.t.Helper()
	g.must(g.Operators.DeleteLeaderboard(context.Background(), g.operator, here, id, string(id)))
}

// absent demands that nobody is shown a board, and nobody gets anything into it.
func (g *game) absent(w *composetest.World, id ranking.BoardID) {
	g.t.Helper()
	ctx, first, player := context.Background(), ranking.SeasonRef{Board: id, Number: 1}, g.player(0)
	second := func(_ any, err error) error { return err }
	for what, err := range map[string]error{
		"top":            second(w.Leaderboards.Top(ctx, g.server, id, 0, nil, 9)),
		"past standings": second(w.Leaderboards.Top(ctx, g.server, id, 1, nil, 9)),
		"standing":       second(w.Leaderboards.One(ctx, g.server, id, 0, player)),
		"seasons":        second(w.Leaderboards.Seasons(ctx, g.server, id, 0, 9)),
		"season rewards": second(w.Leaderboards.SeasonRewards(ctx, g.server, first, ranking.RewardQuery{Limit: 9}, 0)),
		"submit":         second(w.Leaderboards.Submit(ctx, g.server, id, ranking.Submission{Player: player, Run: ranking.Run{Score: 9_999}})),
		"own submit":     second(w.Leaderboards.Submit(ctx, g.players[0], id, ranking.Submission{Player: player, Run: ranking.Run{Score: 9_999}})),
		"remove":         w.Leaderboards.Remove(ctx, g.server, id, player),
		"restore":        w.Leaderboards.Restore(ctx, g.server, id, player),
		"quarantines":    second(w.Leaderboards.Quarantines(ctx, g.server.Scope(), id, "", 9)),
		"show":           second(w.Operators.Leaderboard(ctx, g.operator, here, id)),
		"edit":           second(w.Operators.EditLeaderboard(ctx, g.operator, here, id, operators.LeaderboardEdit{Change: func(*ranking.Definition) {}})),
		"close":          second(w.Operators.CloseSeason(ctx, g.operator, here, id, 3)),
		"quarantine":     second(w.Operators.Quarantine(ctx, g.operator, here, operators.Quarantine{Board: id, Player: player, Reason: "late"})),
		"entry":          second(w.Operators.Entry(ctx, g.operator, here, id, player, ranking.Window{Before: 1, After: 1})),
		"rebuild":        second(w.Operators.RebuildRanks(ctx, g.operator, here, id, 0)),
		"delete":         w.Operators.DeleteLeaderboard(ctx, g.operator, here, id, string(id)),
	} {
		if !errors.Is(err, ranking.ErrBoardNotFound) {
			g.t.Fatalf("%s: %v", what, err)
		}
	}
	if _, err := w.Operators.SeasonArchive(ctx, g.operator, here, first); !errors.Is(err, ranking.ErrSeasonNotFound) {
		g.t.Fatalf("archive: %v", err)
	}
	if _, err := w.Leaderboards.Claim(ctx, g.players[0], first, player); !errors.Is(err, ranking.ErrRewardNotFound) {
		g.t.Fatalf("claim: %v", err)
	}
	won, err := w.Leaderboards.Rewards(ctx, g.players[0], player, ranking.RewardQuery{Limit: 9}, ranking.SeasonRef{})
	g.must(err)
	for _, reward := range won {
		if reward.Board == id {
			g.t.Fatalf("still has %+v", reward)
		}
	}
	listed, err := w.Operators.Leaderboards(ctx, g.operator, here, "", 9)
	g.must(err)
	for _, board := range listed {
		if board.ID == id {
			g.t.Fatalf("still listed: %+v", board)
		}
	}
}

// Wherever a worker dies while it deletes a large board, the next one goes on with it, and whatever others do meanwhile
// brings nothing of it back.
func TestALargeDeletedBoardGoesWhereverItsWorkerDies(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, database(t), "", 2)
			g.large("gone")
			g.board("stays", ranking.Definition{})
			_, err := g.submit("stays", 0, 1, 0)
			g.must(err)
			other := g.Replica(nil)
			_, err = other.Leaderboards.Top(t.Context(), g.server, "gone", 0, nil, 9)
			g.must(err)
			open := g.ladder("gone")

			g.delete("gone")
			g.wantLeft("gone", 3, whole)
			g.absent(g.World, "gone")
			if _, err := g.index.Read(t.Context(), open, false, ranking.Question{Limit: 1}); !errors.Is(err, ranking.ErrCold) {
				t.Errorf("its index: %v", err)
			}
			// A replica that still knew it makes an index again.
			g.must(g.index.Build(t.Context(), open, "late"))
			g.must(g.index.Finish(t.Context(), open, "late"))
			if _, err := g.Operators.CreateLeaderboard(t.Context(), g.operator, here, "gone", ranking.Definition{}); !errors.Is(err, ranking.ErrBoardGoing) {
				t.Errorf("another of the same id: %v", err)
			}
			// Nobody is shown a part by what a replica remembers, however long that is.
			g.tend(g.World)
			g.wantLeft("gone", 3, whole)
			g.Clock.Advance(settled)
			g.must(other.Leaderboards.Refresh(t.Context()))

			var deaths []string
			for dead := true; dead; {
				d := &dying{lives: 1 + len(deaths)/2, early: len(deaths)%2 == 0}
				mortal := g.Replica(func(p *compose.Ports) { p.Ranks = g.index })
				inTx := func(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
					return d.dies(func() error { return g.Ports.Store.InTx(ctx, fn) })
				}
				err := mortal.Leaderboards.Retain(t.Context(), g.environment(), inTx)
				if dead = err != nil; !dead {
					break
				}
				if !errors.Is(err, errKilled) || len(deaths) > 60 {
					t.Fatal(err)
				}
				deaths = append(deaths, g.left("gone", 3))
				// Seasons end by their schedule, are frozen and archived, and give rewards: not this board's.
				g.Clock.Advance(settled)
				g.must(other.Leaderboards.Tend(t.Context(), g.environment(), g.Ports.Store.InTx))
				g.must(other.Leaderboards.Archive(t.Context(), g.environment(), g.Ports.Store.InTx))
				g.absent(other, "gone")
				g.sequester(other, "", g.player(0), "everywhere")
				g.sequester(other, "", g.player(0), "")
			}
			if told := strings.Join(deaths, ", "); !strings.Contains(told, "2300/1300/1 2/0/0 1/0/0") || !strings.Contains(told, "1050/0/1 2/0/0 1/0/0") || !strings.HasSuffix(told, none) {
				t.Errorf("left at deaths: %s", told)
			}
			g.wantLeft("gone", 3, none)
			if _, err := g.index.Read(t.Context(), open, false, ranking.Question{Limit: 1}); !errors.Is(err, ranking.ErrCold) {
				t.Errorf("the index that was made again: %v", err)
			}
			g.wantLeft("stays", 1, "1/0/0")
			if left, err := g.Ports.Store.Boards().Deleted(t.Context(), g.server.Scope(), "", 9); err != nil || len(left) != 0 {
				t.Errorf("left are %v, %v", left, err)
			}
			if q := g.quarantined("gone"); len(q) != 0 {
				t.Errorf("quarantines %v", q)
			}
			g.board("gone", ranking.Definition{})
			receipt, err := g.submit("gone", 1, 7, 0)
			g.must(err)
			if top, err := g.Leaderboards.Top(t.Context(), g.server, "gone", 0, nil, 9); err != nil || receipt.Season != 1 || len(top.Places) != 1 || top.Places[0].Player != g.player(1) {
				t.Errorf("the new one: %+v, %+v, %v", receipt, top, err)
			}
		})
	}
}

// Two replicas delete the same board at once, and a third the environment that it is in.
func TestALargeDeletedBoardGoesOnceWhoeverDeletesIt(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		for what, environment := range map[string]bool{"alone": false, "with its environment": true} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				g := newGame(t, database(t), "", 2)
				g.large("gone")
				g.delete("gone")
				g.Clock.Advance(settled)
				of := g.environment()
				if environment {
					g.must(g.Operators.DeleteEnvironment(t.Context(), composetest.Operator(), here.Project, here.Environment, operators.Confirmation{Slug: here.Environment}))
				}
				var all sync.WaitGroup
				errs := make([]error, 3)
				for i := range errs {
					all.Go(func() {
						w := g.Replica(nil)
						if environment && i == 0 {
							errs[i] = w.Remover.Run(t.Context(), g.Ports.Store.InTx)
							return
						}
						errs[i] = w.Leaderboards.Retain(t.Context(), of, g.Ports.Store.InTx)
					})
				}
				all.Wait()
				g.must(errors.Join(errs...))
				g.wantLeft("gone", 3, none)
				if left, err := g.Ports.Store.Boards().Deleted(t.Context(), of.Scope(), "", 9); err != nil || len(left) != 0 {
					t.Errorf("left are %v, %v", left, err)
				}
			})
		}
	}
}

// A run that is under way when its board is deleted is refused as one that comes later.
func TestARunIsInABoardOrItIsDeleted(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, database(t), "", 2)
			g.large("gone")
			deletes := func() { g.delete("gone") }
			g.index.stall.Store(&deletes)
			if _, err := g.submit("gone", 0, 9_999, 0); !errors.Is(err, ranking.ErrBoardNotFound) {
				t.Errorf("a run under way: %v", err)
			}
			g.wantLeft("gone", 3, whole)
			// A small one goes at once, and its id is free.
			for range 3 {
				g.board("small", ranking.Definition{})
				receipt, err := g.submit("small", 0, 1, 0)
				g.must(err)
				if receipt.Previous != nil {
					t.Errorf("the one before: %+v", receipt)
				}
				g.sequester(g.World, "small", g.player(1), "a wallhack")
				g.delete("small")
				g.wantLeft("small", 1, "0/0/0")
				if q := g.quarantined("small"); len(q) != 0 {
					t.Errorf("quarantines %v", q)
				}
			}
			var races sync.WaitGroup
			g.board("raced", ranking.Definition{})
			errs := make([]error, 8)
			for i := range errs {
				races.Go(func() {
					if i == 4 {
						errs[i] = g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, "raced", "raced")
						return
					}
					_, errs[i] = g.submit("raced", i%2, int64(i), 0)
				})
			}
			races.Wait()
			for i, err := range errs {
				if err != nil && (i == 4 || !errors.Is(err, ranking.ErrBoardNotFound)) {
					t.Errorf("%d: %v", i, err)
				}
			}
			g.wantLeft("raced", 1, "0/0/0")
		})
	}
}
