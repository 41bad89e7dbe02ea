package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Refresh gives the successor of a refresh token with a new access token. The
// last used token, presented again within identity.RefreshGrace, gives the very
// same grant; an older one ends the session.
func (u *UseCases) Refresh(ctx context.Context, p tenancy.Principal, token string, device Device, effects ...once.Effect[Grant]) (Grant, error) {
	refresh, err := identity.ReadRefreshToken(token, u.refreshKey)
	if err != nil {
		return Grant{}, err
	}
	if refresh.Environment != p.Scope().Environment() {
		return Grant{}, identity.ErrRefreshToken
	}
	environment, err := u.directory.Get(ctx, refresh.Environment)
	if err != nil {
		return Grant{}, err
	}
	// Before the transaction, which must not wait for a second connection.
	key, err := u.keys.Signer(ctx, environment.Scope())
	if err != nil {
		return Grant{}, err
	}
	var session identity.Session
	var rotation identity.Rotation
	var grant Grant
	err = u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		stored, err := tx.Sessions().Lock(ctx, p.Scope(), refresh.Session)
		if errors.Is(err, identity.ErrSessionNotFound) {
			return identity.ErrSessionEnded
		}
		if err != nil {
			return fmt.Errorf("read session: %w", err)
		}
		now := u.clock.Now()
		player, err := tx.Players().Get(ctx, p.Scope(), stored.Player)
		if err != nil {
			return fmt.Errorf("read player: %w", err)
		}
		// Who ended this session needn't learn of a ban from its tokens.
		if stored.Live(now) {
			if err := player.Admit(now); err != nil {
				return err
			}
		}
		session, rotation = stored.Refresh(refresh.Generation, now, environment.Settings.RefreshTokenLifetime)
		switch rotation {
		case identity.Ended, identity.Theft:
			return nil
		case identity.Rotated:
			session = device.on(session)
			if err := tx.Players().Seen(ctx, p.Scope(), session.Player, now); err != nil {
				return fmt.Errorf("note player: %w", err)
			}
			if err := tx.Sessions().Update(ctx, p.Scope(), session); err != nil {
				return fmt.Errorf("rotate session: %w", err)
			}
		}
		if grant, err = u.grant(environment, session, key); err != nil {
			return err
		}
		return once.Tell(ctx, tx, grant, effects)
	})
	if err != nil {
		return Grant{}, err
	}
	switch rotation {
	case identity.Ended:
		return Grant{}, identity.ErrSessionEnded
	case identity.Theft:
		event := audit.By(p, audit.SessionReuseDetected, u.clock.Now()).On("session", string(session.ID))
		event.After = map[string]string{"player": string(session.Player)}
		if err := u.end(ctx, p.Scope(), session.ID, identity.Stolen, &event); err != nil {
			return Grant{}, err
		}
		return Grant{}, identity.ErrRefreshReuse
	}
	return grant, nil
}

// end revokes a session; event, if any, tells why.
func (u *UseCases) end(ctx context.Context, scope tenancy.Scope, id identity.SessionID, reason identity.RevokeReason, event *audit.Event, effects ...once.Effect[once.Nothing]) error {
	return access.Revoke(ctx, u.revocations, []string{access.SessionKey(scope, id)}, func() error {
		return u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			session, err := tx.Sessions().Lock(ctx, scope, id)
			if err != nil {
				return fmt.Errorf("read session: %w", err)
			}
			if err := tx.Sessions().Update(ctx, scope, session.Revoked(reason, u.clock.Now())); err != nil {
				return fmt.Errorf("end session: %w", err)
			}
			if event != nil {
				event.ID = u.ids.New()
				if err := tx.Audit().Append(ctx, *event); err != nil {
					return fmt.Errorf("audit: %w", err)
				}
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	})
}
