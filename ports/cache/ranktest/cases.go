package ranktest

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

func coldUntilBuilt(f *fixture) {
	f.cold()
	f.apply(mark(1, 10, 1))
	f.cold()
	f.fails("fill", f.Index.Fill(f.Context(), f.at, builder, nil), ranking.ErrNotBuilding)
	f.fails("finish", f.Index.Finish(f.Context(), f.at, builder), ranking.ErrNotBuilding)
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.cold()
	f.must(f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(2, 20, 1), mark(3, 30, 1)}))
	f.cold()
	f.must(f.Index.Finish(f.Context(), f.at, builder))
	f.shows(f.top(), row{1, 3}, row{2, 2}) // what was applied before it was begun is on the builder's pages, or never was
}

func builtOfNothing(f *fixture) {
	f.build()
	f.shows(f.top())
	if n := f.top().Count; n != 0 {
		f.Errorf("count %d", n)
	}
	view, err := f.Index.Around(f.Context(), f.at, id(1), ranking.Window{Before: 5, After: 5}, true)
	f.must(err)
	f.shows(view)
}

func appliedWhileBuilt(f *fixture) {
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.apply(mark(1, 50, 2), gone(2, 3), mark(4, 5, 1))
	f.must(f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(1, 10, 1), mark(2, 20, 2), mark(3, 30, 1)}))
	f.apply(mark(3, 1, 2))
	f.must(f.Index.Finish(f.Context(), f.at, builder))
	f.shows(f.top(), row{1, 1}, row{2, 4}, row{3, 3})
}

func flushed(f *fixture) {
	f.build(mark(1, 10, 1), gone(2, 1))
	f.Flush()
	f.cold()
	f.build(mark(2, 5, 2))
	f.shows(f.top(), row{1, 2})
	f.must(f.Index.Drop(f.Context(), f.at))
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.Flush()
	f.fails("fill after a flush", f.Index.Fill(f.Context(), f.at, builder, nil), ranking.ErrNotBuilding)
}

func dropped(f *fixture) {
	f.must(f.Index.Drop(f.Context(), f.at))
	f.build(mark(1, 10, 9))
	f.must(f.Index.Drop(f.Context(), f.at))
	f.cold()
	f.build(mark(1, 20, 1)) // its revisions are forgotten
	f.shows(f.top(), row{1, 1})
}

func notBuiltTwice(f *fixture) {
	f.build(mark(1, 10, 1))
	f.fails("build", f.Index.Build(f.Context(), f.at, builder), ranking.ErrBuilt)
	f.fails("fill", f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(2, 1, 1)}), ranking.ErrNotBuilding)
	f.shows(f.top(), row{1, 1})
}

func oneBuilder(f *fixture) {
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.fails("a rival", f.Index.Build(f.Context(), f.at, rival), ranking.ErrBuilding)
	f.fails("a rival's fill", f.Index.Fill(f.Context(), f.at, rival, nil), ranking.ErrNotBuilding)
	f.must(f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(1, 1, 1)}))
	f.must(f.Index.Build(f.Context(), f.at, builder)) // the builder may begin anew
	f.must(f.Index.Finish(f.Context(), f.at, builder))
	f.shows(f.top())
}

func silentBuilder(f *fixture) {
	f.must(f.Index.Build(f.Context(), f.at, builder))
	f.Advance(ranking.BuildFor / 2)
	f.must(f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(1, 1, 1)}))
	f.Advance(ranking.BuildFor / 2)
	f.fails("a rival of one who was heard of", f.Index.Build(f.Context(), f.at, rival), ranking.ErrBuilding)
	f.Advance(ranking.BuildFor / 2)
	f.must(f.Index.Build(f.Context(), f.at, rival))
	f.fails("fill", f.Index.Fill(f.Context(), f.at, builder, []ranking.Mark{mark(2, 2, 1)}), ranking.ErrNotBuilding)
	f.fails("finish", f.Index.Finish(f.Context(), f.at, builder), ranking.ErrNotBuilding)
	f.must(f.Index.Fill(f.Context(), f.at, rival, []ranking.Mark{mark(3, 3, 1)}))
	f.must(f.Index.Finish(f.Context(), f.at, rival))
	f.shows(f.top(), row{1, 3})
}

