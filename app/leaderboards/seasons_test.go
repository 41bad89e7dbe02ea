package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Worlds begin on Sunday, 1 March 2026, at 12:00 UTC.
var daily = ranking.Schedule{Cron: "0 0 * * *", Zone: "UTC"}

// grace is how long a season is closing at least.
const grace = 2*15*time.Second + 5*time.Second

// tend lets workers do what is due with seasons.
func (g *game) tend(w *composetest.World) {
	g.t.Helper()
	for _, job := range w.Jobs {
		if !strings.HasPrefix(job.Name, "season") {
			continue
		}
		held, ok, err := g.Ports.Store.Leases().Acquire(context.Background(), jobs.LeasePrefix+job.Name, "worker", g.Clock.Now(), time.Minute)
		if err != nil || !ok {
			g.t.Fatalf("lease: %t, %v", ok, err)
		}
		g.must(job.Run(context.Background(), jobs.NewTurn(g.Ports.Store, held)))
	}
}

// seasons tells of a board's seasons, from the first on.
func (g *game) seasons(id ranking.BoardID) string {
	g.t.Helper()
	all, err := g.Ports.Store.Boards().Seasons(context.Background(), g.server.Scope(), id, 0, 100)
	g.must(err)
	var told []string
	for _, s := range all {
		entries, err := g.Ports.Store.Entries().Top(context.Background(), g.server.Scope(), s.Ref(), 100)
		g.must(err)
		line := fmt.Sprintf("%d %s", s.Number, s.State)
		if !s.EndedAt.IsZero() {
			line += s.EndedAt.Format(" 01-02 15:04")
		}
		for _, e := range entries {
			line += fmt.Sprint(" ", e.Run.Score)
		}
		told = append([]string{line}, told...)
	}
	return strings.Join(told, ", ")
}

func (g *game) wantSeasons(id ranking.BoardID, want string) {
	g.t.Helper()
	if got := g.seasons(id); got != want {
		g.t.Fatalf("seasons %s, want %s", got, want)
	}
}

// Whoever comes first after the planned end ends the season at that end: the writer, the
// reader, or the worker.
func TestSeasonsEndAtTheirPlannedEnd(t *testing.T) {
	for name, comes := range map[string]func(g *game){
		"writer": func(g *game) {
			receipt, err := g.submit("laps", 1, 7, 0)
			g.must(err)
			if receipt.Season != 2 {
				g.t.Fatalf("receipt %+v", receipt)
			}
		},
		"reader": func(g *game) {
			top, err := g.Leaderboards.Top(context.Background(), g.server, "laps", 0, nil, 10)
			g.must(err)
			if top.Season.Number != 2 || len(top.Places) != 0 {
				g.t.Fatalf("top %+v", top)
			}
		},
		"worker": func(g *game) { g.tend(g.World) },
		"operator who ends it": func(g *game) {
			_, err := g.Operators.CloseSeason(context.Background(), g.operator, here, "laps", 1)
			if !errors.Is(err, ranking.ErrSeasonClosed) {
				g.t.Fatal(err)
			}
		},
		"operator who edits the board": func(g *game) {
			after, err := g.Operators.EditLeaderboard(context.Background(), g.operator, here, "laps", operators.LeaderboardEdit{Change: func(d *ranking.Definition) { d.Schedule = ranking.Schedule{} }})
			g.must(err)
			if after.Season.Number != 2 || !after.Season.PlannedEnd.IsZero() {
				g.t.Fatalf("after the edit %+v", after.Season)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, "", "", 2)
			g.board("laps", ranking.Definition{Schedule: daily})
			_, err := g.submit("laps", 0, 5, 0)
			g.must(err)
			g.Clock.Advance(12*time.Hour - time.Microsecond)
			g.tend(g.World)
			_, err = g.submit("laps", 1, 4, 0)
			g.must(err)
			g.wantSeasons("laps", "1 open 5 4")
			g.Clock.Advance(3 * time.Second)
			comes(g)
			want := "1 closing 03-02 00:00 5 4, 2 open"
			if name == "writer" {
				want += " 7"
			}
			g.wantSeasons("laps", want)
			g.Clock.Advance(grace)
			g.tend(g.World)
			g.wantSeasons("laps", strings.Replace(want, "closing", "archived", 1))
			var project tenancy.Project
			project.Slug = "game"
			if events := g.Audit(t, project, audit.SeasonClosed); len(events) != 1 || events[0].Actor.Kind != "schedule" || events[0].Before["season"] != "1" {
				t.Errorf("events %+v", events)
			}
		})
	}
}

