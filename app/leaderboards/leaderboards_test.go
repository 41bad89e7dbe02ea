package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestARunIsKeptWhole(t *testing.T) {
	g := newGame(t, "", "", 2)
	g.board("laps", ranking.Definition{MetadataBytes: 100})
	send := func(run ranking.Run, metadata string) ranking.Receipt {
		t.Helper()
		r, err := g.Leaderboards.Submit(t.Context(), g.server, "laps", ranking.Submission{Player: g.player(0), Run: run, Metadata: metadata})
		g.must(err)
		return r
	}
	send(ranking.Run{Score: 100, Subscore: 5}, `{"car":"red"}`)
	r := send(ranking.Run{Score: 90, Subscore: 50}, `{"car":"blue"}`)
	if r.Accepted || r.Reason != ranking.NotBetter || *r.Current != (ranking.Run{Score: 100, Subscore: 5}) {
		t.Errorf("receipt %+v", r)
	}
	one, err := g.Leaderboards.One(t.Context(), g.players[1], "laps", 0, g.player(0))
	if err != nil || one.Places[0].Metadata != `{"car":"red"}` || one.Places[0].Rank != 1 {
		t.Errorf("%+v, %v", one, err)
	}
	if run, _ := one.Season.Rules.Read(one.Places[0].Key); run != (ranking.Run{Score: 100, Subscore: 5}) {
		t.Errorf("kept %v", run)
	}
}

func TestWhoMaySubmit(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	g.board("open", ranking.Definition{Submitters: ranking.Players})
	run := ranking.Submission{Player: g.player(0), Run: ranking.Run{Score: 1}}
	submit := func(p tenancy.Principal, id ranking.BoardID) error {
		_, err := g.Leaderboards.Submit(t.Context(), p, id, run)
		return err
	}
	if err := submit(g.players[0], "laps"); !errors.Is(err, ranking.ErrSubmitDenied) {
		t.Errorf("a player: %v", err)
	}
	for name, err := range map[string]error{"player": submit(g.players[0], "open"), "server": submit(g.server, "laps"), "operator": submit(g.operator, "laps")} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := submit(g.server, "none"); !errors.Is(err, ranking.ErrBoardNotFound) {
		t.Errorf("no such board: %v", err)
	}
	run.Player = "01234567-89ab-7cde-8f01-23456789abcd"
	if err := submit(g.server, "laps"); !errors.Is(err, identity.ErrPlayerNotFound) {
		t.Errorf("no such player: %v", err)
	}
	abroad := g.Caller(t, operators.Place{Project: "game", Environment: "staging"}, tenancy.ServerToken)
	if err := submit(abroad, "laps"); !errors.Is(err, ranking.ErrBoardNotFound) {
		t.Errorf("another environment's board: %v", err)
	}
	if events, err := g.Operators.Audit(t.Context(), g.operator, here, audit.Query{Action: audit.EntrySubmitted, Limit: 9}); err != nil || len(events) != 1 || events[0].After["score"] != "1" {
		t.Errorf("audited: %+v, %v", events, err)
	}
}

func TestOneBadRunAmongManyIsRefusedAlone(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players = 16
			g := newGame(t, database(t), "", players)
			most := int64(1000)
			g.board("laps", ranking.Definition{MaxScore: &most, Rules: ranking.Rules{Operator: ranking.Sum}})
			const each = 12
			var all sync.WaitGroup
			for i := range players {
				all.Go(func() {
					for n := range each {
						score := int64(i + 1)
						if i == 3 && n%2 == 1 {
							score = most + 1
						}
						r, err := g.submit("laps", i, score, 0)
						if score > most {
							if fault.KindOf(err) != fault.Invalid {
								t.Errorf("a run over the bound: %v", err)
							}
							continue
						}
						taken := int64(n + 1)
						if i == 3 {
							taken = int64(n/2 + 1)
						}
						if err != nil || !r.Accepted || r.Current.Score != taken*score {
							t.Errorf("player %d, run %d: %+v, %v", i, n, r, err)
						}
					}
				})
			}
			all.Wait()
			top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 100)
			g.must(err)
			if len(top.Places) != players {
				t.Fatalf("%d have a place", len(top.Places))
			}
			for i := range players {
				want := int64((i + 1) * each)
				if i == 3 {
					want /= 2
				}
				one, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(i))
				g.must(err)
				if run, _ := one.Season.Rules.Read(one.Places[0].Key); run.Score != want {
					t.Errorf("player %d has %d, want %d", i, run.Score, want)
				}
			}
		})
	}
}

