package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

// settled is longer than a retired season is left whole.
const settled = 2 * time.Minute

// left tells what the stores have of a board's seasons: entries and rewards by season, and archives.
func (g *game) left(board ranking.BoardID, seasons int) string {
	g.t.Helper()
	ctx, scope := context.Background(), g.server.Scope()
	var told []string
	for n := range seasons {
		ref := ranking.SeasonRef{Board: board, Number: n + 1}
		entries, err := g.Ports.Store.Entries().Count(ctx, scope, ref, 100_000)
		g.must(err)
		rewards, err := g.Ports.Store.Rewards().In(ctx, scope, ref, ranking.RewardQuery{Limit: 100_000}, 0)
		g.must(err)
		objects, err := g.Ports.Blobs.List(ctx, fmt.Sprintf("archives/%s/%s/%d/", scope.Environment(), board, n+1), "", 9)
		g.must(err)
		told = append(told, fmt.Sprintf("%d/%d/%d", entries, len(rewards), len(objects)))
	}
	return strings.Join(told, " ")
}

func (g *game) wantLeft(board ranking.BoardID, seasons int, want string) {
	g.t.Helper()
	if got := g.left(board, seasons); got != want {
		g.t.Fatalf("left %s, want %s", got, want)
	}
}

func (g *game) keep(board ranking.BoardID, seasons int) {
	g.t.Helper()
	_, err := g.Operators.EditLeaderboard(context.Background(), g.operator, here, board, operators.LeaderboardEdit{Change: func(d *ranking.Definition) { d.KeepSeasons = seasons }})
	g.must(err)
}

func TestSeasonsThatAreNotKeptGo(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, database(t), "", 2)
			other := g.Replica(nil)
			prizes := []ranking.Prize{{FromRank: 1, ToRank: 1, Payload: `{"medal":"gold"}`}}
			for _, id := range []ranking.BoardID{"all", "laps"} {
				g.board(id, ranking.Definition{Prizes: prizes})
				for n := range 4 {
					for player := range 2 {
						_, err := g.submit(id, player, int64(player), 0)
						g.must(err)
					}
					g.ends(id, n+1)
				}
			}
			const kept = "2/1/1 2/1/1 2/1/1 2/1/1"
			g.tend(g.World)
			g.wantLeft("laps", 4, kept)
			g.keep("laps", 2)
			_, err := other.Leaderboards.Top(t.Context(), g.server, "laps", 1, nil, 9)
			g.must(err)
			g.tend(g.World)
			// Nobody is shown it any more, and it is still whole for those who know it.
			g.wantSeasons("laps", "3 archived 03-01 12:03 1 0, 4 archived 03-01 12:04 1 0, 5 open")
			if _, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 1, nil, 9); !errors.Is(err, ranking.ErrSeasonNotFound) {
				t.Errorf("standings of a retired season: %v", err)
			}
			if _, err := g.Operators.SeasonArchive(t.Context(), g.operator, here, ranking.SeasonRef{Board: "laps", Number: 1}); !errors.Is(err, ranking.ErrSeasonNotFound) {
				t.Errorf("archive of a retired season: %v", err)
			}
			top, err := other.Leaderboards.Top(t.Context(), g.server, "laps", 1, nil, 9)
			if err == nil && len(top.Places) != 2 {
				t.Errorf("another replica shows a part: %+v", top.Places)
			}
			g.wantLeft("laps", 4, kept)
			g.Clock.Advance(settled)
			g.tend(g.World)
			g.wantLeft("laps", 4, "0/0/1 0/0/1 2/1/1 2/1/1") // the archives are left to the sweep
			g.wantLeft("all", 4, kept)
			if again, err := g.Ports.Store.Boards().Retired(t.Context(), g.server.Scope(), g.Clock.Now(), ranking.SeasonRef{}, 9); err != nil || len(again) != 0 {
				t.Errorf("retired: %+v, %v", again, err)
			}
			var project tenancy.Project
			project.Slug = "game"
			if events := g.Audit(t, project, audit.SeasonRetired); len(events) != 2 || events[0].Before["entries"] != "2" || events[0].Before["season"] == events[1].Before["season"] {
				t.Errorf("events %+v", events)
			}
			// Keeping more brings nothing back, and what isn't archived stays.
			g.keep("laps", 1)
			_, err = g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 5)
			g.must(err)
			g.must(g.Leaderboards.Retain(t.Context(), g.environment(), g.Ports.Store.InTx))
			g.keep("laps", 0)
			g.wantSeasons("laps", "5 closing 03-01 12:06, 6 open")
		})
	}
}

