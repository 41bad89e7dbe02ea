package memory

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/revocation"
)

const (
	// maxVerdicts is how many keys are remembered at once: some 30 MB.
	maxVerdicts  = 128 << 10
	verdictsEach = maxVerdicts / shards
	// claimFor is how long a claim stands. One that lapses costs only that
	// the next reader asks the database once more.
	claimFor = 10 * time.Second
)

// Revocations remembers good keys within this process.
//
// When it is full it gives no claims, so further keys are asked of the
// database each time. Blocks are never forgotten: they push out what was good,
// and when a shard holds nothing but blocks, all of its keys are blocked.
type Revocations struct {
	clock  clock.Clock
	claims atomic.Uint64 // the last one given; never reset, so no claim is given twice
	shards [shards]verdicts
}

var _ revocation.Memory = (*Revocations)(nil)

// verdicts is one shard.
type verdicts struct {
	sync.Mutex
	entries    map[string]verdict
	blockedAll time.Time // until when all keys are blocked
	sweepAt    int
	full       time.Time // when a sweep last found no room
}

type verdict struct {
	state state
	claim uint64 // of claimed
	until time.Time
}

type state uint8

const (
	claimed state = iota
	good
	blocked
)

// NewRevocations makes a memory that knows no key.
func NewRevocations(clock clock.Clock) *Revocations {
	r := &Revocations{clock: clock}
	for i := range r.shards {
		r.shards[i].entries = map[string]verdict{}
		r.shards[i].sweepAt = firstSweep
	}
	return r
}

// Look claims an unknown key that nobody else has claimed.
func (r *Revocations) Look(ctx context.Context, key string) (revocation.Verdict, revocation.Claim, error) {
	if err := ctx.Err(); err != nil {
		return revocation.Unknown, "", err
	}
	now := r.clock.Now()
	s := &r.shards[shardOf(key)]
	s.Lock()
	defer s.Unlock()
	if v, known := s.entries[key]; known && now.Before(v.until) {
		if v.state == good && !now.Before(s.blockedAll) {
			return revocation.Good, "", nil
		}
		return revocation.Unknown, "", nil
	}
	if now.Before(s.blockedAll) || !s.hasRoom(now) {
		return revocation.Unknown, "", nil
	}
	claim := r.claims.Add(1)
	s.entries[key] = verdict{state: claimed, claim: claim, until: now.Add(claimFor)}
	return revocation.Unknown, revocation.Claim(strconv.FormatUint(claim, 10)), nil
}

// Confirm makes the key good if its entry is still the claim's.
func (r *Revocations) Confirm(ctx context.Context, key string, claim revocation.Claim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, err := strconv.ParseUint(string(claim), 10, 64)
	if err != nil {
		return nil // empty, or never one of ours: void
	}
	now := r.clock.Now()
	s := &r.shards[shardOf(key)]
	s.Lock()
	defer s.Unlock()
	v, known := s.entries[key]
	if known && v.state == claimed && v.claim == number && now.Before(v.until) && !now.Before(s.blockedAll) {
		s.entries[key] = verdict{state: good, until: now.Add(revocation.GoodFor)}
	}
	return nil
}

// Block blocks even when ctx has ended: it costs nothing, and the caller may go on to revoke.
func (r *Revocations) Block(_ context.Context, keys ...string) error {
	now := r.clock.Now()
	until := now.Add(revocation.BlockFor)
	for _, key := range keys {
		s := &r.shards[shardOf(key)]
		s.Lock()
		s.block(key, now, until)
		s.Unlock()
	}
	return nil
}

func (s *verdicts) block(key string, now, until time.Time) {
	if _, known := s.entries[key]; !known && !s.hasRoom(now) {
		if now.Before(s.blockedAll) { // full of blocks when we last looked
			s.blockedAll = until
			return
		}
		for other, v := range s.entries {
			if v.state != blocked {
				delete(s.entries, other)
			}
		}
		if len(s.entries) >= verdictsEach {
			s.blockedAll = until
			return
		}
		s.full = time.Time{}
	}
	s.entries[key] = verdict{state: blocked, until: until}
}

// hasRoom tells whether one more key fits, after sweeping if it is time to.
func (s *verdicts) hasRoom(now time.Time) bool {
	if len(s.entries) < s.sweepAt {
		return true
	}
	if len(s.entries) >= verdictsEach && now.Before(s.full.Add(fullFor)) {
		return false
	}
	for key, v := range s.entries {
		if !now.Before(v.until) {
			delete(s.entries, key)
		}
	}
	s.sweepAt = min(max(2*len(s.entries), firstSweep), verdictsEach)
	if len(s.entries) < verdictsEach {
		return true
	}
	s.full = now
	return false
}