func TestABatchIsAllOrNothing(t *testing.T) {
	g := newGame(t, "", "", 3)
	most := int64(10)
	g.board("laps", ranking.Definition{MaxScore: &most})
	run := func(player int, score int64) ranking.Submission {
		return ranking.Submission{Player: g.player(player), Run: ranking.Run{Score: score}}
	}
	_, err := g.Leaderboards.SubmitAll(t.Context(), g.server, "laps", []ranking.Submission{run(0, 1), run(1, 11), run(2, 2)})
	var refused *leaderboards.Refused
	if !errors.As(err, &refused) || refused.Run != 1 {
		t.Fatalf("got %v", err)
	}
	if top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10); err != nil || len(top.Places) != 0 {
		t.Errorf("written: %+v, %v", top, err)
	}
	receipts, err := g.Leaderboards.SubmitAll(t.Context(), g.server, "laps", []ranking.Submission{run(0, 1), run(0, 3), run(0, 2)})
	if err != nil || !receipts[1].Accepted || receipts[1].Previous.Score != 1 || receipts[2].Accepted || receipts[2].Current.Score != 3 {
		t.Errorf("one player thrice: %+v, %v", receipts, err)
	}
}

// Who closes a season while runs come in splits them: each counts in the season that
// its receipt names, and nowhere else.
func TestRunsCountInTheSeasonThatWasOpen(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players, each, closes = 6, 15, 4
			g := newGame(t, database(t), "", players)
			g.board("laps", ranking.Definition{Rules: ranking.Rules{Operator: ranking.Sum}})
			other := g.Replica(nil)
			var mu sync.Mutex
			told := map[string]int64{} // by season and player
			var all sync.WaitGroup
			for i := range players {
				all.Go(func() {
					w := g.Leaderboards
					if i%2 == 1 {
						w = other.Leaderboards
					}
					for range each {
						r, err := w.Submit(context.Background(), g.server, "laps", ranking.Submission{Player: g.player(i), Run: ranking.Run{Score: 1}})
						if err != nil {
							t.Errorf("submit: %v", err)
							return
						}
						mu.Lock()
						told[fmt.Sprint(r.Season, g.player(i))]++
						mu.Unlock()
					}
				})
			}
			closed := 0
			for range 2 {
				all.Go(func() {
					for n := 1; n <= closes; n++ {
						_, err := g.Operators.CloseSeason(context.Background(), g.operator, here, "laps", n)
						mu.Lock()
						if err == nil {
							closed++
						} else if !errors.Is(err, ranking.ErrSeasonClosed) && !errors.Is(err, ranking.ErrSeasonNotFound) {
							t.Errorf("close %d: %v", n, err)
						}
						mu.Unlock()
					}
				})
			}
			all.Wait()
			seasons, err := g.Leaderboards.Seasons(t.Context(), g.server, "laps", 0, 10)
			g.must(err)
			if len(seasons) != closed+1 {
				t.Fatalf("%d seasons after %d closes", len(seasons), closed)
			}
			g.Clock.Advance(time.Second)
			shown := int64(0)
			for _, s := range seasons {
				top, err := other.Leaderboards.Top(t.Context(), g.server, "laps", s.Number, nil, 100)
				g.must(err)
				for _, p := range top.Places {
					run, _ := s.Rules.Read(p.Key)
					if want := told[fmt.Sprint(s.Number, p.Player)]; run.Score != want {
						t.Errorf("season %d: %d runs of %s, who was told of %d", s.Number, run.Score, p.Player, want)
					}
					shown += run.Score
				}
			}
			if shown != players*each {
				t.Errorf("%d runs are shown, %d were taken", shown, players*each)
			}
		})
	}
}

// Hot reads ask the database nothing: they go on when it is gone.
func TestReadsDontAskTheDatabase(t *testing.T) {
	const players = 20
	g := newGame(t, "", "", players)
	g.board("laps", ranking.Definition{})
	for i := range players {
		_, err := g.submit("laps", i, int64(i), 0)
		g.must(err)
	}
	read := func(n int) error {
		player := g.player(n % players)
		var err error
		switch n % 4 {
		case 0:
			_, err = g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
		case 1:
			_, err = g.Leaderboards.Around(t.Context(), g.server, "laps", 0, player, ranking.Window{Before: 5, After: 5})
		case 2:
			_, err = g.Leaderboards.One(t.Context(), g.server, "laps", 0, player)
		case 3:
			_, err = g.Leaderboards.Among(t.Context(), g.server, "laps", 1, []identity.PlayerID{player, g.player(0)})
		}
		return err
	}
	g.must(read(0)) // builds the index
	season, err := g.Ports.Store.Boards().Season(t.Context(), g.server.Scope(), "laps", 1)
	g.must(err)
	g.must(g.Ports.Store.Close())
	for n := range 10_000 {
		if err := read(n); err != nil {
			t.Fatalf("read %d: %v", n, err)
		}
	}
	g.must(g.index.Drop(t.Context(), ranking.Ladder{Scope: g.server.Scope(), Board: "laps", Season: 1, Epoch: season.Epoch}))
	if err := read(0); !errors.Is(err, datastore.ErrClosed) {
		t.Errorf("a cold index: %v", err)
	}
}

