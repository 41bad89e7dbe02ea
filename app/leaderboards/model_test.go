package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/servers"
)

func micros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// stacks are the databases and indexes that the model runs on: in process, and on
// servers.
var stacks = map[string]struct{ database, cache func(testing.TB) string }{
	"sqlite and memory":          {nowhere, nowhere},
	"postgres and redis":         {servers.Postgres, servers.Redis},
	"sqlite and a redis cluster": {nowhere, servers.RedisCluster},
}

func nowhere(testing.TB) string { return "" }

// submitted does one run to the reference. It gives the code of the refusal, or "".
func (n naive) submitted(run ranking.Submission, now int64) string {
	was, ranked := n.entries[run.Player]
	next := naiveEntry{run.Run, now, run.Metadata}
	switch {
	case !ranked:
	case n.rules.Operator == ranking.Best:
		if !n.rules.Ahead(run.Run, was.run) {
			return ""
		}
	case n.rules.Operator == ranking.Sum:
		score := new(big.Int).Add(big.NewInt(was.run.Score), big.NewInt(run.Run.Score))
		subscore := new(big.Int).Add(big.NewInt(was.run.Subscore), big.NewInt(run.Run.Subscore))
		if !score.IsInt64() || !subscore.IsInt64() {
			return "ranking.overflow"
		}
		next.run = ranking.Run{Score: score.Int64(), Subscore: subscore.Int64()}
		if next.metadata == "" {
			next.metadata = was.metadata
		}
	}
	n.entries[run.Player] = next
	delete(n.removed, run.Player)
	return ""
}

