// Package recent remembers for a moment what was read, so that it isn't read for
// each request. A change is seen at once by the replica that made it and within
// Fresh by the others. Nothing that must take effect on the next request goes through it.
package recent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

const (
	// Fresh is how long a value is used.
	Fresh = time.Second
	// Lasting is how long GetLasting may use a value that can't be read again, because
	// the reading fails or takes longer than Patience.
	Lasting  = 30 * time.Second
	Patience = 250 * time.Millisecond
	// loadTime bounds one reading, which is for all who wait for it.
	loadTime = 10 * time.Second
	// few is how many values are kept without looking for those that nobody asks for.
	few = 256
)

// Values remembers values for Fresh after they were loaded. Of those who ask for a value at once
// one loads it. Its zero value is empty.
type Values[K comparable, V any] struct {
	mu      sync.RWMutex
	known   map[K]*dated[V]
	loads   map[K]*loading[V]
	changes uint64 // grows with each Forget
	swept   int    // how many values the last sweep left
}

type dated[V any] struct {
	value  V
	loaded time.Time
	// tried is when it was last loaded, or could not be.
	tried time.Time
	used  atomic.Bool // since then
}

// loading is a load under way.
type loading[V any] struct {
	done  chan struct{} // closed when it is over
	value V
	err   error
}

// Get gives the value of a key, loaded when it isn't known or no longer fresh at now. A load
// outlives the one who began it.
func (r *Values[K, V]) Get(ctx context.Context, key K, now time.Time, load func(context.Context) (V, error)) (V, error) {
	known := r.find(key)
	if known != nil && now.Sub(known.loaded) < Fresh {
		known.used.Store(true)
		return known.value, nil
	}
	l := r.load(ctx, key, now, load)
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// GetLasting is Get for who is better served by what is known than not at all: a value that
// can't be read again is used until Lasting has passed.
func (r *Values[K, V]) GetLasting(ctx context.Context, key K, now time.Time, load func(context.Context) (V, error)) (V, error) {
	known := r.find(key)
	lasting := known != nil && now.Sub(known.loaded) < Lasting
	if lasting && now.Sub(known.tried) < Fresh {
		known.used.Store(true)
		return known.value, nil
	}
	l := r.load(ctx, key, now, load)
	var impatient <-chan time.Time
	if lasting {
		patience := time.NewTimer(Patience)
		defer patience.Stop()
		impatient = patience.C
	}
	select {
	case <-l.done:
		if lasting && away(l.err) {
			return known.value, nil
		}
		return l.value, l.err
	case <-impatient:
		return known.value, nil
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// find gives what is known of a key, or nil.
func (r *Values[K, V]) find(key K) *dated[V] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.known[key]
}

// load joins the load of a key, or begins it.
func (r *Values[K, V]) load(ctx context.Context, key K, now time.Time, load func(context.Context) (V, error)) *loading[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.loads[key]; ok {
		return l
	}
	l := &loading[V]{done: make(chan struct{})}
	if r.loads == nil {
		r.known, r.loads = map[K]*dated[V]{}, map[K]*loading[V]{}
	}
	r.loads[key] = l
	go func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		l.value, l.err = attempt(within, load)
		r.mu.Lock()
		defer r.mu.Unlock()
		// What was loaded before a change may be what the change replaced.
		if r.loads[key] == l {
			delete(r.loads, key)
			r.keep(key, now, l)
		}
		close(l.done)
	}()
	return l
}

// keep keeps what a load gave; the caller has the lock.
func (r *Values[K, V]) keep(key K, now time.Time, l *loading[V]) {
	known := r.known[key]
	switch {
	case l.err == nil:
		r.known[key] = &dated[V]{value: l.value, loaded: now, tried: now}
		r.sweep(now)
	case !away(l.err):
		delete(r.known, key)
	case known != nil && now.Sub(known.loaded) < Lasting:
		// Nobody tries again before Fresh has passed.
		r.known[key] = &dated[V]{value: known.value, loaded: known.loaded, tried: now}
	}
}

// attempt loads, and survives a load that panics.
func attempt[V any](ctx context.Context, load func(context.Context) (V, error)) (value V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.ErrInternal.Because(fmt.Errorf("load: panic: %v", p))
		}
	}()
	return load(ctx)
}

// away tells whether a load failed because there was nobody to ask.
func away(err error) bool {
	return fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded)
}

// sweep forgets what is too old for any use, whenever there is twice of what was left the last time.
func (r *Values[K, V]) sweep(now time.Time) {
	if len(r.known) < max(few, 2*r.swept) {
		return
	}
	for key, known := range r.known {
		if now.Sub(known.loaded) >= Lasting {
			delete(r.known, key)
		}
	}
	r.swept = len(r.known)
}

// Forget makes the next Get load, whatever is being loaded meanwhile.
func (r *Values[K, V]) Forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	delete(r.known, key)
	delete(r.loads, key)
}

// Refresh loads what was asked for since it was last loaded, so that who asks next needn't
// wait. Load gives what there is of the keys, of which there is at least one. Called
// more often than every Fresh it keeps all fresh that is in use; what nobody asks for
// grows old.
func (r *Values[K, V]) Refresh(ctx context.Context, now time.Time, load func(ctx context.Context, keys []K) (map[K]V, error)) error {
	r.mu.RLock()
	var keys []K
	for key, known := range r.known {
		if known.used.Load() {
			keys = append(keys, key)
		}
	}
	changes := r.changes
	r.mu.RUnlock()
	if len(keys) == 0 {
		return nil
	}
	values, err := load(ctx, keys)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes != changes {
		return nil
	}
	for _, key := range keys {
		value, ok := values[key]
		if !ok {
			delete(r.known, key)
			continue
		}
		r.known[key] = &dated[V]{value: value, loaded: now, tried: now}
	}
	return nil
}
