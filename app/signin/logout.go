package signin

import (
	"context"
	"errors"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Logout ends the player's session: its access token is refused from the next
// request on, on every replica. Ending one that has ended is no error.
func (u *UseCases) Logout(ctx context.Context, p tenancy.Principal, effects ...once.Effect[once.Nothing]) error {
	err := u.end(ctx, p.Scope(), identity.SessionID(p.Session()), identity.LoggedOut, nil, effects...)
	if errors.Is(err, identity.ErrSessionNotFound) {
		return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	}
	return err
}
