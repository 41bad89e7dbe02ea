package limiter

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// TellAfter is how long what was let through ahead of the shared counts stays untold.
	TellAfter = 50 * time.Millisecond
	// AheadOf is the part of a burst, one in so many, that may be let through untold.
	AheadOf = 16
	// LeastAhead is the least such part that is worth it: of a smaller burst each take is asked for.
	LeastAhead = 32
)

// Local is a limiter of this process that hears what others have taken.
type Local interface {
	Limiter
	// Learn makes it that long, at least, until the key's whole burst is there again.
	Learn(key string, wait time.Duration)
}

// Replica limits in one of several processes which share their counts, so that
// most takes need not wait for the shared ones.
//
// A take that is far from every limit, as far as this process knows, is allowed
// at once, and told to the shared counts within TellAfter, together with
// others; the answer is how far each key has got everywhere. All others are
// asked for: those of a key with less than a quarter of its burst left, of one
// of whose burst a sixteenth is untold, and of any burst below 512. So rates
// hold over all replicas together, to the letter in the long run, since what is
// told counts whether or not it fits; only a burst may be exceeded for a moment,
// by a sixteenth for each replica.
//
// While the shared counts can't be had, limits go on from what this process
// knows: coarser, because each replica counts for itself, but never lifted, and
// no take fails for it.
type Replica struct {
	shared   Limiter
	local    Local
	onChange func(degraded bool, err error)

	degraded atomic.Bool
	changing sync.Mutex

	telling sync.Mutex // held by who tells
	mu      sync.Mutex
	untold  map[string]Use
	sent    map[string]Use // being told
	due     *time.Timer    // tells; nil while there is nothing to tell
	closed  bool
}

var _ Limiter = (*Replica)(nil)

// NewReplica limits by what all replicas share, and by what this one knows.
//
// onChange is called when the shared counts can't be had any more, with what
// they said, and when they are back; one call at a time, never twice the same.
// It must be quick and must not take.
func NewReplica(shared Limiter, local Local, onChange func(degraded bool, err error)) *Replica {
	return &Replica{shared: shared, local: local, onChange: onChange, untold: map[string]Use{}, sent: map[string]Use{}}
}

// Take is as a Limiter's.
func (r *Replica) Take(ctx context.Context, asks ...Ask) (Decision, error) {
	least, ahead := 0, len(asks) > 0 // the smallest burst
	for i, ask := range asks {
		if err := ask.Valid(); err != nil {
			return Decision{}, err // the caller's fault, not an outage
		}
		if i == 0 || ask.Rate.Burst < least {
			least = ask.Rate.Burst
		}
	}
	if ahead = ahead && least/AheadOf >= LeastAhead; !ahead {
		return r.ask(ctx, asks, r.local.Take)
	}
	known, err := r.local.Take(ctx, asks...)
	if err != nil {
		return Decision{}, err
	}
	if known.Allowed && known.Remaining >= least/4 && r.owe(asks) {
		return known, nil
	}
	decision, err := r.ask(ctx, asks, func(context.Context, ...Ask) (Decision, error) { return known, nil })
	if err == nil {
		r.wonder(asks)
	}
	return decision, err
}

// Count is as a Limiter's: this process counts the uses now, and tells the shared counts within TellAfter, or at
// once if they are much. How long it is until a key's burst is there again is as far as this process knows.
func (r *Replica) Count(ctx context.Context, uses ...Use) ([]time.Duration, error) {
	waits, err := r.local.Count(ctx, uses...)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	much := false
	for _, use := range uses {
		times := r.untold[use.Key].Times + use.Times
		r.untold[use.Key] = Use{Ask: use.Ask, Times: times}
		much = much || times >= use.Rate.Burst/AheadOf
	}
	r.tellSoon()
	r.mu.Unlock()
	if much {
		r.tell()
	}
	return waits, nil
}

// ask takes from the shared counts, or otherwise while they can't be had.
func (r *Replica) ask(ctx context.Context, asks []Ask, otherwise func(context.Context, ...Ask) (Decision, error)) (Decision, error) {
	decision, err := r.shared.Take(ctx, asks...)
	if err != nil && ctx.Err() != nil {
		return Decision{}, err // nobody waits for an answer, and nothing is known of the shared counts
	}
	r.note(err)
	if err != nil {
		return otherwise(ctx, asks...)
	}
	return decision, nil
}

// owe notes what is to be told, unless too much of a key is untold already.
func (r *Replica) owe(asks []Ask) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ask := range asks {
		if r.closed || r.untold[ask.Key].Times+r.sent[ask.Key].Times >= ask.Rate.Burst/AheadOf {
			return false
		}
	}
	for _, ask := range asks {
		r.untold[ask.Key] = Use{Ask: ask, Times: r.untold[ask.Key].Times + 1}
	}
	r.tellSoon()
	return true
}

// wonder has this process hear how far the keys have got.
func (r *Replica) wonder(asks []Ask) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for _, ask := range asks {
		r.untold[ask.Key] = Use{Ask: ask, Times: r.untold[ask.Key].Times}
	}
	r.tellSoon()
}

// tellSoon is called with the lock.
func (r *Replica) tellSoon() {
	if r.due == nil {
		r.due = time.AfterFunc(TellAfter, r.tell)
	}
}

// tell tells what is untold. What can't be told is forgotten: this process has
// counted it.
func (r *Replica) tell() {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.mu.Lock()
	if r.due != nil {
		r.due.Stop() // this is it
	}
	r.untold, r.sent = r.sent, r.untold
	uses := make([]Use, 0, len(r.sent))
	for _, use := range r.sent {
		uses = append(uses, use)
	}
	r.mu.Unlock()

	waits, err := r.shared.Count(context.Background(), uses...)
	r.note(err)
	if err == nil {
		for i, use := range uses {
			r.local.Learn(use.Key, waits[i])
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.sent)
	r.due = nil
	if len(r.untold) > 0 {
		r.tellSoon()
	}
}

// Close tells what is untold. From then on every take is asked for.
func (r *Replica) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.tell()
}

func (r *Replica) note(err error) {
	degraded := err != nil
	if r.degraded.Load() == degraded {
		return
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.degraded.Load() != degraded {
		r.degraded.Store(degraded)
		r.onChange(degraded, err)
	}
}
