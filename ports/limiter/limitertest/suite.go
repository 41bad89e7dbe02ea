package limitertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/limiter"
)

// Open gives a limiter that knows no key yet, and a way to move its time on.
type Open func(t *testing.T) (l limiter.Limiter, advance func(time.Duration))

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"a burst and no more", burst},
		{"comes back one by one", refill},
		{"no double burst at any edge", noEdge},
		{"a refused take costs nothing", refusalIsFree},
		{"all keys or none", allOrNone},
		{"the tightest key answers", tightest},
		{"keys are opaque", opaqueKeys},
		{"one key asked for twice", sameKeyTwice},
		{"a changed rate", changedRate},
		{"nothing asked", nothingAsked},
		{"asks that can't be limited", invalid},
		{"an ended context", ended},
		{"many at once", concurrent},
		{"many at once under shared keys", concurrentShared},
		{"what is counted is taken", counted},
		{"what is counted need not fit", countedTooMuch},
		{"how far a key has got", howFar},
		{"a thousand keys counted", countedMany},
		{"uses that can't be counted", invalidUses},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, advance := open(t)
			c.run(t, &fixture{t, l, advance})
		})
	}
}

type fixture struct {
	t       *testing.T
	l       limiter.Limiter
	advance func(time.Duration)
}

// hourly is one take an hour, and burst at once.
func hourly(burst int) limiter.Rate {
	return limiter.Rate{Limit: 24, Period: 24 * time.Hour, Burst: burst}
}

func ask(key string, burst int) limiter.Ask { return limiter.Ask{Key: key, Rate: hourly(burst)} }

func (f *fixture) take(asks ...limiter.Ask) limiter.Decision {
	f.t.Helper()
	d, err := f.l.Take(f.t.Context(), asks...)
	if err != nil {
		f.t.Fatalf("take %v: %v", asks, err)
	}
	return d
}

func (f *fixture) allowed(remaining int, reset time.Duration, asks ...limiter.Ask) {
	f.t.Helper()
	d := f.take(asks...)
	if !d.Allowed || d.Remaining != remaining || d.RetryAfter != 0 || !about(d.ResetAfter, reset) {
		f.t.Fatalf("take %v = %+v; want allowed, %d remaining, reset after %s", asks, d, remaining, reset)
	}
}

func (f *fixture) refused(retry, reset time.Duration, asks ...limiter.Ask) {
	f.t.Helper()
	d := f.take(asks...)
	if d.Allowed || d.Remaining != 0 || d.RetryAfter <= 0 || !about(d.RetryAfter, retry) || !about(d.ResetAfter, reset) {
		f.t.Fatalf("take %v = %+v; want refused, retry after %s, reset after %s", asks, d, retry, reset)
	}
}

// about allows for the real time a test takes, not for a take too many or too few.
func about(got, want time.Duration) bool {
	return got <= want && got > want-20*time.Minute && got >= 0
}

const hour = time.Hour

func burst(t *testing.T, f *fixture) {
	for i := range 5 {
		f.allowed(4-i, time.Duration(i+1)*hour, ask("k", 5))
	}
	f.refused(hour, 5*hour, ask("k", 5))
	f.refused(hour, 5*hour, ask("k", 5))
}

func refill(t *testing.T, f *fixture) {
	f.allowed(1, hour, ask("k", 2))
	f.allowed(0, 2*hour, ask("k", 2))
	f.advance(59 * time.Minute / 2)
	f.refused(31*time.Minute, 91*time.Minute, ask("k", 2))
	f.advance(31 * time.Minute)
	f.allowed(0, 2*hour, ask("k", 2))
	f.refused(hour, 2*hour, ask("k", 2))
	f.advance(100 * hour)
	f.allowed(1, hour, ask("k", 2))
}

// noEdge: over any stretch of n hours no more than n + burst are let through.
func noEdge(t *testing.T, f *fixture) {
	total := 0
	for range 30 {
		for range 3 {
			if f.take(ask("k", 3)).Allowed {
				total++
			}
		}
		f.advance(20 * time.Minute)
	}
	// 29 moves of 20 minutes lie between the first take and the last: 9 whole hours.
	if total != 3+9 {
		t.Errorf("%d of 90 takes in 9⅔ hours were allowed, want 12", total)
	}
}

func refusalIsFree(t *testing.T, f *fixture) {
	f.allowed(0, hour, ask("k", 1))
	for range 50 {
		f.refused(hour, hour, ask("k", 1))
	}
	f.advance(hour)
	f.allowed(0, hour, ask("k", 1))
}

func allOrNone(t *testing.T, f *fixture) {
	wide, narrow := ask("wide", 10), ask("narrow", 1)
	f.allowed(0, hour, wide, narrow)
	for range 5 {
		f.refused(hour, hour, wide, narrow)
		f.refused(hour, hour, narrow, wide)
	}
	f.allowed(8, 2*hour, wide) // the second take from it, not the twelfth
	f.advance(hour)
	f.allowed(0, hour, narrow)
}

