// Package limiter says how often something may be done.
package limiter

import (
	"context"
	"time"
)

// Rate allows Limit takes a Period on the average, and Burst at once after a rest.
type Rate struct {
	Limit  int
	Period time.Duration
	Burst  int // at least 1
}

// Interval is the time that one take costs.
func (r Rate) Interval() time.Duration { return r.Period / time.Duration(r.Limit) }

// Decision is the answer to a take.
type Decision struct {
	Allowed bool
	// Remaining is how many more takes would be allowed right now.
	Remaining int
	// RetryAfter is how long until a take would be allowed; zero when Allowed.
	RetryAfter time.Duration
	// ResetAfter is how long until the whole burst is there again.
	ResetAfter time.Duration
}

// Limiter is a GCRA rate limiter (the generic cell rate algorithm of ITU-T
// I.371): for each key it keeps one instant, the theoretical arrival time, so
// no window edge lets a double burst through. A refused take costs nothing.
type Limiter interface {
	// Take asks for one unit under each key, each at its own rate. It is
	// allowed only if every key allows it, and then, and only then, taken
	// from every key. The decision is that of the tightest key.
	Take(ctx context.Context, asks ...Ask) (Decision, error)
	// Count takes from each key so many times, whether or not that fits: what is
	// too much has to be rested too. It gives, for each use, how long until the
	// key's whole burst is there again. What came before an error may count.
	Count(ctx context.Context, uses ...Use) ([]time.Duration, error)
}

// Ask is one key and its rate. Keys are opaque, at most 200 bytes, and share
// one namespace: lead with what kind of key it is.
type Ask struct {
	Key  string
	Rate Rate
}

// Use is a take of so many units under a key; of none, it only asks how far the key has got.
type Use struct {
	Ask
	Times int
}