func anyOrder(f *fixture) {
	f.build()
	f.apply(mark(1, 30, 3))
	f.apply(mark(1, 10, 1), mark(1, 20, 2))
	f.apply(mark(1, 30, 3))
	f.apply(mark(2, 25, 9), mark(2, 99, 9)) // the first of a revision is the one
	f.shows(f.top(), row{1, 1}, row{2, 2})
	f.apply(mark(2, 40, 10), mark(2, 35, 1<<53-1)) // twice in one batch
	f.shows(f.top(), row{1, 2}, row{2, 1})
	f.apply(mark(2, 1, 1<<53-2))
	f.shows(f.top(), row{1, 2}, row{2, 1})
}

func goneStaysGone(f *fixture) {
	f.build(mark(1, 10, 1), mark(2, 20, 1), gone(3, 7))
	f.apply(gone(1, 2), mark(3, 30, 6))
	f.apply(mark(1, 50, 1), mark(1, 60, 2))
	f.shows(f.top(), row{1, 2})
	f.apply(mark(1, 5, 3), mark(3, 30, 8))
	f.shows(f.top(), row{1, 3}, row{2, 2}, row{3, 1})
	f.apply(gone(9, 1), gone(1, 4), gone(2, 2), gone(3, 9), gone(3, 10))
	f.shows(f.top())
	if n := f.top().Count; n != 0 {
		f.Errorf("count %d", n)
	}
}

func moves(f *fixture) {
	f.build(mark(1, 10, 1), mark(2, 20, 1), mark(3, 30, 1))
	f.apply(mark(1, 25, 2))
	f.shows(f.top(), row{1, 3}, row{2, 1}, row{3, 2})
	f.apply(mark(3, 0, 2))
	view := f.top()
	f.shows(view, row{1, 1}, row{2, 2}, row{3, 3})
	if view.Count != 3 || view.Places[0].Key != mark(1, 25, 2).Key {
		f.Errorf("%+v", view)
	}
}

func metadata(f *fixture) {
	with := func(m ranking.Mark, text string) ranking.Mark {
		m.Metadata = text
		return m
	}
	f.build(with(mark(1, 10, 1), `{"a":1}`), mark(2, 20, 1))
	check := func(first, second string) {
		f.Helper()
		found, err := f.Index.Find(f.Context(), f.at, []identity.PlayerID{id(1), id(2)}, false)
		f.must(err)
		top := f.top()
		if got := []string{found.Places[0].Metadata, found.Places[1].Metadata}; !slices.Equal(got, []string{first, second}) {
			f.Fatalf("found %q, want %q and %q", got, first, second)
		}
		if top.Places[1].Metadata != first || top.Places[0].Metadata != second {
			f.Fatalf("top %+v, want %q and %q", top.Places, first, second)
		}
	}
	check(`{"a":1}`, "")
	long := `{"é":"` + strings.Repeat("x", ranking.MaxMetadataBytes) + "\x00\"}"
	f.apply(mark(1, 10, 2), with(mark(2, 20, 2), long)) // in place
	check("", long)
	f.apply(with(mark(2, 20, 3), `{}`))
	check("", `{}`)
	f.apply(gone(2, 4))
	f.apply(mark(2, 20, 5))
	check("", "")
}

func ties(f *fixture) {
	earlier := mark(9, 10, 1)
	earlier.Key = descending.Key(ranking.Run{Score: 10}, start.Add(-time.Microsecond))
	f.build(mark(2, 10, 1), mark(1, 10, 1), earlier, mark(3, 10, 1))
	f.shows(f.top(), row{1, 9}, row{2, 1}, row{3, 2}, row{4, 3}) // the same microsecond: by id
}

