package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

var (
	descending = ranking.Rules{Sort: ranking.Descending}
	testLadder = ranking.Ladder{Scope: tenancy.Environment{ID: "home", ProjectID: "game"}.Scope(), Board: "laps", Season: 1, Epoch: 1}
)

func markOf(player uint64, score int64) ranking.Mark {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], player)
	return ranking.Mark{Player: identity.PlayerID(id.String()), Revision: 1, Key: descending.Key(ranking.Run{Score: score}, time.Unix(1_800_000_000, 0))}
}

// patient is the index on a machine that may be so busy that a command takes longer
// than it may: it waits until the server is there again, and does it once more.
type patient struct {
	*Ranks
	c *held
}

func (p patient) again(do func() error) error {
	for {
		err := do()
		if !errors.Is(err, fault.ErrUnavailable) {
			return err
		}
		for p.c.Ping(p.c.t.Context()) != nil && p.c.t.Context().Err() == nil {
			runtime.Gosched()
		}
	}
}

func (p patient) Intend(ctx context.Context, at ranking.Ladder, intent ranking.Intent) error {
	return p.again(func() error { return p.Ranks.Intend(ctx, at, intent) })
}

func (p patient) Apply(ctx context.Context, at ranking.Ladder, marks []ranking.Mark, intents ...string) error {
	return p.again(func() error { return p.Ranks.Apply(ctx, at, marks, intents...) })
}

func (p patient) Read(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) (views []ranking.View, err error) {
	err = p.again(func() error {
		views, err = p.Ranks.Read(ctx, at, shared, questions...)
		return err
	})
	return views, err
}

func (p patient) Held(ctx context.Context, at ranking.Ladder, players []identity.PlayerID) (marks []ranking.Mark, err error) {
	err = p.again(func() error {
		marks, err = p.Ranks.Held(ctx, at, players)
		return err
	})
	return marks, err
}

func (p patient) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	return p.again(func() error { return p.Ranks.Build(ctx, at, builder) })
}

func (p patient) Fill(ctx context.Context, at ranking.Ladder, builder string, marks []ranking.Mark) error {
	return p.again(func() error { return p.Ranks.Fill(ctx, at, builder, marks) })
}

// Finish may have been done when it is done again.
func (p patient) Finish(ctx context.Context, at ranking.Ladder, builder string) error {
	tries := 0
	return p.again(func() error {
		tries++
		err := p.Ranks.Finish(ctx, at, builder)
		if tries > 1 && errors.Is(err, ranking.ErrNotBuilding) {
			_, err = p.Ranks.Read(ctx, at, false)
		}
		return err
	})
}

func (p patient) Drop(ctx context.Context, at ranking.Ladder) error {
	return p.again(func() error { return p.Ranks.Drop(ctx, at) })
}

// build makes a ladder that has something in each of its keys.
func (c *held) build() {
	c.t.Helper()
	with, gone := markOf(1, 1), markOf(2, 2)
	with.Metadata, gone.Gone = `{}`, true
	r, ctx := patient{c.ranks, c}, c.t.Context()
	intent := ranking.Intent{ID: uuid.NewString(), Players: []identity.PlayerID{with.Player}}
	if err := errors.Join(r.Build(ctx, testLadder, "b"), r.Fill(ctx, testLadder, "b", []ranking.Mark{with, gone, markOf(3, 3)}),
		r.Finish(ctx, testLadder, "b"), r.Intend(ctx, testLadder, intent)); err != nil {
		c.t.Fatal(err)
	}
	if view, err := ranking.Asker(r.Read).Top(ctx, testLadder, nil, 10, false); err != nil || len(view.Places) != 2 {
		c.t.Fatalf("%+v, %v", view, err)
	}
}

func (c *held) isCold(why string) {
	c.t.Helper()
	if view, err := ranking.Asker(patient{c.ranks, c}.Read).Top(c.t.Context(), testLadder, nil, 10, false); !errors.Is(err, ranking.ErrCold) {
		c.t.Fatalf("%s: %+v, %v; want it cold", why, view, err)
	}
}

