package ranktest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

// reference is what an index should show, by player: found by sorting, and by
// counting one by one.
type reference map[identity.PlayerID]ranking.Mark

func (r reference) put(m ranking.Mark) {
	if m.Revision > r[m.Player].Revision {
		r[m.Player] = m
	}
}

func (r reference) places(shared bool) []ranking.Place {
	places := []ranking.Place{}
	for _, m := range r {
		if !m.Gone && !m.Hidden {
			places = append(places, ranking.Place{Player: m.Player, Key: m.Key, Metadata: m.Metadata})
		}
	}
	slices.SortFunc(places, func(a, b ranking.Place) int {
		if c := bytes.Compare(a.Key[:], b.Key[:]); c != 0 {
			return c
		}
		return strings.Compare(string(a.Player), string(b.Player))
	})
	for i := range places {
		places[i].Rank = 1
		for _, other := range places[:i] {
			if !shared || !bytes.Equal(other.Key[:ranking.Prefix], places[i].Key[:ranking.Prefix]) {
				places[i].Rank++
			}
		}
	}
	return places
}

// same compares all that can be read.
func (f *fixture) same(r reference, when string) {
	f.Helper()
	for _, shared := range []bool{false, true} {
		want := r.places(shared)
		view, err := f.Index.Top(f.Context(), f.at, nil, len(want)+1, shared)
		f.must(err)
		f.equal(when+": top", view, want, len(want))
		var players []identity.PlayerID
		for i, p := range want {
			players = append(players, p.Player)
			if i%5 != 0 {
				continue
			}
			view, err := f.Index.Around(f.Context(), f.at, p.Player, ranking.Window{Before: i % 4, After: i % 3}, shared)
			f.must(err)
			f.equal(when+": around", view, want[max(0, i-i%4):min(len(want), i+1+i%3)], len(want))
			view, err = f.Index.Top(f.Context(), f.at, &ranking.Position{Key: p.Key, Player: p.Player}, 4, shared)
			f.must(err)
			f.equal(when+": page", view, want[i+1:min(len(want), i+5)], len(want))
		}
		view, err = f.Index.Find(f.Context(), f.at, players, shared)
		f.must(err)
		f.equal(when+": found", view, want, len(want))
	}
}

// shadows compares what those without a place would have, by the keys of their hidden
// marks or by a given one.
func (f *fixture) shadows(r reference, given ranking.Key, when string) {
	f.Helper()
	for player, m := range r {
		for _, shared := range []bool{false, true} {
			key, listed := &given, reference{}
			if m.Hidden {
				key = nil
			}
			for other, its := range r {
				if other == player {
					its.Hidden, its.Gone = false, false
					if key != nil {
						its.Key, its.Metadata = given, ""
					}
				}
				listed[other] = its
			}
			want := listed.places(shared)
			at := slices.IndexFunc(want, func(p ranking.Place) bool { return p.Player == player })
			view, err := f.Index.Shadow(f.Context(), f.at, player, key, ranking.Window{Before: 2, After: 1}, shared)
			f.must(err)
			if !m.Gone && !m.Hidden {
				f.equal(when+": the shadow of one with a place", view, nil, len(r.places(shared)))
				continue
			}
			f.equal(when+": shadow", view, want[max(0, at-2):min(len(want), at+2)], len(want))
		}
	}
}

func (f *fixture) equal(what string, view ranking.View, want []ranking.Place, count int) {
	f.Helper()
	if view.Count != int64(count) {
		f.Fatalf("%s: count %d, want %d", what, view.Count, count)
	}
	if len(view.Places) != len(want) || len(want) > 0 && !reflect.DeepEqual(view.Places, want) {
		f.Fatalf("%s:\n got %v\nwant %v", what, view.Places, want)
	}
}

// model drives random changes, losses and rebuilds, and compares after each.
func model(f *fixture) {
	numbers := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 53, -2, -1, 0, 1, 2, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 20))
		f.at = ladder("home", fmt.Sprint("model-", seed), 1, 1)
		rules := ranking.Rules{
			Sort:     []ranking.Sort{ranking.Descending, ranking.Ascending}[random.IntN(2)],
			TieBreak: []ranking.TieBreak{ranking.EarliestFirst, ranking.LatestFirst}[random.IntN(2)],
		}
		database := reference{}
		f.rebuild(database)
		for step := range 60 {
			switch random.IntN(20) {
			case 0:
				f.Flush()
				f.cold()
				f.rebuild(database)
			case 1:
				f.must(f.Index.Drop(f.Context(), f.at))
				f.rebuild(database)
			}
			var batch []ranking.Mark
			for range random.IntN(12) {
				m := ranking.Mark{
					Player: id(random.IntN(40)), Revision: int64(random.IntN(step+3)) + 1, Gone: random.IntN(6) == 0, Hidden: random.IntN(5) == 0,
					Key: rules.Key(ranking.Run{
						Score: numbers[random.IntN(len(numbers))], Subscore: numbers[random.IntN(len(numbers))],
					}, start.Add(time.Duration(random.IntN(3))*time.Microsecond)),
				}
				if random.IntN(3) == 0 {
					m.Metadata = fmt.Sprintf(`{"step":%d}`, step)
				}
				if m.Gone {
					m.Key, m.Metadata, m.Hidden = ranking.Key{}, "", false
				}
				batch = append(batch, m)
			}
			for _, m := range batch {
				database.put(m)
			}
			f.apply(batch...)
			f.same(database, fmt.Sprintf("seed %d, step %d", seed, step))
			if step%10 == 0 {
				f.shadows(database, rules.Key(ranking.Run{Score: 1}, start), fmt.Sprintf("seed %d, step %d", seed, step))
			}
		}
	}
}

// rebuild brings all, in pages.
func (f *fixture) rebuild(database reference) {
	f.Helper()
	err := f.Index.Build(f.Context(), f.at, builder)
	if errors.Is(err, ranking.ErrBuilt) {
		return
	}
	f.must(err)
	var marks []ranking.Mark
	for _, m := range database {
		marks = append(marks, m)
	}
	for page := range slices.Chunk(marks, 7) {
		f.must(f.Index.Fill(f.Context(), f.at, builder, page))
	}
	f.must(f.Index.Finish(f.Context(), f.at, builder))
}