// counted counts how often a database is asked by those who read ranks.
type counted struct {
	datastore.Datastore
	asked atomic.Int64
}

func (c *counted) Boards() ranking.Boards { c.asked.Add(1); return c.Datastore.Boards() }

func (c *counted) Entries() ranking.Entries { c.asked.Add(1); return c.Datastore.Entries() }

func (c *counted) Environments() tenancy.Environments {
	c.asked.Add(1)
	return c.Datastore.Environments()
}

func (c *counted) InTx(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
	c.asked.Add(1)
	return c.Datastore.InTx(ctx, fn)
}

// What is in use is refreshed beside the readers, who ask the database nothing while time goes by
// and learn of edits elsewhere within a moment; while it can't be asked they go on for a while.
func TestReadersOverTimeDontAskTheDatabase(t *testing.T) {
	const players, seconds = 20, 100
	g := newGame(t, "", "", players)
	other, store := g.Replica(nil), &counted{Datastore: g.Ports.Store}
	g.World = g.Replica(func(p *compose.Ports) { p.Store = store })
	g.board("laps", ranking.Definition{})
	for i := range players {
		_, err := g.submit("laps", i, int64(i), 0)
		g.must(err)
	}
	_, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 1)
	g.must(err)
	read := func(n int) (leaderboards.Standings, error) {
		player, season := g.player(n%players), 1+n%2 // the first, and the open one
		switch n / 2 % 4 {
		case 0:
			return g.Leaderboards.Top(t.Context(), g.server, "laps", season, nil, 10)
		case 1:
			return g.Leaderboards.Among(t.Context(), g.server, "laps", season, []identity.PlayerID{player, g.player(0)})
		case 2:
			return g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 5)
		}
		return g.Leaderboards.Around(t.Context(), g.server, "laps", 1, player, ranking.Window{Before: 5, After: 5})
	}
	for n := range 8 {
		_, err := read(n) // builds the indexes
		g.must(err)
	}
	store.asked.Store(0)
	refreshed := int64(0)
	for n := range 10_000 {
		if n%(10_000/seconds/2) == 0 {
			g.Clock.Advance(recent.Fresh / 2)
			before := store.asked.Load()
			g.must(errors.Join(g.Directory.Refresh(t.Context()), g.Leaderboards.Refresh(t.Context())))
			refreshed += store.asked.Load() - before
		}
		if _, err := read(n); err != nil {
			t.Fatalf("read %d: %v", n, err)
		}
	}
	if n := store.asked.Load() - refreshed; n != 0 {
		t.Errorf("10,000 reads made %d queries", n)
	}
	if limit := int64(seconds * 2 * 4); refreshed == 0 || refreshed > limit {
		t.Errorf("%d queries in %d seconds beside them, want at most %d", refreshed, seconds, limit)
	}
	_, err = other.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 2)
	g.must(err)
	g.Clock.Advance(recent.Fresh / 2)
	g.must(g.Leaderboards.Refresh(t.Context()))
	if found, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 5); err != nil || found.Season.Number != 3 {
		t.Errorf("after an end elsewhere: season %d, %v", found.Season.Number, err)
	}
	g.must(g.Ports.Store.Close())
	g.Clock.Advance(recent.Lasting - recent.Fresh)
	if _, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 1, nil, 5); err != nil {
		t.Errorf("while the database is away: %v", err)
	}
	g.Clock.Advance(2 * recent.Fresh)
	if _, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 1, nil, 5); !errors.Is(err, datastore.ErrClosed) {
		t.Errorf("when it is away for long: %v", err)
	}
}

func TestTheDatabaseAnswersWhileTheIndexIsAway(t *testing.T) {
	g := newGame(t, "", "", 4)
	g.board("laps", ranking.Definition{Rules: ranking.Rules{TieBreak: ranking.Shared}})
	for i, score := range []int64{5, 9, 9, 1} {
		_, err := g.submit("laps", i, score, 0)
		g.must(err)
	}
	g.index.away.Store(true)
	top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 3)
	if err != nil || top.Sequence != 0 || top.Count != -1 || top.Places[1].Rank != 1 || top.Places[2].Rank != 3 {
		t.Errorf("top: %+v, %v", top, err)
	}
	one, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(0))
	if err != nil || one.Places[0].Rank != 3 {
		t.Errorf("one: %+v, %v", one, err)
	}
	if _, err := g.Leaderboards.Around(t.Context(), g.server, "laps", 0, g.player(0), ranking.Window{Before: 1, After: 1}); !errors.Is(err, ranking.ErrWarming) {
		t.Errorf("around: %v", err)
	}
	if r, err := g.submit("laps", 3, 10, 0); err != nil || !r.Accepted {
		t.Errorf("submit: %+v, %v", r, err)
	}
	g.index.away.Store(false)
	if one, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(3)); err != nil || one.Places[0].Rank != 1 || one.Sequence == 0 {
		t.Errorf("when it is back: %+v, %v", one, err)
	}
}

