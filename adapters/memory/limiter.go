package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/limiter"
)

// maxLimits is how many keys are told apart at once: some 20 MB.
const maxLimits = 128 << 10

// Limiter limits within this process.
//
// A key that is rested needs no memory and is swept away. When as many keys
// as fit are all in use, further ones share one count for each shard, so
// they are limited more strictly, never less, until others have rested.
type Limiter struct {
	clock  clock.Clock
	shards [shards]limits
}

var (
	_ limiter.Limiter = (*Limiter)(nil)
	_ limiter.Local   = (*Limiter)(nil)
)

// limits is one shard: the theoretical arrival times of its keys.
type limits struct {
	sync.Mutex
	arrivals map[string]time.Time
	crowd    time.Time // shared by the keys that don't fit
	sweepAt  int       // the size at which to sweep next
	full     time.Time // when a sweep last found no room
}

const (
	limitsEach = maxLimits / shards
	firstSweep = 64
	// fullFor is how long a full shard is taken for full without looking again.
	fullFor = time.Second
)

// NewLimiter makes a limiter in which every key is rested.
func NewLimiter(clock clock.Clock) *Limiter {
	l := &Limiter{clock: clock}
	for i := range l.shards {
		l.shards[i].arrivals = map[string]time.Time{}
		l.shards[i].sweepAt = firstSweep
	}
	return l
}

// Take holds the locks of all its keys, so that it is one step.
func (l *Limiter) Take(ctx context.Context, asks ...limiter.Ask) (limiter.Decision, error) {
	if err := ctx.Err(); err != nil {
		return limiter.Decision{}, err
	}
	var few [4]int
	held := few[:0]
	for _, ask := range asks {
		if err := ask.Valid(); err != nil {
			return limiter.Decision{}, err
		}
		held = append(held, shardOf(ask.Key))
	}
	slices.Sort(held) // one order for everybody, so that nobody waits in a circle
	held = slices.Compact(held)
	for _, i := range held {
		l.shards[i].Lock()
	}
	defer func() {
		for _, i := range held {
			l.shards[i].Unlock()
		}
	}()

	now := l.clock.Now()
	var fewWaits [4]time.Duration
	waits := fewWaits[:0]
	for i, ask := range asks {
		wait := max(0, l.shards[shardOf(ask.Key)].arrival(ask.Key, now).Sub(now))
		for _, before := range asks[:i] { // the same key asked for twice in one take
			if before.Key == ask.Key {
				wait += before.Rate.Interval()
			}
		}
		waits = append(waits, wait)
	}
	decision := limiter.Decide(asks, waits)
	if decision.Allowed {
		for i, ask := range asks {
			l.shards[shardOf(ask.Key)].set(ask.Key, now.Add(waits[i]+ask.Rate.Interval()), now)
		}
	}
	return decision, nil
}

// Count counts each use by itself.
func (l *Limiter) Count(ctx context.Context, uses ...limiter.Use) ([]time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, use := range uses {
		if err := use.Valid(); err != nil {
			return nil, err
		}
	}
	now := l.clock.Now()
	waits := make([]time.Duration, len(uses))
	for i, use := range uses {
		waits[i] = l.move(use.Key, now, func(wait time.Duration) time.Duration {
			return wait + time.Duration(use.Times)*use.Rate.Interval()
		})
	}
	return waits, nil
}

// Learn makes it that long, at least, until the key's whole burst is there again.
func (l *Limiter) Learn(key string, wait time.Duration) {
	l.move(key, l.clock.Now(), func(known time.Duration) time.Duration { return max(known, wait) })
}

// move changes how far ahead of now the arrival time of a key lies.
func (l *Limiter) move(key string, now time.Time, to func(time.Duration) time.Duration) time.Duration {
	s := &l.shards[shardOf(key)]
	s.Lock()
	defer s.Unlock()
	before := max(0, s.arrival(key, now).Sub(now))
	after := to(before)
	if after > before {
		s.set(key, now.Add(after), now)
	}
	return after
}

func (s *limits) arrival(key string, now time.Time) time.Time {
	if at, known := s.arrivals[key]; known {
		return at
	}
	if s.hasRoom(now) {
		return time.Time{}
	}
	return s.crowd
}

func (s *limits) set(key string, at, now time.Time) {
	if _, known := s.arrivals[key]; !known && !s.hasRoom(now) {
		if at.After(s.crowd) {
			s.crowd = at
		}
		return
	}
	s.arrivals[key] = at
}

// hasRoom tells whether one more key fits, and sweeps when the shard has
// doubled since the last time, so that sweeping costs a take next to nothing.
func (s *limits) hasRoom(now time.Time) bool {
	if len(s.arrivals) < s.sweepAt {
		return true
	}
	if len(s.arrivals) >= limitsEach && now.Before(s.full.Add(fullFor)) {
		return false
	}
	for key, at := range s.arrivals {
		if !at.After(now) {
			delete(s.arrivals, key)
		}
	}
	s.sweepAt = min(max(2*len(s.arrivals), firstSweep), limitsEach)
	if len(s.arrivals) < limitsEach {
		return true
	}
	s.full = now
	return false
}
