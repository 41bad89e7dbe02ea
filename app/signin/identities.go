package signin

import (
	"context"
	"fmt"
	"slices"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Identities gives the ways in which the player who calls signs in.
func (u *UseCases) Identities(ctx context.Context, p tenancy.Principal) ([]identity.Login, error) {
	return u.parts.Store.Players().Logins(ctx, p.Scope(), identity.PlayerID(p.Subject()))
}

// LinkEmail has a code mailed that lets the player who calls sign in with the
// address and the password from then on. ErrEmailLinked when he has an address.
func (u *UseCases) LinkEmail(ctx context.Context, p tenancy.Principal, email, password string, effects ...once.Effect[Issued]) (Issued, error) {
	logins, err := u.Identities(ctx, p)
	if err != nil {
		return Issued{}, err
	}
	if slices.ContainsFunc(logins, byEmail) {
		return Issued{}, identity.ErrEmailLinked
	}
	return u.propose(ctx, p, identity.Link, identity.PlayerID(p.Subject()), email, password, effects)
}

func byEmail(l identity.Login) bool { return l.Method == identity.Email }

// VerifyEmail links the address with the code that was mailed. ErrLoginTaken when
// it belongs to a player by now.
func (u *UseCases) VerifyEmail(ctx context.Context, p tenancy.Principal, tried TicketCode, effects ...once.Effect[identity.Login]) (identity.Login, error) {
	environment, err := u.open(ctx, p)
	if err != nil {
		return identity.Login{}, err
	}
	id := identity.PlayerID(p.Subject())
	var linked identity.Login
	err = u.proving(ctx, p, identity.Link, id, tried, func(ctx context.Context, tx datastore.Repos, proved identity.Ticket) error {
		if _, err := tx.Players().Lock(ctx, p.Scope(), id); err != nil {
			return err
		}
		logins, err := tx.Players().Logins(ctx, p.Scope(), id)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(logins, byEmail) {
			return identity.ErrEmailLinked
		}
		linked = identity.EmailLogin(environment.ID, proved.Address, proved.Secret)
		linked.Player, linked.CreatedAt = id, u.parts.Clock.Now()
		if err := tx.Players().Link(ctx, p.Scope(), linked); err != nil {
			return err
		}
		event := audit.By(p, audit.EmailLinked, linked.CreatedAt).On("player", string(id))
		event.ID = u.parts.IDs.New()
		if err := tx.Audit().Append(ctx, event); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		return once.Tell(ctx, tx, linked, effects)
	})
	if err != nil {
		return identity.Login{}, err
	}
	return linked, nil
}
