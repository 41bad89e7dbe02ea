package operators

import (
	"context"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Quarantine says whom to hide, and where.
type Quarantine struct {
	Board  ranking.BoardID // empty: on every board of the environment
	Player identity.PlayerID
	Reason string
}

// Quarantine hides a player's entries from everyone but himself; see ranking.Quarantine.
func (u *UseCases) Quarantine(
	ctx context.Context, p tenancy.Principal, place Place, q Quarantine, effects ...once.Effect[leaderboards.Sequestered],
) (leaderboards.Sequestered, error) {
	if _, err := ranking.NewQuarantine(q.Board, q.Player, q.Reason, u.parts.Clock.Now()); err != nil {
		return leaderboards.Sequestered{}, err
	}
	return u.sequester(ctx, p, place, q, effects)
}

// Release lifts a quarantine. Lifting none changes nothing.
func (u *UseCases) Release(
	ctx context.Context, p tenancy.Principal, place Place, board ranking.BoardID, player identity.PlayerID, effects ...once.Effect[leaderboards.Sequestered],
) (leaderboards.Sequestered, error) {
	return u.sequester(ctx, p, place, Quarantine{Board: board, Player: player}, effects)
}

func (u *UseCases) sequester(ctx context.Context, p tenancy.Principal, place Place, q Quarantine, effects []once.Effect[leaderboards.Sequestered]) (leaderboards.Sequestered, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return leaderboards.Sequestered{}, err
	}
	change := leaderboards.Sequester{Environment: environment, Board: q.Board, Player: q.Player, Reason: q.Reason}
	return u.parts.Boards.Sequester(ctx, p, scope, change, effects...)
}

// Quarantines gives up to limit quarantines after a player, by player: of one board, or
// with none of all boards at once.
func (u *UseCases) Quarantines(ctx context.Context, p tenancy.Principal, place Place, board ranking.BoardID, after identity.PlayerID, limit int) ([]ranking.Quarantine, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Boards.Quarantines(ctx, scope, board, after, limit)
}

// Entry gives what a player has on a board, and what would move without it; see leaderboards.Inspect.
func (u *UseCases) Entry(ctx context.Context, p tenancy.Principal, place Place, board ranking.BoardID, player identity.PlayerID, window ranking.Window) (leaderboards.Inspected, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return leaderboards.Inspected{}, err
	}
	return u.parts.Boards.Inspect(ctx, scope, board, player, window)
}
