package signin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/coalesce"
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
	environment, err := u.parts.Directory.Get(ctx, refresh.Environment)
	if err != nil {
		return Grant{}, err
	}
	key, err := u.parts.Keys.Signer(ctx, environment.Scope()) // before the transaction, which must not wait for a second connection
	if err != nil {
		return Grant{}, err
	}
	return u.rotations.join(ctx, rotation{principal: p, environment: environment, key: key, token: refresh, device: device, effects: effects}, effects)
}

// rotation is a refresh token that was presented.
type rotation struct {
	principal   tenancy.Principal
	environment tenancy.Environment
	key         identity.SigningKey
	token       identity.RefreshToken
	device      Device
	effects     []once.Effect[Grant]
}

func (r rotation) scope() tenancy.Scope { return r.principal.Scope() }

// rotate does with each token what becomes it, all in one transaction, and ends
// the sessions of those that were stolen after it.
func (u *UseCases) rotate(ctx context.Context, rotations []rotation) ([]granted, error) {
	var done []granted
	var stolen map[int]identity.Session
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		done, stolen = make([]granted, len(rotations)), map[int]identity.Session{}
		now := u.parts.Clock.Now()
		return coalesce.ByScope(rotations, rotation.scope, func(scope tenancy.Scope, at []int) error {
			return u.rotateAt(ctx, tx, scope, now, rotations, at, done, stolen)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("rotate sessions: %w", err)
	}
	for n, session := range stolen {
		event := audit.By(rotations[n].principal, audit.SessionReuseDetected, u.parts.Clock.Now()).On("session", string(session.ID))
		event.After = map[string]string{"player": string(session.Player)}
		if done[n].err = u.end(ctx, rotations[n].scope(), session.ID, identity.Stolen, &event); done[n].err == nil {
			done[n].err = identity.ErrRefreshReuse
		}
	}
	return done, nil
}

// rotateAt does the tokens of one environment, in their order: of two that are the
// same the second finds what the first has done.
func (u *UseCases) rotateAt(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, now time.Time, rotations []rotation, at []int, done []granted, stolen map[int]identity.Session) error {
	ids := make([]identity.SessionID, len(at))
	for i, n := range at {
		ids[i] = rotations[n].token.Session
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	owners, err := tx.Players().LockOwners(ctx, scope, ids)
	if err != nil {
		return fmt.Errorf("read players: %w", err)
	}
	players := make(map[identity.PlayerID]identity.Player, len(owners))
	for _, player := range owners {
		players[player.ID] = player
	}
	locked, err := tx.Sessions().LockMany(ctx, scope, ids)
	if err != nil {
		return fmt.Errorf("read sessions: %w", err)
	}
	sessions := make(map[identity.SessionID]identity.Session, len(locked))
	for _, session := range locked {
		sessions[session.ID] = session
	}
	rotated := map[identity.SessionID]identity.Session{}
	var seen []identity.PlayerID
	for _, n := range at {
		r := rotations[n]
		session, ok := sessions[r.token.Session]
		player, owned := players[session.Player]
		if !ok || !owned {
			done[n].err = identity.ErrSessionEnded
			continue
		}
		// Who ended this session needn't learn of a ban from its tokens.
		if session.Live(now) {
			if err := player.Admit(now); err != nil {
				done[n].err = err
				continue
			}
		}
		next, outcome := session.Refresh(r.token.Generation, now, r.environment.Settings.RefreshTokenLifetime)
		switch outcome {
		case identity.Ended:
			done[n].err = identity.ErrSessionEnded
			continue
		case identity.Theft:
			stolen[n] = next
			sessions[next.ID] = next
			continue
		case identity.Rotated:
			next = r.device.on(next)
			rotated[next.ID] = next
			sessions[next.ID] = next
			if player.Unseen(now) {
				seen = append(seen, next.Player)
			}
		}
		if done[n].grant, err = u.grant(r.environment, next, r.key); err != nil {
			return err
		}
	}
	if err := tx.Players().Seen(ctx, scope, now, seen...); err != nil {
		return fmt.Errorf("note players: %w", err)
	}
	if err := tx.Sessions().Update(ctx, scope, slices.Collect(maps.Values(rotated))...); err != nil {
		return err
	}
	for _, n := range at {
		if _, theft := stolen[n]; theft || done[n].err != nil {
			continue
		}
		if err := once.Tell(ctx, tx, done[n].grant, rotations[n].effects); err != nil {
			return err
		}
	}
	return nil
}

// end revokes a session; event, if any, tells why.
func (u *UseCases) end(ctx context.Context, scope tenancy.Scope, id identity.SessionID, reason identity.RevokeReason, event *audit.Event, effects ...once.Effect[once.Nothing]) error {
	return u.parts.Revoker.Revoke(ctx, []string{access.SessionKey(scope, id)}, func() error {
		return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			session, err := tx.Sessions().Lock(ctx, scope, id)
			if err != nil {
				return fmt.Errorf("read session: %w", err)
			}
			if err := tx.Sessions().Update(ctx, scope, session.Revoked(reason, u.parts.Clock.Now())); err != nil {
				return fmt.Errorf("end session: %w", err)
			}
			if event != nil {
				event.ID = u.parts.IDs.New()
				if err := tx.Audit().Append(ctx, *event); err != nil {
					return fmt.Errorf("audit: %w", err)
				}
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	})
}
