package access

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/revocation"
)

// EndSurplus ends live sessions of those players who have more than most, all but the newest most and at most
// step of each player, and tells how many it ended. They are deleted, since a client that signs in over and over could else fill the database with
// what it leaves; on every replica the next request finds them gone.
func EndSurplus(
	ctx context.Context, memory revocation.Memory, store datastore.Datastore, scope tenancy.Scope, now time.Time, most, step int, players ...identity.PlayerID,
) (int, error) {
	over, err := store.Sessions().Surplus(ctx, scope, players, now, most, step)
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
	err = Revoke(ctx, memory, keys, func() error {
		_, err := store.Sessions().Delete(ctx, scope, over...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end surplus sessions: %w", err)
	}
	return len(over), nil
}

// surplusStep is how many EndAllSurplus ends at once.
const surplusStep = 500

// EndAllSurplus is EndSurplus of one player until he has no more than most: before what is done to all of
// his sessions at once, which might be too many for one transaction.
func EndAllSurplus(ctx context.Context, memory revocation.Memory, store datastore.Datastore, scope tenancy.Scope, now time.Time, most int, player identity.PlayerID) error {
	for {
		if ended, err := EndSurplus(ctx, memory, store, scope, now, most, surplusStep, player); err != nil || ended == 0 {
			return err
		}
	}
}
