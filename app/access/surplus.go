package access

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// EndSurplus ends live sessions of those players who have more than most, all but the newest most and at most
// step of each player, and tells how many it ended. They are deleted, since a client that signs in over and over could else fill the database with
// what it leaves; on every replica the next request finds them gone.
func (r *Revoker) EndSurplus(ctx context.Context, scope tenancy.Scope, most, step int, players ...identity.PlayerID) (int, error) {
	over, err := r.store.Sessions().Surplus(ctx, scope, players, r.clock.Now(), most, step)
	if err != nil {
		return 0, fmt.Errorf("find surplus sessions: %w", err)
	}
	if len(over) == 0 {
		return 0, nil
	}
	keys := make([]string, len(over))
	for i, session := range over {
		keys[i] = SessionKey(scope, session.ID)
	}
	err = r.Revoke(ctx, keys, func() error {
		_, err := r.store.Sessions().Delete(ctx, scope, over...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end surplus sessions: %w", err)
	}
	return len(over), nil
}

// surplusStep is how many EndAllSurplus ends at once.
const surplusStep = 500

// EndAllSurplus is EndSurplus of one player until he has no more than a player may have: before what is done to all of
// his sessions at once, which might be too many for one transaction.
func (r *Revoker) EndAllSurplus(ctx context.Context, scope tenancy.Scope, player identity.PlayerID) error {
	for {
		if ended, err := r.EndSurplus(ctx, scope, r.most, surplusStep, player); err != nil || ended == 0 {
			return err
		}
	}
}
