package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Standings are places in a season, all of one moment.
type Standings struct {
	Season ranking.Season
	Places []ranking.Place
	// Count is how many entries have a place; -1: not known.
	Count int64
	// Sequence names this state of the season's index; 0 when the database answered.
	Sequence int64
}

// countBound is how far the database counts when the index can't be asked.
const countBound = 10_000

// Top gives up to limit places of a season (0: the current one) after a position; nil
// is the beginning.
func (u *UseCases) Top(ctx context.Context, p tenancy.Principal, id ranking.BoardID, number int, after *ranking.Position, limit int) (Standings, error) {
	return u.read(ctx, p.Scope(), id, number, func(ctx context.Context, at ranking.Ladder, shared bool) (ranking.View, error) {
		return u.ranks.Top(ctx, at, after, limit, shared)
	}, func(ctx context.Context, s ranking.Season) (Standings, error) {
		if after != nil {
			return Standings{}, ranking.ErrWarming
		}
		return u.countedTop(ctx, p.Scope(), s, limit)
	})
}

// Around gives a player's place and the window around it; ErrNotRanked when he has
// none. To a player who is quarantined it shows his own as if he weren't.
func (u *UseCases) Around(ctx context.Context, p tenancy.Principal, id ranking.BoardID, number int, player identity.PlayerID, window ranking.Window) (Standings, error) {
	return u.read(ctx, p.Scope(), id, number, func(ctx context.Context, at ranking.Ladder, shared bool) (ranking.View, error) {
		view, err := u.ranks.Around(ctx, at, player, window, shared)
		if err == nil && len(view.Places) == 0 && player == self(p) {
			view, err = u.ranks.Shadow(ctx, at, player, nil, window, shared)
			view.Sequence = 0 // it is his alone
		}
		if err == nil && len(view.Places) == 0 {
			err = ranking.ErrNotRanked
		}
		return view, err
	}, func(context.Context, ranking.Season) (Standings, error) { return Standings{}, ranking.ErrWarming })
}

// Among gives the places of those players that have one, the first ahead. A player who is
// quarantined and among them sees his own as if he weren't.
func (u *UseCases) Among(ctx context.Context, p tenancy.Principal, id ranking.BoardID, number int, players []identity.PlayerID) (Standings, error) {
	players = slices.Compact(slices.Sorted(slices.Values(players)))
	found, err := u.read(ctx, p.Scope(), id, number, func(ctx context.Context, at ranking.Ladder, shared bool) (ranking.View, error) {
		return u.among(ctx, at, players, self(p), shared)
	}, func(ctx context.Context, s ranking.Season) (Standings, error) {
		return u.countedOne(ctx, p.Scope(), s, players, self(p))
	})
	slices.SortFunc(found.Places, ranking.Compare)
	return found, err
}

// self is the player who asks; empty when it is no player.
func self(p tenancy.Principal) identity.PlayerID {
	caller, _ := identity.Caller(p)
	return caller
}

// among finds the places of players, with the one of those that is hidden from all but himself.
func (u *UseCases) among(ctx context.Context, at ranking.Ladder, players []identity.PlayerID, self identity.PlayerID, shared bool) (ranking.View, error) {
	for range settleRounds {
		view, err := u.ranks.Find(ctx, at, players, shared)
		own := func(p ranking.Place) bool { return p.Player == self }
		if err != nil || !slices.Contains(players, self) || slices.ContainsFunc(view.Places, own) {
			return view, err
		}
		shadow, err := u.ranks.Shadow(ctx, at, self, nil, ranking.Window{}, shared)
		switch {
		case err != nil:
			return view, err
		case shadow.Sequence != view.Sequence:
			continue // of another moment
		case len(shadow.Places) == 0:
			return view, nil
		}
		slices.SortFunc(view.Places, ranking.Compare)
		return ranking.View{Count: shadow.Count, Places: ranking.With(view.Places, shadow.Places[0], shared)}, nil
	}
	return ranking.View{}, errNoIndex
}

