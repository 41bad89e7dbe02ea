package memory

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/cache/ranktest"
)

func TestRanks(t *testing.T) {
	ranktest.Run(t, func(*testing.T) ranktest.Engine {
		clock := newClock()
		r := NewRanks(clock)
		return ranktest.Engine{Index: r, Advance: clock.advance, Flush: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			clear(r.ladders)
		}}
	})
}

// The sorted set against a sorted slice, of few enough members that blocks empty,
// and of enough that they split.
func TestSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sorted
		var naive []member
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		growing := rapid.IntRange(300, 3000).Draw(t, "growing")
		for step := range 2 * growing {
			var m member
			binary.BigEndian.PutUint16(m[8:], uint16(random.IntN(2*growing)))
			at, found := slices.BinarySearchFunc(naive, m, func(a, b member) int { return a.compare(&b) })
			if rank := s.rank(&m); rank != at {
				t.Fatalf("rank %d, want %d", rank, at)
			}
			switch {
			case !found:
				s.add(m)
				naive = slices.Insert(naive, at, m)
			case step > growing/2 || random.IntN(3) == 0:
				s.remove(m)
				naive = slices.Delete(naive, at, at+1)
			}
			if step%97 == 0 || step > 2*growing-5 {
				first, limit := random.IntN(len(naive)+2), random.IntN(600)
				want := naive[min(first, len(naive)):min(first+limit, len(naive))]
				if got := s.from(first, limit); !slices.Equal(got, want) {
					t.Fatalf("from %d: %d members, want %d", first, len(got), len(want))
				}
			}
		}
		for _, m := range naive {
			s.remove(m)
		}
		if s.size != 0 || len(s.blocks) != 0 || len(s.from(0, 10)) != 0 {
			t.Fatalf("emptied, it has %d in %d blocks", s.size, len(s.blocks))
		}
	})
}

const million = 1_000_000

func millionMarks() []ranking.Mark {
	random := rand.New(rand.NewPCG(1, 2))
	rules := ranking.Rules{Sort: ranking.Descending}
	now := time.Unix(1_800_000_000, 0)
	marks := make([]ranking.Mark, million)
	for i := range marks {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:], random.Uint64())
		marks[i] = ranking.Mark{
			Player: identity.PlayerID(id.String()), Revision: 1,
			Key: rules.Key(ranking.Run{Score: random.Int64N(1 << 40)}, now.Add(time.Duration(i)*time.Microsecond)),
		}
	}
	return marks
}

// Ladders that nobody uses make room for those that are built, but none that a writer is at.
func TestLaddersThatNobodyUsesAreForgotten(t *testing.T) {
	clock := newClock()
	r, ctx := NewRanks(clock), t.Context()
	r.most = 25
	at := func(n int) ranking.Ladder { return ranking.Ladder{Board: "laps", Season: n} }
	build := func(n int) {
		t.Helper()
		marks := make([]ranking.Mark, 10)
		for i := range marks {
			marks[i] = ranking.Mark{Player: identity.PlayerID(uuid.NewString()), Revision: 1}
		}
		if err := errors.Join(r.Build(ctx, at(n), "b"), r.Fill(ctx, at(n), "b", marks), r.Finish(ctx, at(n), "b")); err != nil {
			t.Fatal(err)
		}
	}
	there := func(when string, want ...bool) {
		t.Helper()
		for i, want := range want {
			r.mu.RLock()
			_, got := r.ladders[at(i)]
			r.mu.RUnlock()
			if got != want {
				t.Errorf("%s: ladder %d: %t, want %t", when, i, got, want)
			}
		}
	}
	for n := range 3 {
		build(n)
		clock.advance(time.Second)
	}
	build(3)
	there("all were used a moment ago", true, true, true, true)
	clock.advance(inUse)
	if err := r.Intend(ctx, at(1), ranking.Intent{ID: "writer"}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3} {
		if _, err := r.Read(ctx, at(n), false, ranking.Question{Limit: 1}); err != nil {
			t.Fatal(err)
		}
		clock.advance(time.Second)
	}
	clock.advance(inUse)
	build(4)
	there("past the bound", false, true, false, true, true) // of 40 entries, 2 and 0 were not used the longest
	clock.advance(idleAfter)
	build(5)
	there("idle", false, true, false, false, false, true)
	if _, err := r.Read(ctx, at(0), false, ranking.Question{}); !errors.Is(err, ranking.ErrCold) {
		t.Errorf("what was forgotten: %v", err)
	}
	lost := r.known(at(5))
	clock.advance(idleAfter)
	build(6)
	mark := ranking.Mark{Player: identity.PlayerID(uuid.NewString()), Revision: 1}
	if err := errors.Join(r.Build(ctx, at(5), "b"), r.Apply(ctx, at(5), []ranking.Mark{mark}), r.Finish(ctx, at(5), "b")); err != nil {
		t.Fatal(err)
	}
	if views, err := r.Read(ctx, at(5), false, ranking.Question{Limit: 9}); err != nil || len(views[0].Places) != 1 || !lost.lost {
		t.Errorf("built again: %+v, %v", views, err)
	}
}

func BenchmarkRanksOfAMillion(b *testing.B) {
	ctx, at := context.Background(), ranking.Ladder{Board: "laps", Season: 1}
	marks := millionMarks()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := NewRanks(newClock())
	began := time.Now()
	if err := r.Build(ctx, at, "b"); err != nil {
		b.Fatal(err)
	}
	for page := range slices.Chunk(marks, 1000) {
		if err := r.Fill(ctx, at, "b", page); err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Finish(ctx, at, "b"); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perEntry := float64(after.HeapAlloc-before.HeapAlloc) / million
	each := func(name string, do func(i int) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if err := do(i * 7919 % million); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(perEntry, "B/entry")
			b.ReportMetric(took.Seconds(), "build-s")
		})
	}
	each("rank", func(i int) error {
		_, err := r.Read(ctx, at, false, ranking.Question{Player: marks[i].Player})
		return err
	})
	each("around", func(i int) error {
		_, err := r.Read(ctx, at, false, ranking.Question{Player: marks[i].Player, Window: ranking.Window{Before: 5, After: 5}})
		return err
	})
	each("top100", func(int) error {
		_, err := r.Read(ctx, at, false, ranking.Question{Limit: 100})
		return err
	})
	revision := int64(1)
	each("apply", func(i int) error {
		revision++
		m := marks[i]
		m.Key[3] ^= byte(revision)
		m.Revision = revision
		return r.Apply(ctx, at, []ranking.Mark{m})
	})
	runtime.KeepAlive(r)
}
