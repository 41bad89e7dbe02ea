package signin

import (
	"context"
	"errors"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Logout ends the player's session: its access token is refused from the next
// request on, on every replica. Ending one that has ended is no error.
func (u *UseCases) Logout(ctx context.Context, p tenancy.Principal) error {
	err := u.end(ctx, p.Scope(), identity.SessionID(p.Session()), identity.LoggedOut, nil)
	if errors.Is(err, identity.ErrSessionNotFound) {
		return nil
	}
	return err
}