// How late seasons end is counted, and what couldn't be ended.
func TestLatenessIsCounted(t *testing.T) {
	g := newGame(t, "", "", 0)
	for _, id := range []ranking.BoardID{"laps", "other"} {
		g.board(id, ranking.Definition{Schedule: daily})
	}
	g.Clock.Advance(12*time.Hour + 3*time.Second)
	failing := errors.New("the database is full")
	if err := g.Leaderboards.Tend(t.Context(), g.environment(), func(context.Context, func(context.Context, datastore.Repos) error) error { return failing }); !errors.Is(err, failing) {
		t.Fatal(err)
	}
	if s := g.Leaderboards.SeasonStats(); s.Due != 2 || s.Ended != 0 {
		t.Errorf("failing: %+v", s)
	}
	g.Clock.Advance(7 * time.Second)
	g.tend(g.World)
	want := leaderboards.SeasonStats{Ended: 2, Late: 20 * time.Second, Within: []uint64{0, 0, 2, 2, 2, 2, 2}}
	if s := g.Leaderboards.SeasonStats(); !reflect.DeepEqual(s, want) {
		t.Errorf("ended: %+v, want %+v", s, want)
	}
	g.move(100 * time.Hour) // a rehearsal is no lateness
	g.tend(g.World)
	if s := g.Leaderboards.SeasonStats(); !reflect.DeepEqual(s, want) {
		t.Errorf("rehearsed: %+v, want %+v", s, want)
	}
}

// What was missed is made up in order, each season at its own end.
func TestMissedSeasonsAreMadeUpInOrder(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{Schedule: daily})
	g.board("weekly", ranking.Definition{Schedule: ranking.Schedule{Cron: "0 5 * * 1", Zone: "America/New_York"}})
	g.board("never", ranking.Definition{})
	_, err := g.submit("laps", 0, 5, 0)
	g.must(err)
	g.Clock.Advance(3 * 24 * time.Hour)
	g.tend(g.World)
	g.wantSeasons("laps", "1 archived 03-02 00:00 5, 2 archived 03-03 00:00, 3 archived 03-04 00:00, 4 open")
	g.wantSeasons("weekly", "1 archived 03-02 10:00, 2 open")
	g.Clock.Advance(7 * 24 * time.Hour)
	g.tend(g.World)
	g.wantSeasons("weekly", "1 archived 03-02 10:00, 2 archived 03-09 09:00, 3 open") // clocks were put forward
	g.wantSeasons("never", "1 open")
	g.Clock.Advance(120 * 24 * time.Hour) // more than one transaction makes up for
	if _, err := g.submit("laps", 0, 6, 0); err != nil {
		t.Fatal(err)
	}
	if l := g.ladder("laps"); l.Season != 131 {
		t.Errorf("season %d", l.Season)
	}
}

// A leaderboard that missed very many ends holds up no other one, whose seasons are ended and archived in the same
// turn; and it gets all of its own, in order.
func TestAnAgeThatWasMissedHoldsUpNobody(t *testing.T) {
	const missed, ended, archived = 530, 500, 200 // of which a turn ends and archives so many
	g := newGame(t, "", "", 1)
	g.board("hourly", ranking.Definition{Schedule: ranking.Schedule{Cron: "0 * * * *", Zone: "UTC"}})
	g.board("weekly", ranking.Definition{Schedule: ranking.Schedule{Cron: "0 5 * * 1", Zone: "UTC"}})
	g.Clock.Advance(missed*time.Hour + grace)
	count := func(id ranking.BoardID) (all, done int) {
		t.Helper()
		for before := 0; ; {
			page, err := g.Ports.Store.Boards().Seasons(t.Context(), g.server.Scope(), id, before, 100)
			g.must(err)
			for _, s := range page {
				all++
				if s.State == ranking.Archived {
					done++
				}
				before = s.Number
			}
			if len(page) < 100 {
				return all, done
			}
		}
	}
	g.tend(g.World)
	if all, done := count("hourly"); all != ended+1 || done != archived {
		t.Errorf("after a turn there are %d seasons, of which %d are archived", all, done)
	}
	if all, done := count("weekly"); all != 5 || done != 4 {
		t.Errorf("the other leaderboard has %d seasons, of which %d are archived", all, done)
	}
	if s := g.Leaderboards.SeasonStats().Due; s != 1 {
		t.Errorf("%d leaderboards are told to be due", s)
	}
	// A worker that can't find out tells what it knew.
	environment, err := g.Ports.Store.Environments().Get(t.Context(), g.server.Scope().Environment())
	g.must(err)
	away, leave := context.WithCancel(t.Context())
	leave()
	for range 2 {
		g.Clock.Advance(40 * time.Second)
		if err := g.Leaderboards.Tend(away, environment, nil); err == nil {
			t.Error("seasons were found without a database")
		}
	}
	if s := g.Leaderboards.SeasonStats().Due; s != 1 {
		t.Errorf("%d leaderboards are told to be due by a worker that can't find out", s)
	}
	for range 3 {
		g.tend(g.World)
	}
	if all, done := count("hourly"); all != missed+1 || done != missed {
		t.Errorf("in the end there are %d seasons, of which %d are archived", all, done)
	}
}

