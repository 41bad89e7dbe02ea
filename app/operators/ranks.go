package operators

import (
	"context"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// RebuildRanks leaves the rank index of a season behind (0: of the open one), so that whoever reads next
// builds another, and tells which season that is. Replicas see it within recent.Fresh.
func (u *UseCases) RebuildRanks(ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID, number int) (int, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return 0, err
	}
	season := number
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if season = number; season == 0 {
			current, err := u.leaderboard(ctx, tx, scope, id)
			if err != nil {
				return err
			}
			season = current.Season.Number
		}
		if err := tx.Boards().Renew(ctx, scope, id, season); err != nil {
			return fmt.Errorf("renew season: %w", err)
		}
		event := audit.By(p, audit.RanksRebuilt, u.parts.Clock.Now()).In(scope).On("leaderboard", string(id))
		event.After = map[string]string{"season": strconv.Itoa(season)}
		return u.record(ctx, tx, event)
	})
	u.parts.Boards.Forget(scope, id)
	return season, err
}