// One gives a player's place; ErrNotRanked when he has none.
func (u *UseCases) One(ctx context.Context, p tenancy.Principal, id ranking.BoardID, number int, player identity.PlayerID) (Standings, error) {
	found, err := u.Among(ctx, p, id, number, []identity.PlayerID{player})
	if err == nil && len(found.Places) == 0 {
		err = ranking.ErrNotRanked
	}
	return found, err
}

// read asks the index, and the database when the index can't be asked.
func (u *UseCases) read(
	ctx context.Context, scope tenancy.Scope, id ranking.BoardID, number int,
	index func(ctx context.Context, at ranking.Ladder, shared bool) (ranking.View, error), database func(ctx context.Context, s ranking.Season) (Standings, error),
) (Standings, error) {
	season, err := u.season(ctx, place{scope, id}, number)
	if err != nil {
		return Standings{}, err
	}
	at := ladderOf(scope, season)
	view, err := u.ask(ctx, season, at, func(ctx context.Context) (ranking.View, error) {
		return index(ctx, at, season.Rules.TieBreak == ranking.Shared)
	})
	switch {
	case errors.Is(err, errNoIndex):
		u.counters.without.Add(1)
		standings, err := database(ctx, season)
		standings.Season = season
		return standings, err
	case err != nil:
		return Standings{}, err
	}
	return Standings{Season: season, Places: view.Places, Count: view.Count, Sequence: view.Sequence}, nil
}

// countedTop is a first page as the database has it.
func (u *UseCases) countedTop(ctx context.Context, scope tenancy.Scope, s ranking.Season, limit int) (Standings, error) {
	entries, err := u.parts.Store.Entries().Top(ctx, scope, s.Ref(), limit)
	if err != nil {
		return Standings{}, fmt.Errorf("read entries: %w", err)
	}
	standings := Standings{Count: -1, Places: make([]ranking.Place, len(entries))}
	if len(entries) < limit {
		standings.Count = int64(len(entries))
	}
	for i, e := range entries {
		standings.Places[i] = placeOf(s, e, int64(i))
		if i > 0 && s.Rules.TieBreak == ranking.Shared && e.Run == entries[i-1].Run {
			standings.Places[i].Rank = standings.Places[i-1].Rank
		}
	}
	return standings, nil
}

// countedOne is a player's place as the database counts it, if it needn't count far.
// Several would be of several moments.
func (u *UseCases) countedOne(ctx context.Context, scope tenancy.Scope, s ranking.Season, players []identity.PlayerID, self identity.PlayerID) (Standings, error) {
	if len(players) != 1 {
		return Standings{}, ranking.ErrWarming
	}
	one, err := u.parts.Store.Entries().Standing(ctx, scope, s.Ref(), players[0], countBound, s.Rules.TieBreak == ranking.Shared)
	switch {
	case errors.Is(err, ranking.ErrNotRanked) && players[0] == self:
		// It would have to be counted among those that it isn't among.
		own, err := u.parts.Store.Entries().LockMany(ctx, scope, s.Ref(), players)
		if err != nil {
			return Standings{}, fmt.Errorf("read entry: %w", err)
		}
		if len(own) > 0 && own[0].Hidden && !own[0].Removed() {
			return Standings{}, ranking.ErrWarming
		}
		return Standings{Count: -1, Places: []ranking.Place{}}, nil
	case errors.Is(err, ranking.ErrNotRanked):
		return Standings{Count: -1, Places: []ranking.Place{}}, nil
	case err != nil:
		return Standings{}, fmt.Errorf("read standing: %w", err)
	case one.Ahead >= countBound:
		return Standings{}, ranking.ErrWarming
	}
	return Standings{Count: -1, Places: []ranking.Place{placeOf(s, one.Entry, one.Ahead)}}, nil
}

func placeOf(s ranking.Season, e ranking.Entry, ahead int64) ranking.Place {
	return ranking.Place{Rank: ahead + 1, Player: e.Player, Key: s.Rules.Key(e.Run, e.AchievedAt), Metadata: e.Metadata}
}
