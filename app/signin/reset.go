package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Reset has a code mailed that gives the address's player another password. To an
// address that belongs to nobody nothing is mailed, and nothing else differs.
func (u *UseCases) Reset(ctx context.Context, p tenancy.Principal, email string, effects ...once.Effect[Issued]) (Issued, error) {
	address, err := identity.NewAddress("/email", email)
	if err != nil {
		return Issued{}, err
	}
	if err := u.mayHaveCode(ctx, p, address); err != nil {
		return Issued{}, err
	}
	return u.issue(ctx, p, identity.Ticket{Purpose: identity.Reset, Address: address}, u.parts.Limits.ResetTime, effects)
}

// ConfirmReset gives the player the password, with the code that was mailed, and
// ends all his sessions. Every other code to reset that was mailed before is good
// no more: whoever read the mail for a while keeps no way back in.
func (u *UseCases) ConfirmReset(ctx context.Context, p tenancy.Principal, tried TicketCode, password string, effects ...once.Effect[once.Nothing]) error {
	if err := identity.CheckPassword("/password", password, ""); err != nil {
		return err
	}
	environment, err := u.open(ctx, p)
	if err != nil {
		return err
	}
	address, err := u.provable(ctx, p, tried)
	if err != nil {
		return err
	}
	if err := identity.CheckPassword("/password", password, address); err != nil {
		return err
	}
	secret, err := u.hash(ctx, password, func() error { return nil })
	if err != nil {
		return err
	}
	subject := identity.EmailSubject(environment.ID, address)
	err = u.parts.Revoker.RevokeSessions(ctx, p.Scope(), func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		proved, err := u.prove(ctx, tx, p, identity.Reset, "", tried)
		if err != nil {
			return nil, err
		}
		login, err := tx.Players().Login(ctx, p.Scope(), identity.Email, subject)
		if errors.Is(err, identity.ErrLoginNotFound) {
			return nil, identity.ErrWrongCode
		}
		if err != nil {
			return nil, err
		}
		if _, err := tx.Players().Lock(ctx, p.Scope(), login.Player); err != nil {
			return nil, err
		}
		// The lock made this wait for another reset, which may have changed the secret.
		login, err = tx.Players().Login(ctx, p.Scope(), identity.Email, subject)
		if errors.Is(err, identity.ErrLoginNotFound) || err == nil && login.Secret != proved.Replaces {
			return nil, identity.ErrWrongCode
		}
		if err != nil {
			return nil, err
		}
		if err := tx.Players().SetSecret(ctx, p.Scope(), identity.Email, subject, secret); err != nil {
			return nil, err
		}
		ended, err := tx.Sessions().RevokeAll(ctx, p.Scope(), login.Player, identity.NewPassword, u.parts.Clock.Now())
		if err != nil {
			return nil, err
		}
		event := audit.By(p, audit.PasswordReset, u.parts.Clock.Now()).On("player", string(login.Player))
		event.ID = u.parts.IDs.New()
		if err := tx.Audit().Append(ctx, event); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		if err := u.parts.Outbox.PutPasswordChanged(ctx, tx, p.Scope(), identity.Address(login.Label)); err != nil {
			return nil, err
		}
		return ended, once.Tell(ctx, tx, once.Nothing{}, effects)
	})
	if err != nil {
		return err
	}
	u.parts.Outbox.Wake()
	return nil
}

// provable is the address of a ticket whose code is right, which is found out
// before a password is hashed. A wrong try counts.
func (u *UseCases) provable(ctx context.Context, p tenancy.Principal, tried TicketCode) (identity.Address, error) {
	hash := identity.HashTicket(p.Scope().Environment(), tried.Ticket)
	found, err := u.parts.Store.Tickets().Get(ctx, p.Scope(), hash)
	switch {
	case errors.Is(err, identity.ErrTicketNotFound):
		return "", identity.ErrWrongCode
	case err != nil:
		return "", fmt.Errorf("read ticket: %w", err)
	case found.Purpose != identity.Reset:
		return "", identity.ErrWrongCode
	}
	if found, err = replacing(ctx, u.parts.Store.Players(), p, found); err != nil {
		return "", err
	}
	if _, proof := found.Try(tried.Code, u.parts.Outbox.CodeKey(), u.parts.Limits.CodeTries, u.parts.Clock.Now()); proof == identity.Proved {
		return found.Address, nil
	}
	return "", u.proving(ctx, p, identity.Reset, "", tried, func(context.Context, datastore.Repos, identity.Ticket) error {
		return identity.ErrWrongCode // it has not become right meanwhile
	})
}