func sharedRanks(f *fixture) {
	sub := mark(6, 20, 1)
	sub.Key = descending.Key(ranking.Run{Score: 20, Subscore: -1}, start)
	late := mark(4, 20, 1)
	late.Key = descending.Key(ranking.Run{Score: 20}, start.Add(time.Hour))
	f.build(mark(1, 30, 1), mark(2, 20, 1), mark(3, 20, 1), late, sub, mark(5, 10, 1), mark(7, 10, 1))
	all := []row{{1, 1}, {2, 2}, {2, 3}, {2, 4}, {5, 6}, {6, 5}, {6, 7}}
	view, err := f.Index.Top(f.Context(), f.at, nil, 10, true)
	f.must(err)
	f.shows(view, all...)
	for i, place := range view.Places {
		rest, err := f.Index.Top(f.Context(), f.at, &ranking.Position{Key: place.Key, Player: place.Player}, 3, true)
		f.must(err)
		f.shows(rest, all[i+1:min(i+4, len(all))]...)
		near, err := f.Index.Around(f.Context(), f.at, place.Player, ranking.Window{Before: 1, After: 1}, true)
		f.must(err)
		f.shows(near, all[max(0, i-1):min(i+2, len(all))]...)
		one, err := f.Index.Find(f.Context(), f.at, []identity.PlayerID{place.Player}, true)
		f.must(err)
		f.shows(one, all[i])
	}
}

func extremes(f *fixture) {
	numbers := []int64{math.MaxInt64, math.MaxInt64 - 1, 1<<53 + 1, 1 << 53, 256, 255, 1, 0, -1, -255, -256, -(1 << 53), -(1<<53 + 1), math.MinInt64 + 1, math.MinInt64}
	var marks []ranking.Mark
	var want []row
	for i, n := range numbers {
		marks = append(marks, mark(i, n, 1))
		want = append(want, row{int64(i) + 1, i})
	}
	slices.Reverse(marks)
	f.build(marks...)
	view := f.top()
	f.shows(view, want...)
	for i, n := range numbers {
		if run, at := descending.Read(view.Places[i].Key); run.Score != n || !at.Equal(start) {
			f.Errorf("%d came back as %d at %v", n, run.Score, at)
		}
	}
}

func pages(f *fixture) {
	f.build(mark(1, 50, 1), mark(2, 40, 1), mark(3, 30, 1), mark(4, 20, 1), mark(5, 10, 1))
	page := func(after *ranking.Position, limit int) ranking.View {
		f.Helper()
		view, err := f.Index.Top(f.Context(), f.at, after, limit, false)
		f.must(err)
		return view
	}
	first := page(nil, 2)
	f.shows(first, row{1, 1}, row{2, 2})
	f.shows(page(nil, 0))
	last := &ranking.Position{Key: first.Places[1].Key, Player: id(2)}
	f.shows(page(last, 2), row{3, 3}, row{4, 4})
	f.apply(mark(2, 5, 2), mark(6, 60, 1), mark(7, 35, 1)) // who ended the page has moved on; some come before and after
	f.shows(page(last, 10), row{3, 7}, row{4, 3}, row{5, 4}, row{6, 5}, row{7, 2})
	f.shows(page(&ranking.Position{Key: mark(2, 5, 2).Key, Player: id(2)}, 10))
	f.shows(page(&ranking.Position{Key: mark(0, math.MaxInt64, 1).Key, Player: id(0)}, 1), row{1, 6}) // before all
}

