package limitertest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/limiter"
)

func use(key string, burst, times int) limiter.Use {
	return limiter.Use{Ask: ask(key, burst), Times: times}
}

// counts counts uses and compares how far their keys have got.
func (f *fixture) counts(uses []limiter.Use, want ...time.Duration) {
	f.t.Helper()
	waits, err := f.l.Count(f.t.Context(), uses...)
	if err != nil || len(waits) != len(want) {
		f.t.Fatalf("count %v = %v, %v; want %v", uses, waits, err, want)
	}
	for i := range want {
		if !about(waits[i], want[i]) {
			f.t.Fatalf("count %v = %v; want %v", uses, waits, want)
		}
	}
}

func counted(_ *testing.T, f *fixture) {
	f.allowed(4, hour, ask("k", 5))
	f.counts([]limiter.Use{use("k", 5, 3), use("other", 5, 1)}, 4*hour, hour)
	f.allowed(0, 5*hour, ask("k", 5))
	f.refused(hour, 5*hour, ask("k", 5))
	f.allowed(3, 2*hour, ask("other", 5))
	f.advance(3 * hour)
	f.allowed(2, 3*hour, ask("k", 5))
}

func countedTooMuch(_ *testing.T, f *fixture) {
	f.counts([]limiter.Use{use("k", 5, 7)}, 7*hour)
	f.refused(3*hour, 7*hour, ask("k", 5))
	f.counts([]limiter.Use{use("k", 5, 1), use("k", 5, 1)}, 8*hour, 9*hour)
	f.advance(5 * hour)
	f.allowed(0, 5*hour, ask("k", 5))
	f.refused(hour, 5*hour, ask("k", 5))
}

func howFar(_ *testing.T, f *fixture) {
	f.counts([]limiter.Use{use("k", 1, 0)}, 0)
	f.allowed(0, hour, ask("k", 1))
	f.counts([]limiter.Use{use("k", 1, 0), use("new", 1, 0)}, hour, 0)
	f.advance(hour)
	f.allowed(0, hour, ask("k", 1))
	f.allowed(0, hour, ask("new", 1))
	f.counts(nil)
}

// countedMany: callers who count the same keys at once each count for all.
func countedMany(t *testing.T, f *fixture) {
	const keys, callers = 1000, 4
	uses := make([]limiter.Use, keys)
	for i := range uses {
		uses[i] = use(strconv.Itoa(i), 100, i%3)
	}
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			if _, err := f.l.Count(t.Context(), uses...); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i := range uses {
		uses[i].Times = 0
	}
	waits, err := f.l.Count(t.Context(), uses...)
	if err != nil {
		t.Fatal(err)
	}
	for i, wait := range waits {
		if want := time.Duration(callers*(i%3)) * hour; !about(wait, want) && wait != want {
			t.Fatalf("key %d has got %s far, want %s", i, wait, want)
		}
	}
}

func invalidUses(t *testing.T, f *fixture) {
	for _, bad := range []limiter.Use{use("", 1, 1), use("k", 0, 1), use("k", 1, -1), use("k", 1, 24*366+1)} {
		if waits, err := f.l.Count(t.Context(), bad, use("fine", 1, 1)); err == nil {
			t.Errorf("count %+v = %v; want an error", bad, waits)
		}
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if _, err := f.l.Count(ctx, use("fine", 1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("count with an ended context: %v", err)
	}
	f.allowed(0, hour, ask("fine", 1))
}
