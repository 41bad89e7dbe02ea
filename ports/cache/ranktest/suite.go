package ranktest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Engine is an index in which every ladder is cold, and its test's hold on it.
type Engine struct {
	Index   ranking.Index
	Advance func(time.Duration) // moves its time on
	Flush   func()              // makes it forget everything, as an operator or a crash would
}

// Run runs the whole suite.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	for _, c := range []struct {
		name string
		run  func(*fixture)
	}{
		{"cold until it is built", coldUntilBuilt},
		{"built of nothing", builtOfNothing},
		{"what is applied while it is built counts", appliedWhileBuilt},
		{"a flush makes it cold", flushed},
		{"dropping makes it cold", dropped},
		{"what is built is not built again", notBuiltTwice},
		{"one builder at a time", oneBuilder},
		{"a builder that was silent has lost", silentBuilder},
		{"marks in any order, and again", anyOrder},
		{"who is gone stays gone", goneStaysGone},
		{"a mark moves its player", moves},
		{"metadata comes and goes with the mark", metadata},
		{"ties", ties},
		{"shared ranks", sharedRanks},
		{"the extremes of int64", extremes},
		{"pages go on where they left off", pages},
		{"around a player at the edges", around},
		{"finding players", finding},
		{"hidden players have no place and a shadow", hidden},
		{"a shadow by any key", shadows},
		{"several questions at once", several},
		{"what is known is not told again", known},
		{"what is held is what was told", heldMarks},
		{"the sequence tells of every change", sequence},
		{"an intent that is kept", intentKept},
		{"intents left behind are owed", intentsOwed},
		{"intents outlive a building", intentsOutlive},
		{"ladders have nothing in common", apart},
		{"writers in a race", race},
		{"against a naive reference", model},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine := open(t)
			c.run(&fixture{T: t, Engine: engine, Index: single{engine.Index, engine.Index.Read}, at: home})
		})
	}
}

var home = ladder("home", "laps", 1, 1)

func ladder(environment, board string, season int, epoch int64) ranking.Ladder {
	e := tenancy.Environment{ID: tenancy.EnvironmentID(environment), ProjectID: "game"}
	return ranking.Ladder{Scope: e.Scope(), Board: ranking.BoardID(board), Season: season, Epoch: epoch}
}

type fixture struct {
	*testing.T
	Engine
	Index single
	at    ranking.Ladder
}

// single is an index that is asked one question at a time.
type single struct {
	ranking.Index
	ranking.Asker
}

// start is the time at which runs were achieved, if nothing else is said.
var start = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

var descending = ranking.Rules{Sort: ranking.Descending, TieBreak: ranking.EarliestFirst}

// id is the n-th player's; greater ones sort behind.
func id(n int) identity.PlayerID {
	return identity.PlayerID(fmt.Sprintf("%08x-0000-7000-8000-%012x", n, n))
}

func intentID(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }

func mark(player int, score, revision int64) ranking.Mark {
	return ranking.Mark{Player: id(player), Key: descending.Key(ranking.Run{Score: score}, start), Revision: revision}
}

func gone(player int, revision int64) ranking.Mark {
	return ranking.Mark{Player: id(player), Revision: revision, Gone: true}
}

// hid is a mark of a hidden player.
func hid(player int, score, revision int64) ranking.Mark {
	m := mark(player, score, revision)
	m.Hidden = true
	return m
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) fails(what string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

// builder is a name as builders have it.
const builder, rival = "b-1", "b-2"

// build makes the ladder ready with these marks.
func (f *fixture) build(marks ...ranking.Mark) {
	f.Helper()
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.must(f.Index.Fill(f.Context(), f.at, builder, marks))
	f.must(f.Index.Finish(f.Context(), f.at, builder))
}

func (f *fixture) apply(marks ...ranking.Mark) {
	f.Helper()
	f.must(f.Index.Apply(f.Context(), f.at, marks))
}

func (f *fixture) top() ranking.View {
	f.Helper()
	view, err := f.Index.Top(f.Context(), f.at, nil, 1000, false)
	f.must(err)
	return view
}

// cold demands that every read says so.
func (f *fixture) cold() {
	f.Helper()
	for what, err := range f.reads() {
		f.fails(what, err, ranking.ErrCold)
	}
}

func (f *fixture) reads() map[string]error {
	_, top := f.Index.Top(f.Context(), f.at, nil, 1, false)
	_, around := f.Index.Around(f.Context(), f.at, id(1), ranking.Window{Before: 1, After: 1}, false)
	_, find := f.Index.Find(f.Context(), f.at, []identity.PlayerID{id(1)}, false)
	_, shadow := f.Index.Shadow(f.Context(), f.at, id(1), nil, ranking.Window{Before: 1, After: 1}, false)
	_, sequence := f.Index.Sequence(f.Context(), f.at)
	return map[string]error{"top": top, "around": around, "find": find, "shadow": shadow, "sequence": sequence}
}

// row is a place in short: rank and player.
type row struct {
	rank   int64
	player int
}

// shows demands these places.
func (f *fixture) shows(view ranking.View, want ...row) {
	f.Helper()
	got := make([]row, 0, len(view.Places))
	for _, p := range view.Places {
		var n int
		if _, err := fmt.Sscanf(string(p.Player), "%08x-", &n); err != nil {
			f.Fatalf("player %q: %v", p.Player, err)
		}
		got = append(got, row{p.Rank, n})
	}
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		f.Fatalf("places (rank, player) %v, want %v", got, want)
	}
}
