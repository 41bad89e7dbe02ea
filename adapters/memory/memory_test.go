package memory

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/limiter/limitertest"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/revocation"
	"github.com/overworldhq/overworld/ports/revocation/revocationtest"
)

// moved is a clock that a test moves.
type moved struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *moved { return &moved{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (m *moved) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *moved) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func TestLimiter(t *testing.T) {
	limitertest.Run(t, func(*testing.T) (limiter.Limiter, func(time.Duration)) {
		clock := newClock()
		return NewLimiter(clock), clock.advance
	})
}

func TestRevocations(t *testing.T) {
	revocationtest.Run(t, func(*testing.T) revocationtest.Engine {
		clock := newClock()
		r := NewRevocations(clock)
		return revocationtest.Engine{Memory: r, Advance: clock.advance, Flush: func() { r.flush() }}
	})
}

// flush forgets every key. Nothing in a process does that but its end; the
// counter of claims is what a new process would not share with the old one's claims anyway.
func (r *Revocations) flush() {
	for i := range r.shards {
		s := &r.shards[i]
		s.Lock()
		clear(s.entries)
		s.blockedAll = time.Time{}
		s.Unlock()
	}
}

func TestOpen(t *testing.T) {
	registry := plugin.NewRegistry(Plugin)
	kit := plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: newClock()}
	cache, err := registry.Caches.Open(t.Context(), "memory://", kit)
	if err != nil {
		t.Fatal(err)
	}
	if cache.Shared() {
		t.Error("claims to be shared")
	}
	if err := cache.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if d, err := cache.Limiter().Take(t.Context(), limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Second, Burst: 1}}); err != nil || !d.Allowed {
		t.Errorf("take = %+v, %v", d, err)
	}
	if _, claim, err := cache.Revocations().Look(t.Context(), "k"); err != nil || claim == "" {
		t.Errorf("look = %q, %v", claim, err)
	}
	if err := cache.Close(); err != nil {
		t.Error(err)
	}
	if err := cache.Ping(t.Context()); err == nil {
		t.Error("ping after close is fine")
	}
	for _, address := range []string{"memory://host", "memory:///path", "memory://?size=3"} {
		if _, err := registry.Caches.Open(t.Context(), address, kit); err == nil {
			t.Errorf("%s was opened", address)
		}
	}
}