func around(f *fixture) {
	f.build(mark(1, 50, 1), mark(2, 40, 1), mark(3, 30, 1), mark(4, 20, 1))
	for _, c := range []struct {
		player, before, after int
		want                  []row
	}{
		{1, 2, 1, []row{{1, 1}, {2, 2}}},
		{3, 1, 1, []row{{2, 2}, {3, 3}, {4, 4}}},
		{4, 9, 9, []row{{1, 1}, {2, 2}, {3, 3}, {4, 4}}},
		{2, 0, 0, []row{{2, 2}}},
		{5, 9, 9, nil},
	} {
		view, err := f.Index.Around(f.Context(), f.at, id(c.player), ranking.Window{Before: c.before, After: c.after}, false)
		f.must(err)
		f.shows(view, c.want...)
	}
	view, err := f.Index.Around(f.Context(), f.at, "no id at all", ranking.Window{Before: 1, After: 1}, false)
	f.must(err)
	f.shows(view)
}

func finding(f *fixture) {
	f.build(mark(1, 50, 1), mark(2, 40, 1), mark(3, 30, 1), gone(4, 1))
	view, err := f.Index.Find(f.Context(), f.at, []identity.PlayerID{id(3), id(9), "nobody", id(1), id(4)}, false)
	f.must(err)
	f.shows(view, row{3, 3}, row{1, 1})
	if view.Count != 3 {
		f.Errorf("count %d", view.Count)
	}
	view, err = f.Index.Find(f.Context(), f.at, nil, false)
	f.must(err)
	f.shows(view)
}

func hidden(f *fixture) {
	with := hid(2, 40, 1)
	with.Metadata = `{"a":1}`
	f.build(mark(1, 50, 1), with, mark(3, 30, 1), mark(4, 20, 1), hid(5, 10, 1), gone(6, 1))
	shadow := func(player, before, after int) ranking.View {
		f.Helper()
		view, err := f.Index.Shadow(f.Context(), f.at, id(player), nil, ranking.Window{Before: before, After: after}, false)
		f.must(err)
		return view
	}
	f.shows(f.top(), row{1, 1}, row{2, 3}, row{3, 4})
	if n := f.top().Count; n != 3 {
		f.Errorf("count %d", n)
	}
	found, err := f.Index.Find(f.Context(), f.at, []identity.PlayerID{id(2), id(3)}, false)
	f.must(err)
	f.shows(found, row{2, 3})
	near, err := f.Index.Around(f.Context(), f.at, id(2), ranking.Window{Before: 1, After: 1}, false)
	f.must(err)
	f.shows(near)

	seen := shadow(2, 1, 1)
	f.shows(seen, row{1, 1}, row{2, 2}, row{3, 3})
	if seen.Count != 4 || seen.Places[1].Metadata != `{"a":1}` || seen.Places[1].Key != with.Key {
		f.Errorf("%+v", seen)
	}
	f.shows(shadow(5, 1, 9), row{3, 4}, row{4, 5})
	f.shows(shadow(2, 0, 0), row{2, 2})
	for _, player := range []int{1, 6, 9} {
		f.shows(shadow(player, 5, 5))
	}
	unknown, err := f.Index.Shadow(f.Context(), f.at, "no id at all", nil, ranking.Window{Before: 1, After: 1}, true)
	f.must(err)
	f.shows(unknown)

	f.apply(mark(2, 99, 1), hid(2, 25, 2)) // a run while hidden; the first is late
	f.shows(f.top(), row{1, 1}, row{2, 3}, row{3, 4})
	f.shows(shadow(2, 0, 1), row{3, 2}, row{4, 4})
	f.apply(mark(2, 25, 3), hid(1, 50, 2), gone(5, 2), hid(6, 60, 2))
	f.shows(f.top(), row{1, 3}, row{2, 2}, row{3, 4})
	f.shows(shadow(1, 0, 1), row{1, 1}, row{2, 3})
	f.shows(shadow(2, 0, 0))
	f.shows(shadow(5, 0, 0))
	f.shows(shadow(6, 0, 0), row{1, 6})
	f.apply(gone(6, 3), mark(1, 50, 3))
	f.shows(f.top(), row{1, 1}, row{2, 3}, row{3, 2}, row{4, 4})
	f.shows(shadow(6, 0, 0))
}