// A run counts in the season in which it was received, whenever it is committed:
// until the season is closed, which it is when nobody can be at such a run any more.
func TestARunCountsInTheSeasonThatReceivedIt(t *testing.T) {
	for name, c := range map[string]struct {
		wait time.Duration // from its receipt to its commit
		want string
	}{
		"while it is closing": {grace - time.Minute/2, "1 closing 03-02 00:00 5, 2 open 9"},
		"once it is closed":   {grace + time.Second, "1 archived 03-02 00:00, 2 open 9 5"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGame(t, "", "", 2)
			g.board("laps", ranking.Definition{Schedule: daily})
			other := g.Replica(nil)
			g.Clock.Advance(12*time.Hour - time.Microsecond)
			stall := func() {
				g.Clock.Advance(time.Second)
				if _, err := other.Leaderboards.Submit(context.Background(), g.server, "laps", ranking.Submission{Player: g.player(1), Run: ranking.Run{Score: 9}}); err != nil {
					t.Error(err)
				}
				g.Clock.Advance(c.wait)
				g.tend(other)
			}
			g.index.stall.Store(&stall)
			receipt, err := g.submit("laps", 0, 5, 0)
			g.must(err)
			g.wantSeasons("laps", c.want)
			top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", receipt.Season, nil, 10)
			g.must(err)
			if len(top.Places) != map[int]int{1: 1, 2: 2}[receipt.Season] || top.Places[len(top.Places)-1].Player != g.player(0) {
				t.Errorf("in season %d: %+v", receipt.Season, top.Places)
			}
		})
	}
}

// move moves the environment's clock.
func (g *game) move(offset time.Duration) {
	g.t.Helper()
	_, err := g.Operators.EditEnvironment(context.Background(), g.operator, "game", "development", operators.Edit{Settings: func(s *tenancy.Settings) { s.ClockOffset = offset }})
	g.must(err)
	g.Clock.Advance(time.Second)
}

// An environment's clock is moved to rehearse an end, and back.
func TestAMovedClockEndsASeason(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{Schedule: daily})
	counts := func(score int64, season int) {
		t.Helper()
		receipt, err := g.submit("laps", 0, score, 0)
		g.must(err)
		if receipt.Season != season {
			t.Errorf("it counts in season %d, want %d", receipt.Season, season)
		}
	}
	counts(1, 1)
	g.move(37 * time.Hour)
	_, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
	g.must(err)
	g.wantSeasons("laps", "1 closed 03-02 00:00 1, 2 closed 03-03 00:00, 3 open")
	// Moved back, nothing is opened again: the open season takes what comes, however far ahead it began.
	g.move(0)
	counts(2, 3)
	if _, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 3); err != nil {
		t.Fatal(err)
	}
	counts(4, 4)
	g.wantSeasons("laps", "1 closed 03-02 00:00 1, 2 closed 03-03 00:00, 3 closing 03-01 12:00 2, 4 open 4")
	if s := g.planned("laps"); s != "2026-03-02 00:00" {
		t.Errorf("planned end %s", s)
	}
	g.tend(g.World)
	g.wantSeasons("laps", "1 archived 03-02 00:00 1, 2 archived 03-03 00:00, 3 closing 03-01 12:00 2, 4 open 4")
	// Moved past the grace, the clock ends the wait for it.
	g.move(grace)
	g.tend(g.World)
	g.wantSeasons("laps", "1 archived 03-02 00:00 1, 2 archived 03-03 00:00, 3 archived 03-01 12:00 2, 4 open 4")
	// Moved back, it doesn't make it longer than by the system's time.
	g.move(13 * time.Hour)
	if _, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 5); err != nil {
		t.Fatal(err)
	}
	g.move(0)
	g.tend(g.World)
	g.wantSeasons("laps", "1 archived 03-02 00:00 1, 2 archived 03-03 00:00, 3 archived 03-01 12:00 2, 4 archived 03-02 00:00 4, 5 closing 03-02 01:00, 6 open")
	g.Clock.Advance(grace)
	g.tend(g.World)
	g.wantSeasons("laps", "1 archived 03-02 00:00 1, 2 archived 03-03 00:00, 3 archived 03-01 12:00 2, 4 archived 03-02 00:00 4, 5 archived 03-02 01:00, 6 open")
}

