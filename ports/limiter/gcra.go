package limiter

import (
	"fmt"
	"time"
)

// MaxKey is the longest key, in bytes.
const MaxKey = 200

// Valid is an error for an ask that no limiter can answer. Every limiter
// refuses such asks with it: what can't be limited is never let through.
func (a Ask) Valid() error {
	switch {
	case a.Key == "" || len(a.Key) > MaxKey:
		return fmt.Errorf("limiter: key of %d bytes; want 1 to %d", len(a.Key), MaxKey)
	case a.Rate.Limit < 1 || a.Rate.Burst < 1 || a.Rate.Interval() < time.Microsecond:
		return fmt.Errorf("limiter: rate of %d (burst %d) in %s for %q; want at least 1 and at most one a microsecond", a.Rate.Limit, a.Rate.Burst, a.Rate.Period, a.Key)
	case a.Rate.Interval() > maxSpan/time.Duration(a.Rate.Burst):
		return fmt.Errorf("limiter: rate of %d (burst %d) in %s for %q; the whole burst must be back within a year", a.Rate.Limit, a.Rate.Burst, a.Rate.Period, a.Key)
	}
	return nil
}

// Valid is an error for a use that can't be counted.
func (u Use) Valid() error {
	if err := u.Ask.Valid(); err != nil {
		return err
	}
	if u.Times < 0 || u.Rate.Interval() > maxSpan/time.Duration(max(1, u.Times)) {
		return fmt.Errorf("limiter: %d times %s for %q; want no fewer than 0, and what is rested within a year", u.Times, u.Rate.Interval(), u.Key)
	}
	return nil
}

const maxSpan = 366 * 24 * time.Hour

// Decide is the arithmetic of a take, for adapters: waits[i] is how far ahead
// of now the theoretical arrival time of asks[i] lies, before the take; zero or
// less when it has passed.
func Decide(asks []Ask, waits []time.Duration) Decision {
	tightest := Decision{Allowed: true} // of nothing asked
	for i, ask := range asks {
		if one := decide(ask.Rate, max(0, waits[i])); i == 0 || tighter(one, tightest) {
			tightest = one
		}
	}
	return tightest
}

func decide(r Rate, wait time.Duration) Decision {
	interval := r.Interval()
	span := interval * time.Duration(r.Burst)
	after := wait + interval
	if after > span {
		return Decision{RetryAfter: after - span, ResetAfter: wait}
	}
	return Decision{Allowed: true, Remaining: int((span - after) / interval), ResetAfter: after}
}

func tighter(a, b Decision) bool {
	switch {
	case a.Allowed != b.Allowed:
		return !a.Allowed
	case a.RetryAfter != b.RetryAfter:
		return a.RetryAfter > b.RetryAfter
	case a.Remaining != b.Remaining:
		return a.Remaining < b.Remaining
	}
	return a.ResetAfter > b.ResetAfter
}