func shadows(f *fixture) {
	f.build(mark(1, 30, 1), mark(2, 20, 1), mark(4, 20, 1), mark(5, 10, 1), gone(3, 1))
	for _, c := range []struct {
		score  int64
		shared bool
		want   []row
	}{
		{40, false, []row{{1, 3}, {2, 1}, {3, 2}}},
		{20, false, []row{{2, 2}, {3, 3}, {4, 4}, {5, 5}}},
		{20, true, []row{{2, 2}, {2, 3}, {2, 4}, {5, 5}}},
		{5, true, []row{{4, 5}, {5, 3}}},
		{math.MinInt64, false, []row{{4, 5}, {5, 3}}},
	} {
		key := mark(3, c.score, 1).Key
		view, err := f.Index.Shadow(f.Context(), f.at, id(3), &key, ranking.Window{Before: 1, After: 2}, c.shared)
		f.must(err)
		f.shows(view, c.want...)
		if view.Count != 5 {
			f.Errorf("count %d", view.Count)
		}
	}
	key := mark(1, 1, 1).Key
	view, err := f.Index.Shadow(f.Context(), f.at, id(1), &key, ranking.Window{Before: 1, After: 1}, false)
	f.must(err)
	f.shows(view) // who has a place has no shadow
}

func several(f *fixture) {
	f.build(mark(1, 30, 1), mark(2, 20, 1), mark(3, 10, 1), gone(4, 1))
	third := mark(2, 20, 1)
	views, err := f.Index.Read(f.Context(), f.at, false,
		ranking.Question{Limit: 2}, ranking.Question{Player: id(3), Window: ranking.Window{Before: 1, After: 1}}, ranking.Question{}, ranking.Question{Player: id(4)},
		ranking.Question{Player: "nobody"}, ranking.Question{Limit: 5, From: ranking.Position{Key: third.Key, Player: third.Player}}, ranking.Question{Limit: 2})
	f.must(err)
	wanted := [][]row{{{1, 1}, {2, 2}}, {{2, 2}, {3, 3}}, {}, {}, {}, {{3, 3}}, {{1, 1}, {2, 2}}}
	if len(views) != len(wanted) {
		f.Fatalf("%d views of %d questions", len(views), len(wanted))
	}
	for i, want := range wanted {
		f.shows(views[i], want...)
		if views[i].Places == nil || views[i].Count != 3 || views[i].Sequence != views[0].Sequence {
			f.Fatalf("view %d: %+v", i, views[i])
		}
	}
	if views, err := f.Index.Read(f.Context(), f.at, false); err != nil || len(views) != 0 {
		f.Fatalf("no question: %+v, %v", views, err)
	}
}

func known(f *fixture) {
	f.build(mark(1, 1, 1))
	sequence := f.top().Sequence
	page, one := ranking.Question{Limit: 5, Known: sequence}, ranking.Question{Player: id(1), Known: sequence}
	views, err := f.Index.Read(f.Context(), f.at, false, page, one)
	f.must(err)
	for _, view := range views {
		if view.Places != nil || view.Sequence != sequence || view.Count != 1 {
			f.Fatalf("told again: %+v", view)
		}
	}
	f.apply(mark(1, 2, 2))
	views, err = f.Index.Read(f.Context(), f.at, false, page, one)
	f.must(err)
	f.shows(views[0], row{1, 1})
	f.shows(views[1], row{1, 1})
}

