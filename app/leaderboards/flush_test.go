package leaderboards_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/entrants"
	"github.com/overworldhq/overworld/tests/servers"
)

// forever is longer than any machine takes.
const forever = 5 * time.Minute

// Twenty thousand have a place; the last of them keep submitting, below all others, and all are read,
// while the index is lost again and again: no rank is ever wrong, each run shows when it was answered,
// and reads are served by the index again.
func TestNoRankIsWrongWhileTheIndexIsLost(t *testing.T) {
	const size, movers, losses = 20_000, 50, 3
	for name, stack := range map[string]struct{ database, cache func(testing.TB) string }{
		"sqlite and memory": {func(t testing.TB) string {
			return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "world.db"))
		}, nowhere},
		"postgres and redis": {servers.Postgres, servers.Redis},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database, cache := stack.database(t), stack.cache(t)
			g := newGame(t, database, cache, 1)
			rules := ranking.Rules{Sort: ranking.Descending, Operator: ranking.Latest, TieBreak: ranking.EarliestFirst}
			g.board("laps", ranking.Definition{Rules: rules})
			season := entrants.Season{Environment: string(g.server.Scope().Environment()), Board: "laps", Number: 1, Rules: rules, Size: size}
			g.must(season.Fill(t.Context(), database))
			var last, others []int
			for i := range size {
				if season.Place(i) < movers {
					last = append(last, i)
				} else {
					others = append(others, i)
				}
			}
			rank := func(i int) int64 { return int64(size - season.Place(i)) }
			var stop atomic.Bool
			var read, refused, submitted atomic.Int64
			ctx := context.Background()
			reader := func(seed uint64) {
				random := rand.New(rand.NewPCG(seed, 3))
				for n := 0; !stop.Load(); n++ {
					i := others[random.IntN(len(others))]
					if n%4 == 0 { // near the first, where the database can count
						i = others[0]
						for rank(i) > 2000 {
							i = others[random.IntN(len(others))]
						}
					}
					var places []ranking.Place
					found, err := g.Leaderboards.One(ctx, g.server, "laps", 0, entrants.Player(i))
					switch n % 3 {
					case 1:
						found, err = g.Leaderboards.Around(ctx, g.server, "laps", 0, entrants.Player(i), ranking.Window{Before: 2, After: 0})
					case 2:
						found, err = g.Leaderboards.Top(ctx, g.server, "laps", 0, nil, 20)
					}
					if places = found.Places; errors.Is(err, ranking.ErrWarming) {
						refused.Add(1)
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					read.Add(1)
					for at, p := range places {
						run, _ := rules.Read(p.Key)
						if place := size - run.Score/10; run.Score%10 != 0 || p.Rank != place || n%3 == 2 && p.Rank != int64(at)+1 {
							t.Errorf("%s with %d is shown at %d, not at %d", p.Player, run.Score, p.Rank, place)
							return
						}
					}
					if found.Count >= 0 && found.Count != size && found.Sequence > 0 {
						t.Errorf("%d have a place", found.Count)
						return
					}
				}
			}
			writer := func(mine []int) {
				for n := int64(1); !stop.Load(); n++ {
					player := entrants.Player(mine[int(n)%len(mine)])
					if _, err := g.Leaderboards.Submit(ctx, g.server, "laps", ranking.Submission{Player: player, Run: ranking.Run{Score: -n}}); err != nil {
						t.Error(err)
						return
					}
					submitted.Add(1)
					one, err := g.Leaderboards.One(ctx, g.server, "laps", 0, player)
					if errors.Is(err, ranking.ErrWarming) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if run, _ := rules.Read(one.Places[0].Key); run.Score != -n || one.Places[0].Rank <= size-movers {
						t.Errorf("after a run of %d: %d at %d", -n, run.Score, one.Places[0].Rank)
						return
					}
				}
			}
			var all sync.WaitGroup
			defer all.Wait()
			defer stop.Store(true)
			for i := range 4 {
				all.Go(func() { reader(uint64(i)) })
			}
			for i := range 2 {
				all.Go(func() { writer(last[i*movers/2 : (i+1)*movers/2]) })
			}
			served := func() { // by the index, all that is asked
				t.Helper()
				for begun := time.Now(); !t.Failed(); {
					found, err := g.Leaderboards.Around(ctx, g.server, "laps", 0, entrants.Player(others[9]), ranking.Window{Before: 1, After: 1})
					if err == nil && found.Sequence > 0 {
						t.Logf("served by the index after %s", time.Since(begun).Round(time.Millisecond))
						return
					}
					if err != nil && !errors.Is(err, ranking.ErrWarming) || time.Since(begun) > forever {
						t.Errorf("the index doesn't come back: %v; %+v", err, g.Leaderboards.Index())
					}
				}
			}
			for range losses {
				served()
				switch {
				case t.Failed():
				case cache == "":
					g.must(g.index.Drop(ctx, g.ladder("laps")))
				default:
					forget(t, cache)
				}
			}
			served()
			for !t.Failed() && (read.Load() < 100 || submitted.Load() < 20) {
				runtime.Gosched()
			}
			stop.Store(true)
			all.Wait()
			t.Logf("%d reads were right, %d refused, beside %d runs", read.Load(), refused.Load(), submitted.Load())
		})
	}
}

// forget deletes every key of the test's.
func forget(t *testing.T, cache string) {
	t.Helper()
	parsed, err := url.Parse(cache)
	if err != nil {
		t.Fatal(err)
	}
	prefix := parsed.Query().Get("prefix")
	parsed.RawQuery = ""
	option, err := rueidis.ParseURL(parsed.String())
	if err != nil {
		t.Fatal(err)
	}
	option.DisableCache = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	keys, err := client.Do(t.Context(), client.B().Keys().Pattern(prefix+"*").Build()).AsStrSlice()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if err := client.Do(t.Context(), client.B().Del().Key(keys...).Build()).Error(); err != nil {
		t.Fatal(err)
	}
}
