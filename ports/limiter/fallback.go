package limiter

import (
	"context"
	"sync"
	"sync/atomic"
)

// WithFallback limits by primary, and by local while primary fails, so that an
// outage makes limits coarser (each replica counts for itself) but never
// lifts them and never fails a request. Local starts from a full burst.
//
// onChange is called when it goes over to local, with what primary said, and
// when it comes back; one call at a time, never twice the same. It must be
// quick and must not take.
func WithFallback(primary, local Limiter, onChange func(degraded bool, err error)) Limiter {
	return &fallback{primary: primary, local: local, onChange: onChange}
}

type fallback struct {
	primary, local Limiter
	onChange       func(degraded bool, err error)
	degraded       atomic.Bool
	changing       sync.Mutex
}

var _ Limiter = (*fallback)(nil)

func (f *fallback) Take(ctx context.Context, asks ...Ask) (Decision, error) {
	for _, ask := range asks {
		if err := ask.Valid(); err != nil {
			return Decision{}, err // the caller's fault, not an outage
		}
	}
	decision, err := f.primary.Take(ctx, asks...)
	if err != nil && ctx.Err() != nil {
		return Decision{}, err // nobody waits for an answer, and nothing is known of primary
	}
	f.note(err)
	if err != nil {
		return f.local.Take(ctx, asks...)
	}
	return decision, nil
}

func (f *fallback) note(err error) {
	degraded := err != nil
	if f.degraded.Load() == degraded {
		return
	}
	f.changing.Lock()
	defer f.changing.Unlock()
	if f.degraded.Load() != degraded {
		f.degraded.Store(degraded)
		f.onChange(degraded, err)
	}
}