func heldMarks(f *fixture) {
	with := mark(1, 30, 3)
	with.Metadata = `{"a":1}`
	shy := hid(4, 7, 2)
	shy.Metadata = `{"b":2}`
	all := []ranking.Mark{with, mark(2, 20, 1<<53+1), gone(3, 5), shy}
	players := []identity.PlayerID{id(9), "nobody"}
	f.build(all...)
	for _, m := range all {
		players = append(players, m.Player)
	}
	for i := range 300 { // unknown ones, more than go at once
		players = append(players, id(1000+i))
	}
	check := func(when string) {
		f.Helper()
		marks, err := f.Index.Held(f.Context(), f.at, players)
		f.must(err)
		slices.SortFunc(marks, func(a, b ranking.Mark) int { return strings.Compare(string(a.Player), string(b.Player)) })
		if !reflect.DeepEqual(marks, all) {
			f.Fatalf("%s: held %+v, want %+v", when, marks, all)
		}
	}
	check("built")
	all[0], all[2], all[3] = gone(1, 4), mark(3, 3, 6), mark(4, 7, 3)
	f.apply(all[0], all[2], all[3])
	check("changed")
	f.must(f.Index.Drop(f.Context(), f.at))
	_, err := f.Index.Held(f.Context(), f.at, players)
	f.fails("when it is cold", err, ranking.ErrCold)
}

func sequence(f *fixture) {
	f.build(mark(1, 1, 5))
	var last int64
	grown := func(what string, want bool) {
		f.Helper()
		view, err := f.Index.Sequence(f.Context(), f.at)
		f.must(err)
		if view.Sequence < last || (view.Sequence > last) != want {
			f.Fatalf("%s: sequence %d after %d", what, view.Sequence, last)
		}
		if last = view.Sequence; last != f.top().Sequence {
			f.Fatalf("%s: reads differ", what)
		}
	}
	grown("built", true)
	grown("nothing", false)
	f.apply(mark(1, 9, 5), mark(1, 9, 4))
	grown("nothing new", false)
	f.must(f.Index.Intend(f.Context(), f.at, ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(1)}}))
	f.must(f.Index.Apply(f.Context(), f.at, nil, intentID(1)))
	grown("an intent", false)
	f.apply(mark(1, 2, 6))
	grown("a mark", true)
	f.apply(gone(1, 7))
	grown("gone", true)
	f.apply(hid(1, 3, 8))
	grown("hidden", true)
	f.Advance(time.Millisecond)
	f.Flush()
	f.build()
	grown("flushed", true)
}

func intentKept(f *fixture) {
	f.build(mark(1, 1, 1))
	intent := ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(1), id(2)}}
	f.must(f.Index.Intend(f.Context(), f.at, intent))
	f.Advance(ranking.IntentFor - slack)
	f.shows(f.top(), row{1, 1})
	f.must(f.Index.Apply(f.Context(), f.at, []ranking.Mark{mark(2, 2, 1)}, intent.ID))
	f.Advance(time.Hour)
	f.shows(f.top(), row{1, 2}, row{2, 1})
	f.must(f.Index.Apply(f.Context(), f.at, nil, intent.ID, intentID(7))) // known no more, and never
	f.shows(f.top(), row{1, 2}, row{2, 1})
}

// slack is the real time a test may take without changing what it sees.
const slack = 4 * time.Second

func (f *fixture) owed() []ranking.Intent {
	f.Helper()
	var intents []ranking.Intent
	for what, err := range f.reads() {
		var owed *ranking.Owed
		if !errors.As(err, &owed) {
			f.Fatalf("%s: %v, want what is owed", what, err)
		}
		intents = owed.Intents
	}
	return intents
}

func intentsOwed(f *fixture) {
	f.build(mark(1, 1, 1))
	left := ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(2), id(1)}}
	f.must(f.Index.Intend(f.Context(), f.at, left))
	f.Advance(ranking.IntentFor)
	f.must(f.Index.Intend(f.Context(), f.at, ranking.Intent{ID: intentID(2), Players: []identity.PlayerID{id(3)}}))
	got := f.owed()
	if len(got) != 1 || got[0].ID != left.ID || !slices.Equal(got[0].Players, left.Players) {
		f.Fatalf("owed %+v, want %+v", got, left)
	}
	f.apply(mark(2, 2, 1)) // what was owed, but not said
	f.owed()
	f.must(f.Index.Apply(f.Context(), f.at, []ranking.Mark{mark(1, 1, 1), mark(2, 2, 1)}, left.ID))
	f.shows(f.top(), row{1, 2}, row{2, 1})
	for n := range 2 * ranking.OwedAtOnce {
		f.must(f.Index.Intend(f.Context(), f.at, ranking.Intent{ID: intentID(10 + n), Players: []identity.PlayerID{id(n)}}))
	}
	f.Advance(ranking.IntentFor)
	for rounds := 0; ; rounds++ {
		_, err := f.Index.Top(f.Context(), f.at, nil, 1, false)
		var owed *ranking.Owed
		if !errors.As(err, &owed) {
			f.must(err)
			break
		}
		if n := len(owed.Intents); n == 0 || n > ranking.OwedAtOnce || rounds > 4 {
			f.Fatalf("round %d: %d are owed at once", rounds, n)
		}
		for _, intent := range owed.Intents {
			f.must(f.Index.Apply(f.Context(), f.at, nil, intent.ID))
		}
	}
}

