package configs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	// loadFor bounds one look with what it loads.
	loadFor = time.Minute
	// loadPatience is how long those who read wait for what is new while there is what was before: as
	// long as a change may take to show.
	loadPatience = recent.Fresh
	// unread is how long an environment's snapshot is kept that nobody reads.
	unread = 10 * time.Minute
)

// feed keeps an environment's snapshot.
type feed struct {
	configs *UseCases
	scope   tenancy.Scope
	asked   time.Time // when it was last, under configs.mu

	mu      sync.RWMutex
	now     *snapshot
	until   time.Time // from when on it has to be looked at again
	looking *look     // nil: nobody is
	changes uint64    // grows with each expire
	// changed is closed when there is another snapshot.
	changed chan struct{}
	waiters int
	stop    func() // ends the watch; there is one while somebody waits

	poked chan struct{} // makes the watch look at once

	// values are those that were read, and are still needed: of the snapshot, or of one
	// that couldn't be loaded whole. They belong to the look that is under way.
	values map[configuration.Hash][]byte
}

// look is one look whether the snapshot still holds. It outlives who began it.
type look struct {
	changes uint64        // as they were when it began
	done    chan struct{} // closed when it is over
	err     error
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

// idle tells whether nobody has asked for the feed for long. The caller has configs.mu.
func (f *feed) idle(now time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.waiters == 0 && f.looking == nil && f.asked.Add(unread).Before(now)
}

// get gives the snapshot, and what is closed when there is another. The object store may be away or slow when
// there is something new: then it is the one before.
func (f *feed) get(ctx context.Context) (*snapshot, <-chan struct{}, error) {
	s, changed, came, ok := f.fresh()
	var impatient <-chan time.Time
	for !ok {
		l := f.look(ctx)
		if s != nil && impatient == nil {
			patience := time.NewTimer(loadPatience)
			defer patience.Stop()
			impatient = patience.C
		}
		select {
		case <-l.done:
		case <-impatient:
			return s, changed, nil
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		if l.changes >= came { // else what it saw may be what a change replaced that we know of
			var unread *errUnread
			s, changed = f.latest()
			if l.err != nil && (s == nil || !errors.As(l.err, &unread)) {
				return nil, nil, l.err
			}
			return s, changed, nil
		}
		s, changed, _, ok = f.fresh()
	}
	return s, changed, nil
}

func (f *feed) fresh() (s *snapshot, changed <-chan struct{}, changes uint64, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.now, f.changed, f.changes, f.now != nil && f.configs.parts.Clock.Now().Before(f.until)
}

// look joins the look that is under way, or begins one.
func (f *feed) look(ctx context.Context) *look {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.looking != nil {
		return f.looking
	}
	l := &look{changes: f.changes, done: make(chan struct{})}
	f.looking = l
	go func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadFor)
		defer cancel()
		before, _ := f.latest()
		now := f.configs.parts.Clock.Now()
		next, err := f.attempt(within, before)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.looking = nil
		l.err = err
		if err == nil && next != before {
			f.now = next
			close(f.changed)
			f.changed = make(chan struct{})
		}
		var unread *errUnread
		// What was read before a change may be what the change replaced. What can't be
		// read is not tried for each caller.
		if f.changes == l.changes && (err == nil || before != nil && errors.As(err, &unread)) {
			f.until = now.Add(recent.Fresh)
		}
		close(l.done)
	}()
	return l
}

// attempt asks the database for the version, and loads what is new. It survives a load that panics.
func (f *feed) attempt(ctx context.Context, before *snapshot) (next *snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			next, err = nil, fault.ErrInternal.Because(fmt.Errorf("load configs: panic: %v", p))
		}
	}()
	version, err := f.configs.parts.Store.Configs().Version(ctx, f.scope)
	if err != nil {
		return nil, fmt.Errorf("read configs' version: %w", err)
	}
	if before != nil && before.version == version {
		return before, nil
	}
	if next, err = f.load(ctx); err != nil {
		return nil, fmt.Errorf("load configs: %w", err)
	}
	return next, nil
}

// latest gives the snapshot that there is, however fresh.
func (f *feed) latest() (*snapshot, <-chan struct{}) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.now, f.changed
}