// Wherever a worker dies while it deletes a season, the next one goes on with it.
func TestARetiredSeasonGoesWhereverItsWorkerDies(t *testing.T) {
	const players = 2_300 // in ten batches
	g := newGame(t, "", "", 0)
	g.board("laps", ranking.Definition{Prizes: []ranking.Prize{{FromRank: 1, ToRank: players, Payload: `{"medal":"gold"}`}}})
	g.populate("laps", players)
	g.ends("laps", 1)
	g.ends("laps", 2)
	g.wantLeft("laps", 1, fmt.Sprintf("%d/%d/1", players, players))
	g.keep("laps", 1)
	var deaths []string
	for dead := true; dead; {
		d := &dying{lives: 1 + len(deaths)/2, early: len(deaths)%2 == 0}
		err := g.Replica(nil).Leaderboards.Retain(t.Context(), g.environment(), func(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
			return d.dies(func() error { return g.Ports.Store.InTx(ctx, fn) })
		})
		if dead = err != nil; dead {
			if !errors.Is(err, errKilled) || len(deaths) > 40 {
				t.Fatal(err)
			}
			deaths = append(deaths, g.left("laps", 1))
		}
		g.Clock.Advance(settled)
	}
	// Of each part some was left at a death, and at the last nothing but the season.
	if told := strings.Join(deaths, " "); !strings.Contains(told, "2300/1050/1") || !strings.Contains(told, "1300/0/1") || !strings.HasSuffix(told, " 0/0/1") {
		t.Errorf("left at deaths: %s", told)
	}
	g.wantLeft("laps", 1, "0/0/1")
	g.wantSeasons("laps", "2 archived 03-01 12:00, 3 open")
	for range 2 {
		g.must(g.Custody.Sweep(t.Context(), custody.Archives, g.Leaderboards.ArchiveSweep()))
		g.Clock.Advance(custody.Kept)
	}
	g.wantLeft("laps", 2, "0/0/0 0/0/1")
}

// What a deleted leaderboard, or environment, had in the object store and in the index goes as well.
func TestADeletedBoardLeavesNothing(t *testing.T) {
	for name, cache := range map[string]func(testing.TB) string{"memory": nowhere, "redis": servers.Redis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, "", cache(t), 1)
			for _, id := range []ranking.BoardID{"gone", "stays"} {
				g.board(id, ranking.Definition{})
				_, err := g.submit(id, 0, 1, 0)
				g.must(err)
				g.ends(id, 1)
				_, err = g.submit(id, 0, 2, 0)
				g.must(err)
			}
			stray := "archives/" + string(g.server.Scope().Environment()) + "/stays/1/" + strings.Repeat("0", 64)
			foreign := "archives/" + g.Ports.IDs.New() + "/gone/1/" + strings.Repeat("1", 64)
			for _, key := range []string{stray, foreign} {
				g.must(g.Ports.Blobs.Put(t.Context(), key, strings.NewReader("x"), 1, ""))
			}
			ladders := []ranking.Ladder{}
			for season := range 2 {
				top, err := g.Leaderboards.Top(t.Context(), g.server, "gone", season+1, nil, 9) // which builds it
				g.must(err)
				at := ranking.Ladder{Scope: g.server.Scope(), Board: "gone", Season: season + 1, Epoch: top.Season.Epoch}
				if _, err := g.index.Read(t.Context(), at, false, ranking.Question{Limit: 1}); err != nil {
					t.Fatal(err)
				}
				ladders = append(ladders, at)
			}
			g.must(g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, "gone", "gone"))
			for _, at := range ladders {
				if _, err := g.index.Read(t.Context(), at, false, ranking.Question{Limit: 1}); !errors.Is(err, ranking.ErrCold) {
					t.Errorf("season %d: %v", at.Season, err)
				}
			}
			for _, want := range []int{4, 1} {
				g.must(g.Custody.Sweep(t.Context(), custody.Archives, g.Leaderboards.ArchiveSweep()))
				all, err := g.Ports.Blobs.List(t.Context(), custody.Archives, "", 99)
				g.must(err)
				if len(all) != want {
					t.Errorf("%d objects, want %d: the one of the season that is there, and the others for a week", len(all), want)
				}
				g.Clock.Advance(custody.Kept)
			}
			g.archived("stays", 1)
		})
	}
}