func TestLimiterIsBoundedAndNeverUnlimited(t *testing.T) {
	clock := newClock()
	l := NewLimiter(clock)
	rate := limiter.Rate{Limit: 1, Period: time.Hour, Burst: 2}
	refused := 0
	for i := range maxLimits + maxLimits/2 {
		d, err := l.Take(t.Context(), limiter.Ask{Key: strconv.Itoa(i), Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		if !d.Allowed {
			refused++
		}
	}
	if n := l.size(); n > maxLimits {
		t.Errorf("%d keys are kept, want at most %d", n, maxLimits)
	}
	if want := maxLimits/2 - 2*shards; refused < want {
		t.Errorf("%d newcomers were refused, want at least %d: beyond the bound they share a count", refused, want)
	}
	if d, _ := l.Take(t.Context(), limiter.Ask{Key: "0", Rate: rate}); !d.Allowed || d.Remaining != 0 {
		t.Errorf("a key that is kept: %+v, want its own count", d)
	}
	clock.advance(3 * time.Hour)
	for i := range maxLimits / 2 {
		if d, _ := l.Take(t.Context(), limiter.Ask{Key: "new" + strconv.Itoa(i), Rate: rate}); !d.Allowed || d.Remaining != 1 {
			t.Fatalf("newcomer %d after all have rested: %+v", i, d)
		}
	}
}

func (l *Limiter) size() (n int) {
	for i := range l.shards {
		n += len(l.shards[i].arrivals)
	}
	return n
}

func TestRestedKeysAreSwept(t *testing.T) {
	clock := newClock()
	l := NewLimiter(clock)
	for i := range 200_000 {
		if _, err := l.Take(t.Context(), limiter.Ask{Key: strconv.Itoa(i), Rate: limiter.Rate{Limit: 1, Period: time.Second, Burst: 1}}); err != nil {
			t.Fatal(err)
		}
		clock.advance(10 * time.Millisecond) // so 100 are in use at any time
	}
	if n := l.size(); n > 2*firstSweep*shards {
		t.Errorf("%d keys are kept of which 100 are in use", n)
	}
}

func TestRevocationsAreBoundedAndBlocksStay(t *testing.T) {
	clock := newClock()
	r := NewRevocations(clock)
	key := func(i int) string { return strconv.Itoa(i) }
	for i := range 2 * maxVerdicts {
		_, claim, _ := r.Look(t.Context(), key(i))
		if err := r.Confirm(t.Context(), key(i), claim); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.size(); n > maxVerdicts {
		t.Errorf("%d keys are kept, want at most %d", n, maxVerdicts)
	}
	// Blocks push out what was good …
	for i := range 2 * maxVerdicts {
		if err := r.Block(t.Context(), key(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.size(); n > maxVerdicts {
		t.Errorf("%d keys are kept, want at most %d", n, maxVerdicts)
	}
	// … and those that don't fit block the whole shard.
	for i := range 2 * maxVerdicts {
		if verdict, claim, _ := r.Look(t.Context(), key(i)); verdict == revocation.Good || claim != "" {
			t.Fatalf("key %d was blocked, and look = %d, %q", i, verdict, claim)
		}
	}
	clock.advance(revocation.BlockFor)
	if _, claim, _ := r.Look(t.Context(), key(0)); claim == "" {
		t.Error("nothing can be claimed after all blocks have ended")
	}
}

func (r *Revocations) size() (n int) {
	for i := range r.shards {
		n += len(r.shards[i].entries)
	}
	return n
}

func TestBlockHoldsWhenTheCallersContextEnded(t *testing.T) {
	r := NewRevocations(newClock())
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := r.Block(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if _, claim, _ := r.Look(t.Context(), "k"); claim != "" {
		t.Error("the key can be claimed")
	}
}

// The limiter against the definition: over any stretch of time no more is
// let through than the rate and one burst, and what is refused would have been too much.
func TestLimiterModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		l := NewLimiter(clock)
		rate := limiter.Rate{Limit: rapid.IntRange(1, 100).Draw(t, "limit"), Period: time.Duration(rapid.IntRange(1, 100).Draw(t, "period")) * time.Second, Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		var took []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "takes") {
			clock.advance(time.Duration(rapid.IntRange(0, 3).Draw(t, "halves")) * rate.Interval() / 2)
			now := clock.Now()
			d, err := l.Take(context.Background(), limiter.Ask{Key: "k", Rate: rate})
			if err != nil {
				t.Fatal(err)
			}
			tooMany := false // would one more exceed the bound over some stretch that ends now?
			for i, since := range took {
				if fit := rate.Burst + int(now.Sub(since)/rate.Interval()); len(took)-i+1 > fit {
					tooMany = true
				}
			}
			if d.Allowed == tooMany {
				t.Fatalf("%+v at %v after %v, rate %+v", d, now, took, rate)
			}
			if d.Allowed {
				took = append(took, now)
			}
		}
	})
}

// The memory against a database, over random steps of two readers and a revoker.
func TestRevocationsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		r := NewRevocations(clock)
		ctx := context.Background()
		revoked, blocking := false, false
		type read struct {
			claim revocation.Claim
			good  bool // what the database said
		}
		var reads []read
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 4).Draw(t, "step"); {
			case step == 0: // a reader looks and, if it must, asks the database
				verdict, claim, _ := r.Look(ctx, "k")
				if verdict == revocation.Good && revoked {
					t.Fatal("good after it was revoked")
				}
				if verdict == revocation.Unknown {
					reads = append(reads, read{claim, !revoked})
				}
			case step == 1 && len(reads) > 0: // a reader confirms, however late
				i := rapid.IntRange(0, len(reads)-1).Draw(t, "reader")
				if reads[i].good {
					_ = r.Confirm(ctx, "k", reads[i].claim)
				}
			case step == 2 && !revoked: // the revoker blocks
				_ = r.Block(ctx, "k")
				blocking = true
			case step == 3 && blocking: // and commits
				revoked = true
			case step == 4 && (revoked || !blocking): // time passes, not while a transaction is open
				clock.advance(time.Duration(rapid.IntRange(1, 150).Draw(t, "seconds")) * time.Second)
			}
		}
	})
}

func BenchmarkTake(b *testing.B) {
	l := NewLimiter(newClock())
	rate := limiter.Rate{Limit: 1000, Period: time.Second, Burst: 1 << 30}
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _ = l.Take(context.Background(), limiter.Ask{Key: keys[i%1024], Rate: rate}, limiter.Ask{Key: keys[(i+7)%1024], Rate: rate})
		}
	})
}

func BenchmarkLookGood(b *testing.B) {
	r := NewRevocations(newClock())
	_, claim, _ := r.Look(context.Background(), "k")
	_ = r.Confirm(context.Background(), "k", claim)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = r.Look(context.Background(), "k")
	}
}
