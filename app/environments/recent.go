package environments

import (
	"sync"
	"time"
)

// recent remembers values for Fresh after they were loaded. Its zero value is empty.
type recent[K comparable, V any] struct {
	mu      sync.RWMutex
	known   map[K]dated[V]
	changes uint64 // grows with each forget
}

type dated[V any] struct {
	value V
	until time.Time
}

// get gives the value of a key, loaded when it isn't known or no longer fresh at now.
func (r *recent[K, V]) get(key K, now time.Time, load func() (V, error)) (V, error) {
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

// forget makes the next get load, whatever is being loaded meanwhile.
func (r *recent[K, V]) forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	delete(r.known, key)
}
