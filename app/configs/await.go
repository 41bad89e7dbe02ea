package configs

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	// MostWait is how long a caller may wait for a change.
	MostWait = time.Minute
	// lookEvery is how often a replica looks for changes that others made, for all who wait in
	// an environment together. It asks the database for one number.
	lookEvery = 500 * time.Millisecond
	// lookFor bounds one look.
	lookFor = 5 * time.Second
)

// Await is Read, but while the caller has what he would get it waits for something
// else, at most so long. A change wakes the callers of the replica that made it at
// once, and those of all others within a second, whatever the cache is doing: what
// tells them is the database. So does a moment at which a rule begins or ends. It is
// ErrManyPolls or ErrTooManyWaiting when there is no room for one more at this replica, of the caller
// at this address or of all.
func (u *UseCases) Await(ctx context.Context, p tenancy.Principal, address netip.Addr, query Query, has func(tag string) bool, longest time.Duration) (*Answer, error) {
	leave, err := u.polls.enter(p, address)
	if err != nil {
		return nil, err
	}
	defer leave()
	scope, facts := p.Scope(), query.facts(p)
	f := u.feed(scope)
	defer f.attend()()
	over := time.NewTimer(min(longest, MostWait))
	defer over.Stop()
	s, changed, err := f.get(ctx)
	for {
		if err != nil {
			return nil, err
		}
		environment, err := u.parts.Directory.Get(ctx, scope.Environment())
		if err != nil {
			return nil, fmt.Errorf("find environment: %w", err)
		}
		now := environment.Now(u.parts.Clock.Now())
		answer := s.answer(facts, query.Names, now)
		if !has(answer.Tag) {
			return answer, nil
		}
		if ended := f.rest(ctx, changed, over, s.next(now), now); ended {
			return answer, ctx.Err()
		}
		s, changed = f.latest()
	}
}

// rest waits for a change; ended is true when the caller is to be answered as it is.
func (f *feed) rest(ctx context.Context, changed <-chan struct{}, over *time.Timer, next, now time.Time) (ended bool) {
	var due <-chan time.Time
	if !next.IsZero() && next.Sub(now) < MostWait {
		timer := time.NewTimer(next.Sub(now))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-changed:
		return false
	case <-due:
		return false
	case <-over.C:
	case <-ctx.Done():
	case <-f.configs.ending:
	}
	return true
}

// EndWaits answers all who wait, and whoever comes to wait, because the process ends.
func (u *UseCases) EndWaits() { u.end() }

// attend has the feed looked at while somebody waits, until what it gives is called.
func (f *feed) attend() (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiters++; f.waiters == 1 {
		ctx, stop := context.WithCancel(context.Background())
		f.stop = stop
		go f.watch(ctx)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.waiters--; f.waiters == 0 {
			f.stop()
		}
	}
}

// watch looks now and then, and at once when it is poked, until ctx ends. What a look
// fails with, the next one or whoever reads next finds out.
func (f *feed) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-f.poked:
		}
		f.check(ctx)
	}
}

func (f *feed) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	select {
	case <-f.look(ctx).done:
	case <-ctx.Done():
	}
}

// next is when what is chosen may change by time alone; zero: never.
func (s *snapshot) next(now time.Time) time.Time {
	var next time.Time
	for _, one := range s.configs {
		if at := one.release.NextChange(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