func intentsOutlive(f *fixture) {
	before := ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(1)}}
	f.must(f.Index.Intend(f.Context(), f.at, before)) // on a cold ladder
	f.build(mark(1, 1, 1))
	f.shows(f.top(), row{1, 1})
	f.Advance(ranking.IntentFor)
	if got := f.owed(); len(got) != 1 || got[0].ID != before.ID {
		f.Fatalf("owed %+v", got)
	}
	f.must(f.Index.Drop(f.Context(), f.at))
	f.build(mark(1, 1, 1))
	f.owed()
	f.must(f.Index.Drop(f.Context(), f.at))
	f.must(f.Index.Apply(f.Context(), f.at, nil, before.ID)) // while it is cold
	f.build()
	f.shows(f.top())
}

func apart(f *fixture) {
	others := []ranking.Ladder{
		ladder("away", "laps", 1, 1), ladder("home", "laps-2", 1, 1), ladder("home", "laps", 2, 1), ladder("home", "laps", 1, 2), ladder("home", "laps", 11, 1),
	}
	f.build(mark(1, 1, 1))
	for _, f.at = range others {
		f.cold()
	}
	for i := range others {
		f.at = others[i]
		f.build(mark(i+2, 1, 1))
		f.must(f.Index.Intend(f.Context(), f.at, ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(1)}}))
	}
	f.Advance(ranking.IntentFor)
	f.at = home
	f.must(f.Index.Intend(f.Context(), f.at, ranking.Intent{ID: intentID(1), Players: []identity.PlayerID{id(1)}}))
	f.must(f.Index.Apply(f.Context(), f.at, nil, intentID(1)))
	f.shows(f.top(), row{1, 1})
	for i := range others {
		f.at = others[i]
		f.owed()
		f.must(f.Index.Apply(f.Context(), f.at, nil, intentID(1)))
		f.shows(f.top(), row{1, i + 2})
	}
}

// race has writers apply the same changes, each in an order of its own, while the ladder is built.
func race(f *fixture) {
	const writers, players, revisions = 4, 20, 15
	f.must(f.Index.Build(f.Context(), f.at, builder))
	var all sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		all.Go(func() {
			for n := range players * revisions {
				k := (n*(2*w+7) + 13*w) % (players * revisions) // 7, 9, 11 and 13: the last is prime to it, as are enough of the rest
				player, revision := k%players, int64(k/players)+1
				m := mark(player, (revision*int64(player+3))%17, revision)
				if (revision+int64(player))%5 == 0 {
					m = gone(player, revision)
				}
				errs[w] = errors.Join(errs[w], f.Index.Apply(f.Context(), f.at, []ranking.Mark{m}))
			}
		})
	}
	all.Wait()
	f.must(errors.Join(errs...))
	f.must(f.Index.Finish(f.Context(), f.at, builder))
	r := reference{}
	for player := range players {
		m := mark(player, (revisions*int64(player+3))%17, revisions)
		if (revisions+player)%5 == 0 {
			m = gone(player, revisions)
		}
		r.put(m)
	}
	f.same(r, "after the race")
}
