package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/ports/limiter"
)

// shared is what all replicas share, whose absence a test chooses, and which counts its calls.
type shared struct {
	limiter.Limiter
	mu           sync.Mutex
	away         error
	takes, tells int
	told         map[string]int
}

func (s *shared) Take(ctx context.Context, asks ...limiter.Ask) (limiter.Decision, error) {
	s.mu.Lock()
	s.takes++
	away := s.away
	s.mu.Unlock()
	if err := errors.Join(ctx.Err(), away); err != nil {
		return limiter.Decision{}, err
	}
	return s.Limiter.Take(ctx, asks...)
}

func (s *shared) Count(ctx context.Context, uses ...limiter.Use) ([]time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tells++
	if s.away != nil {
		return nil, s.away
	}
	for _, use := range uses {
		s.told[use.Key] += use.Times
	}
	return s.Limiter.Count(ctx, uses...)
}

func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

// now is the bubble's clock.
type now struct{}

func (now) Now() time.Time { return time.Now() }

func newShared() *shared { return &shared{Limiter: memory.NewLimiter(now{}), told: map[string]int{}} }

func (s *shared) replica(onChange func(bool, error)) *limiter.Replica {
	return limiter.NewReplica(s, memory.NewLimiter(now{}), onChange)
}

var (
	wide   = limiter.Ask{Key: "wide", Rate: limiter.Rate{Limit: 1600, Period: time.Hour, Burst: 1600}}
	narrow = limiter.Ask{Key: "narrow", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 2}}
)

func takes(t *testing.T, r *limiter.Replica, n int, asks ...limiter.Ask) (allowed int, last limiter.Decision) {
	t.Helper()
	for range n {
		d, err := r.Take(t.Context(), asks...)
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed {
			allowed++
		}
		last = d
	}
	return allowed, last
}

// told has a bubble wait until what is untold now is told.
func told() {
	time.Sleep(limiter.TellAfter)
	synctest.Wait()
}

func TestWhatIsCountedHoldsHereAtOnceAndEverywhereSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		a, b := s.replica(nil), s.replica(nil)
		takes(t, a, 1, wide)
		if waits, err := a.Count(t.Context(), limiter.Use{Ask: wide, Times: 1000}); err != nil || len(waits) != 1 || waits[0] < 1000*wide.Rate.Interval() {
			t.Errorf("%v, %v", waits, err)
		}
		if n, last := takes(t, a, 1, wide); n != 1 || last.Remaining > 600 {
			t.Errorf("%d allowed here, %d remain, after 1001", n, last.Remaining)
		}
		s.mu.Lock()
		if s.told["wide"] != 1001 {
			t.Errorf("told of %d, want 1001", s.told["wide"])
		}
		s.mu.Unlock()
		takes(t, b, 1, wide)
		told()
		if _, last := takes(t, b, 1, wide); last.Remaining > 600 {
			t.Errorf("%d remain at the other replica", last.Remaining)
		}
		// What is more than there was is waited for.
		if _, err := a.Count(t.Context(), limiter.Use{Ask: wide, Times: 5000}); err != nil {
			t.Error(err)
		}
		takes(t, b, 1, wide) // it hasn't heard
		told()
		if n, last := takes(t, b, 1, wide); n != 0 || last.RetryAfter < 4000*wide.Rate.Interval() {
			t.Errorf("%d allowed, again after %s", n, last.RetryAfter)
		}
	})
}

func TestFarFromItsLimitATakeIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		a, b := s.replica(nil), s.replica(nil)
		if n, last := takes(t, a, 90, wide); n != 90 || last.Remaining != 1510 || s.takes != 0 {
			t.Errorf("%d of 90 allowed, %d remain, %d asked for; want 90, 1510, 0", n, last.Remaining, s.takes)
		}
		told()
		if s.told["wide"] != 90 || s.tells != 1 {
			t.Errorf("told of %d in %d calls, want 90 in 1", s.told["wide"], s.tells)
		}
		takes(t, b, 1, wide)
		told()
		if _, last := takes(t, b, 1, wide); last.Remaining < 1507 || last.Remaining > 1509 {
			t.Errorf("%d remain at the other replica, which has heard of the 90", last.Remaining)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.tells != 3 {
			t.Errorf("told %d times, want 3: who has nothing to tell is silent", s.tells)
		}
	})
}

func TestWhatIsNearALimitIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		a := s.replica(nil)
		for _, c := range []struct {
			name            string
			asks            []limiter.Ask
			n, allowed, ask int
		}{
			{"a small burst", []limiter.Ask{narrow}, 3, 2, 3},
			{"a small burst beside a large one", []limiter.Ask{wide, {Key: "other", Rate: narrow.Rate}}, 3, 2, 3},
			{"more than a sixteenth untold", []limiter.Ask{wide}, 100 + 7, 107, 7},
			{"nothing", nil, 1, 1, 1},
		} {
			s.takes = 0
			if n, _ := takes(t, a, c.n, c.asks...); n != c.allowed || s.takes != c.ask {
				t.Errorf("%s: %d of %d allowed, %d asked for; want %d, %d", c.name, n, c.n, s.takes, c.allowed, c.ask)
			}
		}
		// Until but a quarter of the burst is left, nobody asks, if it is told often enough.
		for s.takes = 0; s.takes == 0; {
			told()
			takes(t, a, 50, wide)
		}
		waits, err := s.Count(t.Context(), limiter.Use{Ask: wide})
		if left := 1600 - int(waits[0]/wide.Rate.Interval()); err != nil || left < 350 || left > 450 {
			t.Errorf("it was asked for with %d left of 1600 (%v)", left, err)
		}
		if n, _ := takes(t, a, 1600, wide); n < 350 || n > 450 {
			t.Errorf("%d more were allowed", n)
		}
		if n, _ := takes(t, a, 10, wide); n != 0 {
			t.Errorf("%d of 10 beyond the limit were allowed", n)
		}
	})
}

