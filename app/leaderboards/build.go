package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
)

const (
	// buildPatience is how long a read waits for an index that is being built: a
	// season of some ten thousand entries is ready by then.
	buildPatience = time.Second
	// buildTime bounds one building.
	buildTime = 10 * time.Minute
	buildPage = 2000
	// buildPause is how long a builder waits for what can't be reached, or for another replica's building.
	buildPause = 250 * time.Millisecond
	// buildsAtOnce keeps who asks for many old seasons from using up the database.
	buildsAtOnce = 2
)

// errLeftBehind is an index that nobody asks any more: what is built of it is for nothing.
var errLeftBehind = errors.New("the index was left behind")

// building is an index that this process sees to.
type building struct {
	since time.Time
	// ours tells that it is built here and now: it is cold until done.
	ours atomic.Bool
	done chan struct{} // closed when it is over
}

// known gives what is under way for a ladder in this process; nil for nothing.
func (u *UseCases) known(at ranking.Ladder) *building {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.builds[at]
}

// wait waits for a building, in its first moments, and tells whether it is over: all
// who wait for a long one would leave no place for other requests.
func (u *UseCases) wait(ctx context.Context, build *building) bool {
	patience := time.NewTimer(buildPatience - u.parts.Clock.Now().Sub(build.since))
	defer patience.Stop()
	select {
	case <-build.done:
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	return false
}

// begin begins to see to a ladder, unless this process is at it. It goes on when
// the one who asked has left, and ends with its time, or with the store.
func (u *UseCases) begin(season ranking.Season, at ranking.Ladder) *building {
	u.mu.Lock()
	defer u.mu.Unlock()
	if build, ok := u.builds[at]; ok {
		return build
	}
	build := &building{since: u.parts.Clock.Now(), done: make(chan struct{})}
	u.builds[at] = build
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), buildTime)
		defer cancel()
		// Without success whoever reads next finds a ladder that is still cold, and begins anew.
		switch err := u.see(ctx, season, at, build); {
		case err == nil:
			u.counters.built.Add(1)
		case errors.Is(err, ranking.ErrBuilt), errors.Is(err, errLeftBehind):
		default:
			u.counters.failed.Add(1)
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.builds, at)
		close(build.done)
	}()
	return build
}

// see sees to it that a ladder is built: here, or by another replica, from which it takes
// over should that one fall silent.
func (u *UseCases) see(ctx context.Context, season ranking.Season, at ranking.Ladder, build *building) error {
	for {
		select {
		case u.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := u.build(ctx, season, at, build)
		<-u.slots
		if !errors.Is(err, ranking.ErrBuilding) {
			return err
		}
		if err := u.rest(ctx, at); err != nil {
			return err
		}
	}
}

// build brings all entries of a season to its index. What can't be reached for a while is
// waited for: to begin anew would cost more.
func (u *UseCases) build(ctx context.Context, season ranking.Season, at ranking.Ladder, build *building) error {
	builder := u.parts.IDs.New()
	again := func(do func() error) error {
		for {
			if err := do(); !errors.Is(err, fault.ErrUnavailable) {
				return err
			}
			if err := u.rest(ctx, at); err != nil {
				return err
			}
		}
	}
	if err := again(func() error { return u.ranks.Build(ctx, at, builder) }); err != nil {
		return err
	}
	build.ours.Store(true)
	defer build.ours.Store(false)
	var cursor ranking.Cursor
	for {
		if err := u.stands(ctx, at); err != nil {
			return err
		}
		var page []ranking.Entry
		err := again(func() error {
			found, next, err := u.parts.Store.Entries().All(ctx, at.Scope, season.Ref(), cursor, buildPage)
			if err == nil {
				page, cursor = found, next
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		marks := make([]ranking.Mark, len(page))
		for i, e := range page {
			marks[i] = season.Mark(e)
		}
		if err := again(func() error { return u.ranks.Fill(ctx, at, builder, marks) }); err != nil {
			return fmt.Errorf("fill index: %w", err)
		}
		if len(page) < buildPage {
			return again(func() error { return u.ranks.Finish(ctx, at, builder) })
		}
	}
}

// rest lets a builder wait a little, and tells whether it should go on.
func (u *UseCases) rest(ctx context.Context, at ranking.Ladder) error {
	pause := time.NewTimer(buildPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return u.stands(ctx, at)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stands fails with errLeftBehind when a ladder isn't its season's any more.
func (u *UseCases) stands(ctx context.Context, at ranking.Ladder) error {
	season, err := u.parts.Store.Boards().Season(ctx, at.Scope, at.Board, at.Season)
	switch {
	case errors.Is(err, ranking.ErrSeasonNotFound), err == nil && season.Epoch != at.Epoch:
		return errLeftBehind
	case errors.Is(err, fault.ErrUnavailable): // nobody can have moved it either
		return nil
	case err != nil:
		return fmt.Errorf("find season: %w", err)
	}
	return nil
}
