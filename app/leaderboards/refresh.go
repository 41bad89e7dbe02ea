package leaderboards

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// boardsPage is how many boards are read at once.
const boardsPage = 200

// Refresh reads the boards and seasons in use again, with two statements an environment, so that
// readers needn't: called more often than every recent.Fresh, they ask the database nothing.
func (u *UseCases) Refresh(ctx context.Context) error {
	now := u.parts.Clock.Now()
	err := u.boards.Refresh(ctx, now, func(ctx context.Context, places []place) (map[place]current, error) {
		wanted := map[tenancy.Scope][]ranking.BoardID{}
		for _, at := range places {
			wanted[at.scope] = append(wanted[at.scope], at.board)
		}
		found := make(map[place]current, len(places))
		for scope, ids := range wanted {
			if err := u.readAll(ctx, scope, ids, found); err != nil {
				return nil, err
			}
		}
		return found, nil
	})
	return errors.Join(err, u.seasons.Refresh(ctx, now, func(ctx context.Context, all []term) (map[term]ranking.Season, error) {
		found := make(map[term]ranking.Season, len(all))
		for _, one := range all {
			season, err := u.parts.Store.Boards().Season(ctx, one.scope, one.board, one.number)
			switch {
			case errors.Is(err, ranking.ErrSeasonNotFound):
				continue
			case err != nil:
				return nil, fmt.Errorf("find season: %w", err)
			}
			found[one] = season
		}
		return found, nil
	}))
}

// readAll reads boards of an environment, and their open seasons.
func (u *UseCases) readAll(ctx context.Context, scope tenancy.Scope, ids []ranking.BoardID, found map[place]current) error {
	boards := map[ranking.BoardID]ranking.Board{}
	for after := ranking.BoardID(""); ; {
		page, err := u.parts.Store.Boards().List(ctx, scope, after, boardsPage)
		if err != nil {
			return fmt.Errorf("list leaderboards: %w", err)
		}
		for _, board := range page {
			boards[board.ID] = board
			after = board.ID
		}
		if len(page) < boardsPage {
			break
		}
	}
	var open []ranking.SeasonRef
	for _, id := range ids {
		if board, ok := boards[id]; ok {
			open = append(open, ranking.SeasonRef{Board: id, Number: board.Season})
		}
	}
	seasons, err := u.parts.Store.Boards().Hold(ctx, scope, open)
	if err != nil {
		return fmt.Errorf("find seasons: %w", err)
	}
	for _, season := range seasons {
		// One that ended in between is found by who asks next.
		if season.State == ranking.Open {
			found[place{scope, season.Board}] = current{boards[season.Board], season}
		}
	}
	return nil
}
