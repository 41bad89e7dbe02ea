package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// buildPatience is how long a read waits for an index that is being built: a
	// season of some ten thousand entries is ready by then.
	buildPatience = time.Second
	// buildTime bounds one building.
	buildTime = 10 * time.Minute
	buildPage = 2000
	// buildsAtOnce keeps who asks for many old seasons from using up the database.
	buildsAtOnce = 2
	// settleRounds bounds how often a read settles what others left behind.
	settleRounds = 8
)

// errNoIndex is a read that the index can't answer now.
var errNoIndex = errors.New("the index can't be asked")

// ask asks the index, which it mends or builds first if it must. It is errNoIndex
// when that takes too long, or the index can't be reached.
func (u *UseCases) ask(ctx context.Context, season ranking.Season, at ranking.Ladder, read func(ctx context.Context) (ranking.View, error)) (ranking.View, error) {
	waited := false
	for range settleRounds {
		view, err := read(ctx)
		var owed *ranking.Owed
		switch {
		case err == nil:
			return view, nil
		case errors.As(err, &owed):
			err = u.settle(ctx, season, at, owed.Intents)
		case errors.Is(err, ranking.ErrCold) && !waited:
			waited = true
			u.await(ctx, season, at)
			continue
		case errors.Is(err, ranking.ErrCold):
			return view, errNoIndex
		}
		if err != nil {
			if ctx.Err() == nil && errors.Is(err, fault.ErrUnavailable) {
				return view, fmt.Errorf("%w: %w", errNoIndex, err)
			}
			return view, fmt.Errorf("read ranks: %w", err)
		}
	}
	return ranking.View{}, errNoIndex
}

// settle tells the index what became of entries whose writers didn't. It waits for a writer
// who is at his commit; one who is not that far begins anew, as his intent is
// older than half of its time.
func (u *UseCases) settle(ctx context.Context, season ranking.Season, at ranking.Ladder, intents []ranking.Intent) error {
	var players []identity.PlayerID
	names := make([]string, len(intents))
	for i, intent := range intents {
		names[i] = intent.ID
		players = append(players, intent.Players...)
	}
	if err := u.mend(ctx, season, at, players, names...); err != nil {
		return err
	}
	u.counters.settled.Add(1)
	return nil
}

// mend tells the index what the database has of the players, and that these intents are settled.
func (u *UseCases) mend(ctx context.Context, season ranking.Season, at ranking.Ladder, of []identity.PlayerID, intents ...string) error {
	players := map[identity.PlayerID]bool{}
	for _, player := range of {
		players[player] = true
	}
	var marks []ranking.Mark
	err := u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		marks = nil
		missing := maps.Clone(players)
		look := func(players map[identity.PlayerID]bool) error {
			found, err := tx.Entries().LockMany(ctx, at.Scope, season.Ref(), slices.Collect(maps.Keys(players)))
			if err != nil {
				return fmt.Errorf("read entries: %w", err)
			}
			for _, e := range found {
				delete(missing, e.Player)
				marks = append(marks, season.Mark(e))
			}
			return nil
		}
		if err := look(players); err != nil || len(missing) == 0 {
			return err
		}
		// An entry that is being made can't be locked. It refers to its player, who can.
		for _, player := range slices.Sorted(maps.Keys(missing)) {
			if _, err := tx.Players().Lock(ctx, at.Scope, player); err != nil && !errors.Is(err, identity.ErrPlayerNotFound) {
				return fmt.Errorf("lock player: %w", err)
			}
		}
		return look(maps.Clone(missing))
	})
	if err != nil {
		return err
	}
	return u.ranks.Apply(ctx, at, marks, intents...)
}

// await builds the ladder, or waits for the one who does, in the first moments of it:
// all who wait for a long build would leave no place for other requests.
func (u *UseCases) await(ctx context.Context, season ranking.Season, at ranking.Ladder) {
	build := u.begin(season, at)
	patience := time.NewTimer(buildPatience - u.clock.Now().Sub(build.since))
	defer patience.Stop()
	select {
	case <-build.done:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// begin begins to build a ladder, unless this process is at it. It goes on when
// the one who asked has left, and ends with its time, or with the store.
func (u *UseCases) begin(season ranking.Season, at ranking.Ladder) building {
	u.mu.Lock()
	defer u.mu.Unlock()
	if build, ok := u.builds[at]; ok {
		return build
	}
	build := building{u.clock.Now(), make(chan struct{})}
	u.builds[at] = build
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), buildTime)
		defer cancel()
		// Without success whoever reads next finds a ladder that is still cold, and begins anew.
		var err error
		select {
		case u.slots <- struct{}{}:
			err = u.build(ctx, season, at)
			<-u.slots
		case <-ctx.Done():
			err = ctx.Err()
		}
		switch {
		case err == nil:
			u.counters.built.Add(1)
		case errors.Is(err, ranking.ErrBuilding), errors.Is(err, ranking.ErrBuilt): // another replica's
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

// build brings all entries of a season to its index.
func (u *UseCases) build(ctx context.Context, season ranking.Season, at ranking.Ladder) error {
	builder := u.ids.New()
	if err := u.ranks.Build(ctx, at, builder); err != nil {
		return err
	}
	var cursor ranking.Cursor
	for {
		page, next, err := u.store.Entries().All(ctx, at.Scope, season.Ref(), cursor, buildPage)
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		marks := make([]ranking.Mark, len(page))
		for i, e := range page {
			marks[i] = season.Mark(e)
		}
		if err := u.again(ctx, func() error { return u.ranks.Fill(ctx, at, builder, marks) }); err != nil {
			return fmt.Errorf("fill index: %w", err)
		}
		if len(page) < buildPage {
			return u.ranks.Finish(ctx, at, builder)
		}
		cursor = next
	}
}

const (
	buildTries = 20
	buildPause = 250 * time.Millisecond
)

// again repeats what an index refused that couldn't be reached for a moment: to begin
// anew would cost more.
func (u *UseCases) again(ctx context.Context, do func() error) error {
	pause := time.NewTimer(buildPause)
	defer pause.Stop()
	for tries := 1; ; tries++ {
		err := do()
		if !errors.Is(err, fault.ErrUnavailable) || tries == buildTries {
			return err
		}
		pause.Reset(buildPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