// planned is when the open season is to end.
func (g *game) planned(id ranking.BoardID) string {
	g.t.Helper()
	l, err := g.Operators.Leaderboard(context.Background(), g.operator, here, id)
	g.must(err)
	return l.Season.PlannedEnd.Format("2006-01-02 15:04")
}

func TestSchedules(t *testing.T) {
	g := newGame(t, "", "", 0)
	faults := func(s ranking.Schedule, name string) string {
		t.Helper()
		_, err := g.Operators.CreateLeaderboard(t.Context(), g.operator, here, "laps", ranking.Definition{Name: name, Schedule: s})
		var invalid *fault.Fault
		if !errors.As(err, &invalid) {
			t.Fatalf("%+v: %v", s, err)
		}
		var told []string
		for _, f := range invalid.Fields {
			told = append(told, f.Pointer+" "+f.Code)
		}
		return strings.Join(told, ", ")
	}
	for want, got := range map[string]string{
		"/schedule/cron malformed":      faults(ranking.Schedule{Cron: "0 0 30 2 *", Zone: "UTC"}, ""),
		"/schedule/time_zone malformed": faults(ranking.Schedule{Cron: "0 0 * * *", Zone: "Berlin"}, ""),
		"/schedule/cron too_often":      faults(ranking.Schedule{Cron: "0,30 * * * *", Zone: "UTC"}, ""),
		"/name malformed, /schedule/cron malformed, /schedule/time_zone malformed": faults(ranking.Schedule{Cron: "x"}, strings.Repeat("x", 81)),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	g.board("laps", ranking.Definition{Schedule: daily})
	ends := func(p operators.Preview, err error) string {
		t.Helper()
		g.must(err)
		var told []string
		for _, end := range p.Ends {
			told = append(told, end.Format("01-02 15:04"))
		}
		return strings.Join(told, ", ")
	}
	if got := ends(g.Operators.Schedule(t.Context(), g.operator, here, "laps")); got != "03-02 00:00, 03-03 00:00, 03-04 00:00, 03-05 00:00, 03-06 00:00" {
		t.Errorf("schedule %s", got)
	}
	weekly := ranking.Schedule{Cron: "30 2 * * sun", Zone: "Europe/Berlin"}
	if got := ends(g.Operators.PreviewSchedule(t.Context(), g.operator, here, weekly)); got != "03-08 01:30, 03-15 01:30, 03-22 01:30, 03-29 01:00, 04-05 00:30" {
		t.Errorf("preview %s", got)
	}
	edit := func(s ranking.Schedule) {
		t.Helper()
		_, err := g.Operators.EditLeaderboard(t.Context(), g.operator, here, "laps", operators.LeaderboardEdit{Change: func(d *ranking.Definition) { d.Schedule = s }})
		g.must(err)
	}
	edit(weekly)
	if got := g.planned("laps"); got != "2026-03-08 01:30" {
		t.Errorf("by another schedule: %s", got)
	}
	edit(ranking.Schedule{})
	if got := ends(g.Operators.Schedule(t.Context(), g.operator, here, "laps")); got != "" {
		t.Errorf("without one: %s", got)
	}
	short := g.Replica(func(p *compose.Ports) { p.Limits = limits.Default(); p.Limits.SeasonTime = time.Minute })
	_, err := short.Operators.CreateLeaderboard(t.Context(), g.operator, here, "often", ranking.Definition{Schedule: ranking.Schedule{Cron: "* * * * *", Zone: "UTC"}})
	g.must(err)
}
