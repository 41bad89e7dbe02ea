package leaderboards

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Remove takes a player's entry out of the current season; ErrNotRanked when there is none.
func (u *UseCases) Remove(ctx context.Context, p tenancy.Principal, id ranking.BoardID, player identity.PlayerID, effects ...once.Effect[once.Nothing]) error {
	return u.alter(ctx, p, id, work{player: player, action: audit.EntryRemoved, apply: func(_ ranking.Board, season ranking.Season, before *ranking.Entry, now time.Time) (ranking.Entry, ranking.Receipt, error) {
		if before == nil {
			return ranking.Entry{}, ranking.Receipt{}, ranking.ErrNotRanked
		}
		next, err := before.Remove(now)
		return next, ranking.Receipt{Player: player, Season: season.Number, Previous: &before.Run}, err
	}}, effects)
}

// Restore undoes a removal in the current season; ErrNotRemoved when there is none to undo.
func (u *UseCases) Restore(ctx context.Context, p tenancy.Principal, id ranking.BoardID, player identity.PlayerID, effects ...once.Effect[once.Nothing]) error {
	return u.alter(ctx, p, id, work{player: player, action: audit.EntryRestored, apply: func(_ ranking.Board, season ranking.Season, before *ranking.Entry, now time.Time) (ranking.Entry, ranking.Receipt, error) {
		if before == nil {
			return ranking.Entry{}, ranking.Receipt{}, ranking.ErrNotRemoved
		}
		next, err := before.Restore(now)
		return next, ranking.Receipt{Player: player, Season: season.Number, Current: &before.Run}, err
	}}, effects)
}

// alter does one work that has nothing to tell.
func (u *UseCases) alter(ctx context.Context, p tenancy.Principal, id ranking.BoardID, one work, effects []once.Effect[once.Nothing]) error {
	received, err := u.moment(ctx, p.Scope())
	if err != nil {
		return err
	}
	if _, err := u.current(ctx, place{p.Scope(), id}, received); err != nil {
		return err
	}
	var tell once.Effect[[]ranking.Receipt]
	if once.Wanted(effects) {
		tell = func(ctx context.Context, tx datastore.Repos, _ []ranking.Receipt) error {
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		}
	}
	_, err = u.do(ctx, group{principal: p, received: received, board: id, works: []work{one}, effects: []once.Effect[[]ranking.Receipt]{tell}})
	return whole(err)
}
