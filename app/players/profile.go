package players

import (
	"context"
	"fmt"
	"slices"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// EditProfile changes what the player who calls tells of himself. With
// versions, one of them must be the stored one: ErrProfileStale otherwise, with
// the player as he is.
func (u *UseCases) EditProfile(ctx context.Context, p tenancy.Principal, edit identity.ProfileEdit, versions []int64, effects ...once.Effect[identity.Player]) (identity.Player, error) {
	var next identity.Player
	err := u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		current, err := tx.Players().Lock(ctx, p.Scope(), identity.PlayerID(p.Subject()))
		if err != nil {
			return fmt.Errorf("read player: %w", err)
		}
		if len(versions) > 0 && !slices.Contains(versions, current.Version) {
			return identity.ErrProfileStale.WithCurrent(current)
		}
		if next, err = current.Edited(edit); err != nil {
			return err
		}
		if err := tx.Players().Update(ctx, p.Scope(), next); err != nil {
			return err
		}
		return once.Tell(ctx, tx, next, effects)
	})
	return next, err
}
