package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
)

// settleRounds bounds how often a read settles what others left behind.
const settleRounds = 8

// errNoIndex is a read that the index can't answer now.
var errNoIndex = errors.New("the index can't be asked")

// ask asks the index, which it mends or builds first if it must. It is errNoIndex
// when that takes too long, or the index can't be reached.
func (u *UseCases) ask(ctx context.Context, season ranking.Season, at ranking.Ladder, read func(ctx context.Context) (ranking.View, error)) (ranking.View, error) {
	waited := false
	for range settleRounds {
		// Whoever builds an index here is not kept from it by those who can't be answered yet.
		if build := u.known(at); build != nil && build.ours.Load() && !u.wait(ctx, build) {
			return ranking.View{}, errNoIndex
		}
		view, err := read(ctx)
		var owed *ranking.Owed
		switch {
		case err == nil:
			return view, nil
		case errors.As(err, &owed):
			err = u.settle(ctx, season, at, owed.Intents)
		case errors.Is(err, ranking.ErrCold) && !waited:
			waited = true
			u.wait(ctx, u.begin(season, at))
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
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
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
