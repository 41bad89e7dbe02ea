package configs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// feed keeps an environment's snapshot.
type feed struct {
	configs *UseCases
	scope   tenancy.Scope
	// turn holds one while somebody looks whether the snapshot still holds.
	turn chan struct{}

	mu      sync.RWMutex
	now     *snapshot
	until   time.Time     // from when on it has to be looked at again
	changes uint64        // grows with each expire
	changed chan struct{} // closed when there is another snapshot
	waiters int
	stop    func() // ends the watch; there is one while somebody waits

	poked chan struct{} // makes the watch look at once
}

// expire makes the next get look.
func (f *feed) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	f.until = time.Time{}
	select {
	case f.poked <- struct{}{}:
	default: // it has been told
	}
}

// get gives the snapshot, and what is closed when there is another.
func (f *feed) get(ctx context.Context) (*snapshot, <-chan struct{}, error) {
	if s, changed, ok := f.fresh(); ok {
		return s, changed, nil
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if s, changed, ok := f.fresh(); ok { // somebody has looked meanwhile
		return s, changed, nil
	}
	return f.look(ctx)
}

func (f *feed) fresh() (*snapshot, <-chan struct{}, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.now, f.changed, f.now != nil && f.configs.clock.Now().Before(f.until)
}

// look asks the database for the version, and loads what is new. It has the turn.
func (f *feed) look(ctx context.Context) (*snapshot, <-chan struct{}, error) {
	f.mu.RLock()
	before, changes := f.now, f.changes
	f.mu.RUnlock()
	now := f.configs.clock.Now()
	version, err := f.configs.store.Configs().Version(ctx, f.scope)
	if err != nil {
		return nil, nil, fmt.Errorf("read configs' version: %w", err)
	}
	next := before
	if before == nil || before.version != version {
		if next, err = f.configs.load(ctx, f.scope, version, before); err != nil {
			return nil, nil, fmt.Errorf("load configs: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if next != before {
		f.now = next
		close(f.changed)
		f.changed = make(chan struct{})
	}
	// What was read before a change may be what the change replaced.
	if f.changes == changes {
		f.until = now.Add(recent.Fresh)
	}
	return f.now, f.changed, nil
}