func TestAnEffectThatFailsUndoesTheRun(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	no := errors.New("no")
	run := ranking.Submission{Player: g.player(0), Run: ranking.Run{Score: 1}}
	var tell once.Effect[ranking.Receipt] = func(context.Context, datastore.Repos, ranking.Receipt) error { return no }
	if _, err := g.Leaderboards.Submit(t.Context(), g.server, "laps", run, tell); !errors.Is(err, no) {
		t.Fatalf("got %v", err)
	}
	if _, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(0)); !errors.Is(err, ranking.ErrNotRanked) {
		t.Errorf("after it: %v", err)
	}
	g.Clock.Advance(ranking.IntentFor) // its intent is settled, which changes nothing
	if _, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(0)); !errors.Is(err, ranking.ErrNotRanked) {
		t.Errorf("settled: %v", err)
	}
}

// A board that is made anew under an id has nothing of the one that had it before.
func TestABoardMadeAgainBeginsEmpty(t *testing.T) {
	g := newGame(t, "", "", 2)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 900, 1)
	g.must(err)
	top := func() []ranking.Place {
		t.Helper()
		view, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
		g.must(err)
		return view.Places
	}
	if len(top()) != 1 { // its index is there
		t.Fatal("the run doesn't show")
	}
	g.must(g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, "laps", "laps"))
	g.Clock.Advance(2 * time.Second)
	g.board("laps", ranking.Definition{Rules: ranking.Rules{Sort: ranking.Ascending}})
	if places := top(); len(places) != 0 {
		t.Errorf("the new board shows %+v", places)
	}
	_, err = g.submit("laps", 0, 7, 0)
	g.must(err)
	if places := top(); len(places) != 1 || places[0].Player != g.player(0) {
		t.Errorf("after a run the new board shows %+v", places)
	}
}

func TestEditsOfRulesWaitForTheNextSeason(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	edited, err := g.Operators.EditLeaderboard(t.Context(), g.operator, here, "laps", operators.LeaderboardEdit{Change: func(d *ranking.Definition) {
		d.Rules.Sort, d.Submitters = ranking.Ascending, ranking.Players
	}})
	if err != nil || edited.Board.Version != 2 || edited.Board.Rules.Sort != ranking.Ascending || edited.Season.Rules.Sort != ranking.Descending {
		t.Fatalf("edited: %+v, %v", edited, err)
	}
	_, err = g.Operators.EditLeaderboard(t.Context(), g.operator, here, "laps", operators.LeaderboardEdit{Change: func(*ranking.Definition) {}, Versions: []int64{1}})
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != fault.Stale || f.Current.(operators.Leaderboard).Board.Version != 2 {
		t.Errorf("stale: %+v", err)
	}
	after, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 1)
	if err != nil || after.Season.Number != 2 || after.Season.Rules.Sort != ranking.Ascending {
		t.Errorf("closed: %+v, %v", after, err)
	}
	if _, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 1); !errors.Is(err, ranking.ErrSeasonClosed) {
		t.Errorf("again: %v", err)
	}
	if _, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 3); !errors.Is(err, ranking.ErrSeasonNotFound) {
		t.Errorf("one to come: %v", err)
	}
	if err := g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, "laps", "lap"); !errors.Is(err, tenancy.ErrNotConfirmed) {
		t.Errorf("unconfirmed: %v", err)
	}
	g.must(g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, "laps", "laps"))
	if _, _, err := g.Leaderboards.Board(t.Context(), g.server, "laps"); !errors.Is(err, ranking.ErrBoardNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestWhatHappensToTheIndexIsCounted(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{Rules: ranking.Rules{Operator: ranking.Sum}})
	submit := func() {
		t.Helper()
		_, err := g.submit("laps", 0, 1, 0)
		g.must(err)
	}
	read := func() {
		t.Helper()
		_, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(0))
		g.must(err)
	}
	submit()
	read()
	g.index.away.Store(true)
	read()
	submit()
	g.index.away.Store(false)
	g.index.lost.Store(true)
	submit()
	g.index.lost.Store(false)
	read()
	g.index.dying.Store(true)
	submit()
	g.index.dying.Store(false)
	g.Clock.Advance(ranking.IntentFor)
	read()
	if got, want := g.Leaderboards.Index(), (leaderboards.IndexStats{Built: 2, Settled: 1, Left: 2, Without: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
