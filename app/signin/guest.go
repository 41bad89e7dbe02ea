package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Guest signs a device in by its secret: as the player it belongs to, or as a
// new one. A device without a secret is given one to store.
func (u *UseCases) Guest(ctx context.Context, p tenancy.Principal, secret string, device Device, effects ...once.Effect[Grant]) (Grant, error) {
	environment, err := u.directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return Grant{}, err
	}
	if !environment.Settings.GuestSignIn {
		return Grant{}, identity.ErrGuestClosed
	}
	made := ""
	if secret == "" {
		var entropy [identity.DeviceSecretEntropy]byte
		u.random.Fill(entropy[:])
		made = base64.RawURLEncoding.EncodeToString(entropy[:])
		secret = made
	}
	subject, err := identity.GuestSubject(environment.ID, secret)
	if err != nil {
		return Grant{}, err
	}
	return u.enter(ctx, environment, identity.Login{Method: identity.Guest, Subject: subject}, device, func(ctx context.Context, tx datastore.Repos, grant *Grant) error {
		grant.DeviceSecret = made
		return once.Tell(ctx, tx, *grant, effects)
	})
}

// enter starts a session for the player behind a login, who is made when there is
// none. tell learns of the grant before it is committed, and may add to it.
func (u *UseCases) enter(ctx context.Context, environment tenancy.Environment, login identity.Login, device Device,
	tell func(ctx context.Context, tx datastore.Repos, grant *Grant) error,
) (Grant, error) {
	scope := environment.Scope()
	// Before the transaction, which must not wait for a second connection.
	key, err := u.keys.Signer(ctx, scope)
	if err != nil {
		return Grant{}, err
	}
	now := u.clock.Now()
	// Two devices with one secret may both find no player; the second to
	// create it then finds the first one's.
	for {
		player, err := u.store.Players().ByLogin(ctx, scope, login.Method, login.Subject)
		created := errors.Is(err, identity.ErrPlayerNotFound)
		if err != nil && !created {
			return Grant{}, fmt.Errorf("find player: %w", err)
		}
		if created {
			player = identity.NewPlayer(identity.PlayerID(u.ids.New()), now)
			login.Player, login.CreatedAt = player.ID, now
		}
		if err := player.Admit(now); err != nil {
			return Grant{}, err
		}
		var grant Grant
		session := device.on(identity.NewSession(identity.SessionID(u.ids.New()), player.ID, now, environment.Settings.RefreshTokenLifetime))
		err = u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if created {
				if err := tx.Players().Create(ctx, scope, player, login); err != nil {
					return err
				}
			} else if err := tx.Players().Seen(ctx, scope, player.ID, now); err != nil {
				return err
			}
			if err := tx.Sessions().Create(ctx, scope, session); err != nil {
				return err
			}
			if grant, err = u.grant(environment, session, key); err != nil {
				return err
			}
			grant.Created = created
			return tell(ctx, tx, &grant)
		})
		if created && errors.Is(err, identity.ErrLoginTaken) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return Grant{}, fmt.Errorf("start session: %w", err)
		}
		return grant, nil
	}
}