func code(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Random runs, batches, removals, quarantines, what undoes these, and ends of seasons, by operators and by schedule, through two replicas, while the
// index is lost, can't be reached, or has its writers die: what anyone is shown
// is what sorting and counting give.
func TestStandingsAgainstANaiveReference(t *testing.T) {
	for name, stack := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players = 12
			g := newGame(t, stack.database(t), stack.cache(t), players)
			other := g.Replica(nil)
			replicas := []*composetest.World{g.World, other}
			boards := 0
			rapid.Check(t, func(t *rapid.T) {
				g.t = t
				boards++
				id := ranking.BoardID(fmt.Sprint("board-", boards))
				rules := ranking.Rules{
					Sort:     rapid.SampledFrom([]ranking.Sort{ranking.Descending, ranking.Ascending}).Draw(t, "sort"),
					Operator: rapid.SampledFrom([]ranking.Operator{ranking.Best, ranking.Latest, ranking.Sum}).Draw(t, "operator"),
					TieBreak: rapid.SampledFrom([]ranking.TieBreak{ranking.EarliestFirst, ranking.LatestFirst, ranking.Shared}).Draw(t, "tie_break"),
				}
				// Seasons end by operators, or each hour too.
				schedule := rapid.SampledFrom([]ranking.Schedule{{}, {Cron: "0 * * * *", Zone: "UTC"}, {Cron: "30 * * * *", Zone: "Asia/Kolkata"}}).Draw(t, "schedule")
				for i := range players { // what an earlier board left
					g.sequester(g.World, "", g.player(i), "")
				}
				if _, err := g.Operators.CreateLeaderboard(context.Background(), g.operator, here, id, ranking.Definition{Rules: rules, MetadataBytes: 50, Schedule: schedule}); err != nil {
					t.Fatal(err)
				}
				seasons := map[int]naive{1: newNaive(rules)}
				open := 1
				begin := func() {
					open++
					seasons[open] = newNaive(rules)
					for player := range g.quarantined(id) {
						seasons[open].hidden[player] = true
					}
				}
				end := g.Clock.Now().Truncate(time.Hour).Add(time.Hour)
				pass := func(d time.Duration) {
					g.Clock.Advance(d)
					for ; schedule.Cron != "" && !g.Clock.Now().Before(end); end = end.Add(time.Hour) {
						begin()
					}
				}
				number := rapid.OneOf(rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}), rapid.Int64Range(-2, 2))
				for step := range rapid.IntRange(1, 14).Draw(t, "steps") {
					w := replicas[rapid.IntRange(0, 1).Draw(t, "replica")]
					now := g.Clock.Now().UnixMicro()
					when := fmt.Sprintf("%s, step %d", id, step)
					season := seasons[open]
					switch rapid.IntRange(0, 15).Draw(t, "kind") {
					case 0: // the index loses everything
						if err := g.index.Drop(context.Background(), g.ladder(id)); err != nil {
							t.Fatal(err)
						}
					case 1: // the season ends
						if _, err := w.Operators.CloseSeason(context.Background(), g.operator, here, id, open); err != nil {
							t.Fatal(err)
						}
						begin()
					case 2: // an entry is removed
						player := g.player(rapid.IntRange(0, players-1).Draw(t, "player"))
						want := ""
						if _, ranked := season.entries[player]; !ranked {
							want = "ranking.not_ranked"
						}
						if err := w.Leaderboards.Remove(context.Background(), g.operator, id, player); code(err) != want {
							t.Fatalf("%s: remove: %v, want %q", when, err, want)
						}
						if want == "" {
							season.removed[player] = season.entries[player]
							delete(season.entries, player)
						}
					case 3: // a removal is undone
						player := g.player(rapid.IntRange(0, players-1).Draw(t, "player"))
						was, removed := season.removed[player]
						want := "ranking.not_removed"
						if removed {
							want = ""
							season.entries[player] = was
							delete(season.removed, player)
						}
						if err := w.Leaderboards.Restore(context.Background(), g.operator, id, player); code(err) != want {
							t.Fatalf("%s: restore: %v, want %q", when, err, want)
						}
					case 4, 5: // a player is quarantined, here or everywhere, or no more
						player := g.player(rapid.IntRange(0, players-1).Draw(t, "player"))
						where := rapid.SampledFrom([]ranking.BoardID{id, ""}).Draw(t, "where")
						g.sequester(w, where, player, rapid.SampledFrom([]string{"", "a wallhack"}).Draw(t, "reason"))
						clear(season.hidden)
						for player := range g.quarantined(id) {
							season.hidden[player] = true
						}
					case 6: // planned ends come, and are found by a worker or by whoever comes next
						pass(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour - time.Microsecond, time.Hour, 3 * time.Hour}).Draw(t, "passes"))
						if rapid.Bool().Draw(t, "worker") {
							g.must(w.Leaderboards.CatchUp(context.Background(), g.server.Scope(), id, g.Clock.Now()))
							if at := g.ladder(id); at.Season != open {
								t.Fatalf("%s: season %d is open, want %d", when, at.Season, open)
							}
						}
					default: // a batch of runs
						var runs []ranking.Submission
						trial := season.clone()
						want, at := "", -1
						for i := range rapid.IntRange(1, 4).Draw(t, "runs") {
							run := ranking.Submission{
								Player:   g.player(rapid.IntRange(0, players-1).Draw(t, "player")),
								Run:      ranking.Run{Score: number.Draw(t, "score"), Subscore: number.Draw(t, "subscore")},
								Metadata: rapid.SampledFrom([]string{"", `{"a":1}`}).Draw(t, "metadata"),
							}
							runs = append(runs, run)
							if want == "" {
								want, at = trial.submitted(run, now), i
							}
						}
						trouble := rapid.IntRange(0, 9).Draw(t, "trouble")
						g.index.away.Store(trouble == 0)
						g.index.lost.Store(trouble == 1)
						// The time of a server can't be moved, and so nobody waits for the intent to be overdue.
						dying := trouble == 2 && name == "sqlite and memory"
						g.index.dying.Store(dying)
						receipts, err := w.Leaderboards.SubmitAll(context.Background(), g.server, id, runs)
						var refused *leaderboards.Refused
						if code(err) != want || want != "" && (!errors.As(err, &refused) || refused.Run != at) {
							t.Fatalf("%s: submit %+v: %v, want %q of run %d", when, runs, err, want, at)
						}
						if want == "" {
							season = trial
							seasons[open] = season
							for i, r := range receipts {
								if r.Season != open || r.Player != runs[i].Player {
									t.Fatalf("%s: receipt %+v", when, r)
								}
							}
						}
						if trouble == 0 {
							g.shows(w, id, open, seasons[open], when+", while the index is away")
						}
						g.index.away.Store(false)
						g.index.lost.Store(false)
						g.index.dying.Store(false)
						if dying {
							pass(ranking.IntentFor) // nobody was answered; from now on it shows
						}
					}
					pass(time.Second) // what replicas know of boards is a moment old
					n := rapid.IntRange(1, open).Draw(t, "season")
					g.shows(replicas[rapid.IntRange(0, 1).Draw(t, "reader")], id, n, seasons[n], when)
				}
			})
		})
	}
}
