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
//
// Where somebody else has deleted some of them meanwhile, it does so again: of two who count on each other's, both would leave theirs.
func (r *Revoker) EndSurplus(ctx context.Context, scope tenancy.Scope, most, step int, players ...identity.PlayerID) (int, error) {
	for ended := 0; ; {
		over, err := r.store.Sessions().Surplus(ctx, scope, players, r.clock.Now(), most, step)
		if err != nil {
			return ended, fmt.Errorf("find surplus sessions: %w", err)
		}
		if len(over) == 0 {
			return ended, nil
		}
		keys := make([]string, len(over))
		for i, session := range over {
			keys[i] = SessionKey(scope, session.ID)
		}
		var deleted int
		err = r.Revoke(ctx, keys, func() (err error) {
			deleted, err = r.store.Sessions().Delete(ctx, scope, over...)
			return err
		})
		if err != nil {
			return ended, fmt.Errorf("end surplus sessions: %w", err)
		}
		if ended += deleted; deleted == len(over) {
			return ended, nil
		}
	}
}

// SurplusStep is how many to end at once of a player who may have any number.
const SurplusStep = 500

// EndAllSurplus is EndSurplus of one player until he has no more than a player may have: before what is done to all of
// his sessions at once, which might be too many for one transaction.
func (r *Revoker) EndAllSurplus(ctx context.Context, scope tenancy.Scope, player identity.PlayerID) error {
	for {
		if ended, err := r.EndSurplus(ctx, scope, r.most, SurplusStep, player); err != nil || ended == 0 {
			return err
		}
	}
}
