package signin

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Sessions gives up to limit live sessions of the player who calls, newest
// first, beginning before the given one.
func (u *UseCases) Sessions(ctx context.Context, p tenancy.Principal, before identity.SessionID, limit int) ([]identity.Session, error) {
	return u.parts.Store.Sessions().List(ctx, p.Scope(), identity.SessionQuery{
		Player: identity.PlayerID(p.Subject()), LiveAt: u.parts.Clock.Now(), Before: before, Limit: limit,
	})
}

// EndSession ends a session of the player who calls, his own or that of
// another device. Ending one that has ended is no error; one of somebody else
// is ErrSessionNotFound.
func (u *UseCases) EndSession(ctx context.Context, p tenancy.Principal, id identity.SessionID, effects ...once.Effect[once.Nothing]) error {
	return u.parts.Revoker.RevokeSessions(ctx, p.Scope(), func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		session, err := tx.Sessions().Lock(ctx, p.Scope(), id)
		if err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		if session.Player != identity.PlayerID(p.Subject()) {
			return nil, identity.ErrSessionNotFound
		}
		if err := tx.Sessions().Update(ctx, p.Scope(), session.Revoked(identity.ByPlayer, u.parts.Clock.Now())); err != nil {
			return nil, fmt.Errorf("end session: %w", err)
		}
		return []identity.SessionID{id}, once.Tell(ctx, tx, once.Nothing{}, effects)
	})
}

// EndSessions ends every session of the player who calls, this one too.
func (u *UseCases) EndSessions(ctx context.Context, p tenancy.Principal, effects ...once.Effect[once.Nothing]) error {
	player := identity.PlayerID(p.Subject())
	if err := u.parts.Revoker.EndAllSurplus(ctx, p.Scope(), player); err != nil {
		return err
	}
	return u.parts.Revoker.RevokeSessions(ctx, p.Scope(), func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		if _, err := tx.Players().Lock(ctx, p.Scope(), player); err != nil {
			return nil, fmt.Errorf("read player: %w", err)
		}
		ended, err := tx.Sessions().RevokeAll(ctx, p.Scope(), player, identity.ByPlayer, u.parts.Clock.Now())
		if err != nil {
			return nil, err
		}
		return ended, once.Tell(ctx, tx, once.Nothing{}, effects)
	})
}