// A server that is full evicts whole keys, whichever it likes.
func TestALadderThatLostAKeyIsCold(t *testing.T) {
	c := openCache(t, servers.Redis(t)).settle()
	c.build()
	for _, key := range c.link.ranksKeys(testLadder) {
		if err := c.client().Do(t.Context(), c.client().B().Del().Key(key).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		c.isCold(key)
		if err := (patient{c.ranks, c}).Drop(t.Context(), testLadder); err != nil {
			t.Fatal(err)
		}
		c.build()
	}
}

func (l *link) ranksKeys(at ranking.Ladder) []string { return newRanks(l).keys(at) }

// Another server may have the ladder as it was some time ago.
func TestALadderOfAnotherServerIsCold(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openCache(t, server(t)).settle()
			c.build()
			key := c.link.ranksKeys(testLadder)[0]
			if err := c.client().Do(t.Context(), c.client().B().Hset().Key(key).FieldValue().FieldValue("run", strings.Repeat("f", 40)).Build()).Error(); err != nil {
				t.Fatal(err)
			}
			if _, err := (patient{c.ranks, c}).Read(t.Context(), testLadder, false); err != nil {
				t.Fatalf("without any trouble: %v", err)
			}
			c.link.change(func(*health) {}) // as a new connection does
			c.isCold("after trouble")
			c.build()
			c.link.change(func(*health) {})
			if _, err := (patient{c.ranks, c}).Read(t.Context(), testLadder, false); err != nil {
				t.Fatalf("built here: %v", err)
			}
		})
	}
}

func TestLaddersEndByThemselves(t *testing.T) {
	c := openCache(t, servers.Redis(t)).settle()
	c.build()
	for _, key := range c.link.ranksKeys(testLadder) {
		if left, err := c.client().Do(t.Context(), c.client().B().Pttl().Key(key).Build()).AsInt64(); err != nil || left <= 0 {
			t.Errorf("%q lives for %d ms, %v", key, left, err)
		}
	}
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

var _ clock.Clock = realClock{}

func BenchmarkRanksOfAMillion(b *testing.B) {
	const million = 1_000_000
	opened, err := plugin.NewRegistry(Plugin).Caches.Open(b.Context(), servers.Redis(b), plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: realClock{}})
	if err != nil {
		b.Fatal(err)
	}
	defer opened.Close()
	c := opened.(*engine)
	ctx, r := b.Context(), c.Ranks()
	random := rand.New(rand.NewPCG(1, 2))
	marks := make([]ranking.Mark, million)
	for i := range marks {
		marks[i] = markOf(random.Uint64(), random.Int64N(1<<40))
	}
	used := func() int64 {
		client := *c.link.client.Load()
		stats, err := client.Do(ctx, client.B().MemoryStats().Build()).ToMap()
		if err != nil {
			b.Fatal(err)
		}
		total := stats["total.allocated"]
		n, err := total.AsInt64()
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	before, began := used(), time.Now()
	if err := r.Build(ctx, testLadder, "b"); err != nil {
		b.Fatal(err)
	}
	for page := range slices.Chunk(marks, 1000) {
		err := r.Fill(ctx, testLadder, "b", page)
		for errors.Is(err, fault.ErrUnavailable) && ctx.Err() == nil {
			err = r.Fill(ctx, testLadder, "b", page) // a busy machine can be slower than a command may be
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Finish(ctx, testLadder, "b"); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began).Seconds()
	perEntry := float64(used()-before) / million
	each := func(name string, do func(i int) error) {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				i := rand.IntN(million)
				for p.Next() {
					if err := do(i % million); err != nil {
						b.Error(err)
						return
					}
					i += 7919
				}
			})
			b.ReportMetric(perEntry, "B/entry")
			b.ReportMetric(took, "build-s")
		})
	}
	b.SetParallelism(32)
	each("one", func(i int) error {
		_, err := r.Read(ctx, testLadder, false, ranking.Question{Player: marks[i].Player})
		return err
	})
	each("around", func(i int) error {
		_, err := r.Read(ctx, testLadder, false, ranking.Question{Player: marks[i].Player, Window: ranking.Window{Before: 5, After: 5}})
		return err
	})
	each("top100", func(int) error {
		_, err := r.Read(ctx, testLadder, false, ranking.Question{Limit: 100})
		return err
	})
	each("apply64", func(i int) error {
		batch := slices.Clone(marks[i:min(i+64, million)])
		for n := range batch {
			batch[n].Key[3] ^= byte(n)
			batch[n].Revision = time.Now().UnixNano() / 1000
		}
		return r.Apply(ctx, testLadder, batch)
	})
}
