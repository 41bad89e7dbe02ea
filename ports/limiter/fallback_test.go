package limiter_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/limiter"
)

// scripted is a limiter whose failures a test chooses: a real one can't fail on demand.
type scripted struct {
	mu    sync.Mutex
	err   error
	takes int
}

func (s *scripted) Take(ctx context.Context, _ ...limiter.Ask) (limiter.Decision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes++
	if err := ctx.Err(); err != nil {
		return limiter.Decision{}, err
	}
	return limiter.Decision{Allowed: true, Remaining: 7}, s.err
}

func (s *scripted) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

var ask = limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Second, Burst: 1}}

func TestFallbackTakesOverAndComesBack(t *testing.T) {
	away := errors.New("away")
	primary, local := &scripted{}, &scripted{}
	var changes []bool
	both := limiter.WithFallback(primary, local, func(degraded bool, err error) {
		if degraded != errors.Is(err, away) {
			t.Errorf("degraded %t because of %v", degraded, err)
		}
		changes = append(changes, degraded)
	})
	take := func(wantLocal int) {
		t.Helper()
		if d, err := both.Take(t.Context(), ask); err != nil || d.Remaining != 7 {
			t.Fatalf("Take = %+v, %v", d, err)
		}
		if local.takes != wantLocal {
			t.Fatalf("local was asked %d times, want %d", local.takes, wantLocal)
		}
	}
	take(0)
	primary.fail(away)
	take(1)
	take(2)
	primary.fail(nil)
	take(2)
	take(2)
	primary.fail(away)
	take(3)
	if want := []bool{true, false, true}; !slices.Equal(changes, want) {
		t.Errorf("changes = %v, want %v", changes, want)
	}
}

func TestFallbackIsNotTakenForTheCallersFault(t *testing.T) {
	primary, local := &scripted{}, &scripted{}
	both := limiter.WithFallback(primary, local, func(bool, error) { t.Error("called it degraded") })
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := both.Take(ended, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if _, err := both.Take(t.Context(), limiter.Ask{Key: "k"}); err == nil {
		t.Error("took at no rate")
	}
	if primary.takes != 1 || local.takes != 0 {
		t.Errorf("primary was asked %d times and local %d, want 1 and 0", primary.takes, local.takes)
	}
}

func TestFallbackTellsEachChangeOnce(t *testing.T) {
	primary, local := &scripted{err: errors.New("away")}, &scripted{}
	last, calls := false, 0
	both := limiter.WithFallback(primary, local, func(degraded bool, _ error) {
		if degraded == last {
			t.Errorf("told twice that degraded is %t", degraded)
		}
		last = degraded
		calls++
	})
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() {
			for range 100 {
				if _, err := both.Take(context.Background(), ask); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

func TestDecideIsThatOfTheTightest(t *testing.T) {
	rate := func(burst int) limiter.Rate {
		return limiter.Rate{Limit: 60, Period: time.Minute, Burst: burst}
	}
	asks := []limiter.Ask{{Key: "a", Rate: rate(10)}, {Key: "b", Rate: rate(2)}, {Key: "c", Rate: rate(3)}}
	for _, c := range []struct {
		name  string
		waits []time.Duration
		want  limiter.Decision
	}{
		{"all rested", []time.Duration{0, -time.Hour, 0}, limiter.Decision{Allowed: true, Remaining: 1, ResetAfter: time.Second}},
		{"the last of one", []time.Duration{0, time.Second, 0}, limiter.Decision{Allowed: true, Remaining: 0, ResetAfter: 2 * time.Second}},
		{"a hair too early for one", []time.Duration{0, time.Second + time.Microsecond, 0}, limiter.Decision{RetryAfter: time.Microsecond, ResetAfter: time.Second + time.Microsecond}},
		{"the longest wait of two", []time.Duration{0, 2 * time.Second, 5 * time.Second}, limiter.Decision{RetryAfter: 3 * time.Second, ResetAfter: 5 * time.Second}},
	} {
		if got := limiter.Decide(asks, c.waits); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := limiter.Decide(nil, nil); !got.Allowed {
		t.Errorf("nothing asked: %+v", got)
	}
}

func TestValid(t *testing.T) {
	second := func(limit, burst int) limiter.Rate {
		return limiter.Rate{Limit: limit, Period: time.Second, Burst: burst}
	}
	for _, c := range []struct {
		ask  limiter.Ask
		good bool
	}{
		{limiter.Ask{Key: "k", Rate: second(1, 1)}, true},
		{limiter.Ask{Key: "k", Rate: second(1_000_000, 1)}, true},
		{limiter.Ask{Key: "k", Rate: second(1_000_001, 1)}, false},
		{limiter.Ask{Key: "", Rate: second(1, 1)}, false},
		{limiter.Ask{Key: string(make([]byte, limiter.MaxKey+1)), Rate: second(1, 1)}, false},
		{limiter.Ask{Key: "k", Rate: second(0, 1)}, false},
		{limiter.Ask{Key: "k", Rate: second(-1, 1)}, false},
		{limiter.Ask{Key: "k", Rate: second(1, 0)}, false},
		{limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Burst: 1}}, false},
		{limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: -time.Second, Burst: 1}}, false},
		{limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 1 << 62}}, false},
	} {
		if err := c.ask.Valid(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
}