// TestReplicasHoldARateTogether drives replicas at random. Over every stretch of time no more is let
// through than a burst, what the rate allows, and a sixteenth of a burst for each replica.
func TestReplicasHoldARateTogether(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShared()
			replicas := make([]*limiter.Replica, rapid.IntRange(1, 4).Draw(rt, "replicas"))
			for i := range replicas {
				replicas[i] = s.replica(nil)
			}
			burst := rapid.IntRange(500, 4000).Draw(rt, "burst")
			ask := limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: rapid.IntRange(100, 10_000).Draw(rt, "limit"), Period: time.Second, Burst: burst}}
			type allowed struct {
				at    time.Time
				total int // until then, with those of then
			}
			log, total := []allowed{{time.Now(), 0}}, 0
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				n, _ := takes(t, replicas[rapid.IntRange(0, len(replicas)-1).Draw(rt, "replica")], rapid.IntRange(0, burst).Draw(rt, "takes"), ask)
				total += n
				log = append(log, allowed{time.Now(), total})
				time.Sleep(time.Duration(rapid.IntRange(0, 200).Draw(rt, "pause")) * time.Millisecond)
			}
			for i := range log {
				for j := i + 1; j < len(log); j++ {
					most := burst + int(log[j].at.Sub(log[i].at)/ask.Rate.Interval()) + len(replicas)*(burst/limiter.AheadOf)
					if got := log[j].total - log[i].total; got > most {
						rt.Fatalf("%d takes were allowed in %s, of at most %d", got, log[j].at.Sub(log[i].at), most)
					}
				}
			}
			for _, r := range replicas {
				r.Close()
			}
			// And a key that rests gets all of it again.
			time.Sleep(time.Minute)
			if n, _ := takes(t, s.replica(nil), burst, ask); n != burst {
				rt.Fatalf("%d of a burst of %d are back after a rest", n, burst)
			}
		})
	})
}

func TestWithoutTheSharedCountsAReplicaGoesOnFromItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		s := newShared()
		var changes []bool
		r := s.replica(func(degraded bool, err error) {
			if degraded != errors.Is(err, away) {
				t.Errorf("degraded %t because of %v", degraded, err)
			}
			changes = append(changes, degraded)
		})
		takes(t, r, 100, wide)
		told()
		s.fail(away)
		if n, _ := takes(t, r, 3, narrow); n != 2 {
			t.Errorf("%d of 3 were allowed, want 2", n)
		}
		if n, _ := takes(t, r, 2000, wide); n < 1500 || n > 1501 {
			t.Errorf("%d of 2000 were allowed, want 1500: 100 of 1600 had been taken", n)
		}
		s.fail(nil)
		told()
		if n, _ := takes(t, r, 1, narrow); n != 1 {
			t.Error("the shared counts know nothing of what was taken in their absence, and refuse")
		}
		if want := []bool{true, false}; !slices.Equal(changes, want) {
			t.Errorf("changes = %v, want %v", changes, want)
		}
		// It is noticed without anything being asked for.
		s.fail(away)
		time.Sleep(time.Hour)
		takes(t, r, 1, wide)
		told()
		if want := []bool{true, false, true}; !slices.Equal(changes, want) {
			t.Errorf("changes = %v, want %v", changes, want)
		}
	})
}

func TestOutageIsNotTakenForTheCallersFault(t *testing.T) {
	s := newShared()
	r := s.replica(func(bool, error) { t.Error("called it degraded") })
	ended, end := context.WithCancel(t.Context())
	end()
	for _, ask := range []limiter.Ask{narrow, wide} {
		if d, err := r.Take(ended, ask); !errors.Is(err, context.Canceled) || d.Allowed {
			t.Errorf("ended context: %+v, %v", d, err)
		}
	}
	if _, err := r.Take(t.Context(), wide, limiter.Ask{Key: "k"}); err == nil {
		t.Error("took at no rate")
	}
	r.Close()
	if s.told["wide"] != 0 {
		t.Error("a take that failed is told")
	}
}

func TestEachChangeIsToldOnce(t *testing.T) {
	s := newShared()
	s.fail(errors.New("away"))
	calls := 0
	r := s.replica(func(degraded bool, _ error) {
		if !degraded {
			t.Error("told that it is back")
		}
		calls++
	})
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			for range 100 {
				if _, err := r.Take(context.Background(), narrow, limiter.Ask{Key: fmt.Sprint(i % 4), Rate: wide.Rate}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	r.Close()
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// TestCloseTellsTheRest: what was let through before a replica stops counts for the others, also of
// takes that run meanwhile; after it nothing is left untold.
func TestCloseTellsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		r := s.replica(nil)
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() { takes(t, r, 10, wide) })
		}
		r.Close()
		wait.Wait()
		if s.told["wide"]+s.takes != 80 {
			t.Errorf("told of %d, asked for %d; want 80 together", s.told["wide"], s.takes)
		}
		time.Sleep(time.Hour)
	})
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