func tightest(t *testing.T, f *fixture) {
	f.allowed(1, hour, ask("a", 4), ask("b", 2), ask("c", 3))
	f.allowed(0, 2*hour, ask("c", 3), ask("b", 2), ask("a", 4))
	f.refused(hour, 2*hour, ask("a", 4), ask("b", 2), ask("c", 3))
	f.allowed(0, 3*hour, ask("c", 3)) // two were taken from it
	// Two refuse: the longer wait is the answer.
	day := limiter.Ask{Key: "d", Rate: limiter.Rate{Limit: 1, Period: 24 * hour, Burst: 1}}
	f.allowed(0, 24*hour, day)
	f.refused(24*hour, 24*hour, ask("b", 2), day)
}

func opaqueKeys(t *testing.T, f *fixture) {
	for _, key := range []string{
		"player:1", "player:10", "Player:1", "player:1 ", "*", "?", "{player:1}", "{}1", "}{", "a\x00b", "a\x00c", "ü", "u\u0308", "\xff\xfe", "\r\n",
		strings.Repeat("k", limiter.MaxKey), strings.Repeat("k", limiter.MaxKey-1),
	} {
		f.allowed(0, hour, ask(key, 1))
		f.refused(hour, hour, ask(key, 1))
	}
}

func sameKeyTwice(t *testing.T, f *fixture) {
	f.allowed(1, 2*hour, ask("k", 3), ask("k", 3))
	f.refused(hour, 3*hour, ask("k", 3), ask("k", 3))
	f.allowed(0, 3*hour, ask("k", 3))
}

func changedRate(t *testing.T, f *fixture) {
	f.allowed(9, hour, ask("k", 10))
	f.allowed(8, 2*hour, ask("k", 10))
	f.refused(hour, 2*hour, ask("k", 2))
	f.allowed(7, 3*hour, ask("k", 10))
	// The arrival time is kept, not a count, so at a faster rate it is worth more takes.
	f.refused(hour+30*time.Minute, 3*hour, limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 2, Period: hour, Burst: 4}})
}

func nothingAsked(t *testing.T, f *fixture) {
	if d := f.take(); !d.Allowed {
		t.Errorf("Take() = %+v, want allowed", d)
	}
}

func invalid(t *testing.T, f *fixture) {
	fine := ask("fine", 1)
	for _, bad := range []limiter.Ask{
		ask("", 1), ask(strings.Repeat("k", limiter.MaxKey+1), 1), ask("k", 0), {Key: "k"},
		{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Nanosecond, Burst: 1}},
	} {
		if d, err := f.l.Take(t.Context(), fine, bad); err == nil || d.Allowed {
			t.Errorf("take %+v = %+v, %v; want an error", bad, d, err)
		}
	}
	f.allowed(0, hour, fine) // nothing was taken from it
}

func ended(t *testing.T, f *fixture) {
	ctx, end := context.WithCancel(t.Context())
	end()
	if d, err := f.l.Take(ctx, ask("k", 1)); !errors.Is(err, context.Canceled) || d.Allowed {
		t.Errorf("take = %+v, %v; want context.Canceled", d, err)
	}
	f.allowed(0, hour, ask("k", 1))
}

func concurrent(t *testing.T, f *fixture) {
	if got := race(t, f, 64, func(int) []limiter.Ask { return []limiter.Ask{ask("k", 20)} }); got != 20 {
		t.Errorf("%d of 64 takes were allowed, want 20", got)
	}
	f.refused(hour, 20*hour, ask("k", 20))
}

// concurrentShared: askers who name the same keys in another order neither
// lock up nor let too many through.
func concurrentShared(t *testing.T, f *fixture) {
	a, b := ask("a", 15), ask("b", 100)
	got := race(t, f, 64, func(i int) []limiter.Ask {
		if i%2 == 0 {
			return []limiter.Ask{b, ask(fmt.Sprint("own", i), 1), a}
		}
		return []limiter.Ask{a, ask(fmt.Sprint("own", i), 1), b}
	})
	if got > 15 || got == 0 {
		t.Errorf("%d of 64 takes were allowed, want 1 to 15", got)
	}
	// What was refused under one key was not taken from the other.
	f.allowed(100-got-1, time.Duration(got+1)*hour, b)
}

func race(t *testing.T, f *fixture, n int, asks func(int) []limiter.Ask) int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for i := range n {
		wait.Go(func() {
			d, err := f.l.Take(t.Context(), asks(i)...)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if d.Allowed {
				allowed++
			}
		})
	}
	wait.Wait()
	return allowed
}
