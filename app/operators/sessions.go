package operators

import (
	"context"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Sessions gives up to limit sessions of a player, those that ended lately
// too, newest first, beginning before the given one.
func (u *UseCases) Sessions(ctx context.Context, p tenancy.Principal, place Place, player identity.PlayerID, before identity.SessionID, limit int) ([]identity.Session, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	if _, err := u.parts.Store.Players().Get(ctx, scope, player); err != nil {
		return nil, fmt.Errorf("find player: %w", err)
	}
	return u.parts.Store.Sessions().List(ctx, scope, identity.SessionQuery{Player: player, Before: before, Limit: limit})
}

// RevokeSession ends a session of a player. Ending one that has ended changes
// nothing and is audited all the same.
func (u *UseCases) RevokeSession(ctx context.Context, p tenancy.Principal, place Place, player identity.PlayerID, id identity.SessionID, effects ...once.Effect[once.Nothing]) error {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	return u.parts.Revoker.RevokeSessions(ctx, scope, func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		session, err := tx.Sessions().Lock(ctx, scope, id)
		if err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		if session.Player != player {
			return nil, identity.ErrSessionNotFound
		}
		now := u.parts.Clock.Now()
		if err := tx.Sessions().Update(ctx, scope, session.Revoked(identity.Operator, now)); err != nil {
			return nil, fmt.Errorf("end session: %w", err)
		}
		event := audit.By(p, audit.SessionRevoked, now).In(scope).On("session", string(id))
		event.After = map[string]string{"player": string(player)}
		if err := u.record(ctx, tx, event); err != nil {
			return nil, err
		}
		return []identity.SessionID{id}, once.Tell(ctx, tx, once.Nothing{}, effects)
	})
}

// RevokeSessions ends all sessions of a player.
func (u *UseCases) RevokeSessions(ctx context.Context, p tenancy.Principal, place Place, player identity.PlayerID, effects ...once.Effect[once.Nothing]) error {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	if err := u.parts.Revoker.EndAllSurplus(ctx, scope, player); err != nil {
		return err
	}
	return u.parts.Revoker.RevokeSessions(ctx, scope, func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		if _, err := tx.Players().Lock(ctx, scope, player); err != nil {
			return nil, fmt.Errorf("find player: %w", err)
		}
		now := u.parts.Clock.Now()
		ended, err := tx.Sessions().RevokeAll(ctx, scope, player, identity.Operator, now)
		if err != nil {
			return nil, err
		}
		event := audit.By(p, audit.SessionsRevoked, now).In(scope).On("player", string(player))
		event.After = map[string]string{"sessions": strconv.Itoa(len(ended))}
		if err := u.record(ctx, tx, event); err != nil {
			return nil, err
		}
		return ended, once.Tell(ctx, tx, once.Nothing{}, effects)
	})
}
