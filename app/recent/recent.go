// Package recent remembers for a moment what was read, so that it isn't read for
// each request. A change is seen at once by the replica that made it and within
// Fresh by the others. Nothing that must take effect on the next request goes through it.
package recent

import (
	"sync"
	"time"
)

// Fresh is how long a value is used.
const Fresh = time.Second

// Values remembers values for Fresh after they were loaded. Its zero value is empty.
type Values[K comparable, V any] struct {
	mu      sync.RWMutex
	known   map[K]dated[V]
	changes uint64 // grows with each Forget
}

type dated[V any] struct {
	value V
	until time.Time
}

// Get gives the value of a key, loaded when it isn't known or no longer fresh at now.
func (r *Values[K, V]) Get(key K, now time.Time, load func() (V, error)) (V, error) {
	r.mu.RLock()
	known, ok := r.known[key]
	changes := r.changes
	r.mu.RUnlock()
	if ok && now.Before(known.until) {
		return known.value, nil
	}
	value, err := load()
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// What was loaded before a change may be what the change replaced.
	if r.changes == changes {
		if r.known == nil {
			r.known = map[K]dated[V]{}
		}
		r.known[key] = dated[V]{value, now.Add(Fresh)}
	}
	return value, nil
}

// Forget makes the next Get load, whatever is being loaded meanwhile.
func (r *Values[K, V]) Forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	delete(r.known, key)
}
