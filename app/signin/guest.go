package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Guest signs a device in by its secret: as the player it belongs to, or as a
// new one. A device without a secret is given one to store.
func (u *UseCases) Guest(ctx context.Context, p tenancy.Principal, secret string, device Device, effects ...once.Effect[Grant]) (Grant, error) {
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return Grant{}, err
	}
	if !environment.Settings.GuestSignIn {
		return Grant{}, identity.ErrGuestClosed
	}
	made := ""
	if secret == "" {
		var entropy [identity.DeviceSecretEntropy]byte
		u.parts.Random.Fill(entropy[:])
		made = base64.RawURLEncoding.EncodeToString(entropy[:])
		secret = made
	}
	subject, err := identity.GuestSubject(environment.ID, secret)
	if err != nil {
		return Grant{}, err
	}
	key, err := u.parts.Keys.Signer(ctx, environment.Scope())
	if err != nil {
		return Grant{}, err
	}
	return u.arrivals.join(ctx, arrival{
		environment: environment, key: key, login: identity.LoginKey{Method: identity.Guest, Subject: subject}, secret: made, device: device, effects: effects,
	}, effects)
}

// arrival is somebody who signs in by a login, and who is a new player when it leads to none.
type arrival struct {
	environment tenancy.Environment
	key         identity.SigningKey // of the environment's; read before the transaction, which must not wait for a second connection
	login       identity.LoginKey
	secret      string // of the device, if it was made here
	device      Device
	effects     []once.Effect[Grant]
}

// arrive starts a session for each arrival, all in one transaction. One that is
// refused leaves the others alone.
func (u *UseCases) arrive(ctx context.Context, arrivals []arrival) ([]granted, error) {
	for {
		var done []granted
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			done = make([]granted, len(arrivals))
			now := u.parts.Clock.Now()
			return coalesce.ByScope(arrivals, arrival.scope, func(scope tenancy.Scope, at []int) error {
				return u.arriveAt(ctx, tx, scope, now, arrivals, at, done)
			})
		})
		// Two devices with one secret may both find no player; the second to make
		// it then finds the first one's.
		if errors.Is(err, identity.ErrLoginTaken) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start sessions: %w", err)
		}
		_ = coalesce.ByScope(arrivals, arrival.scope, func(scope tenancy.Scope, at []int) error {
			var known []identity.PlayerID
			for _, n := range at {
				if done[n].err == nil && !done[n].grant.Created {
					known = append(known, done[n].grant.Player)
				}
			}
			u.makeRoom(ctx, scope, known...)
			return nil
		})
		return done, nil
	}
}

func (a arrival) scope() tenancy.Scope { return a.environment.Scope() }

// arriveAt does the arrivals of one environment.
func (u *UseCases) arriveAt(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, now time.Time, arrivals []arrival, at []int, done []granted) error {
	keys := make([]identity.LoginKey, len(at))
	for i, n := range at {
		keys[i] = arrivals[n].login
	}
	players, err := tx.Players().LockByLogins(ctx, scope, keys)
	if err != nil {
		return fmt.Errorf("find players: %w", err)
	}
	var newcomers []identity.Newcomer
	var known []identity.PlayerID
	var sessions []identity.Session
	for _, n := range at {
		a := arrivals[n]
		player, there := players[a.login]
		if !there {
			player = identity.NewPlayer(identity.PlayerID(u.parts.IDs.New()), now)
			players[a.login] = player // whom the next with this login finds
			newcomers = append(newcomers, identity.Newcomer{
				Player: player, Login: identity.Login{Method: a.login.Method, Subject: a.login.Subject, Player: player.ID, CreatedAt: now},
			})
		} else if err := player.Admit(now); err != nil {
			done[n].err = err
			continue
		} else if player.Unseen(now) {
			known = append(known, player.ID)
		}
		session := a.device.on(identity.NewSession(identity.SessionID(u.parts.IDs.New()), player.ID, now, a.environment.Settings.RefreshTokenLifetime))
		sessions = append(sessions, session)
		if done[n].grant, err = u.grant(a.environment, session, a.key); err != nil {
			return err
		}
		done[n].grant.Created, done[n].grant.DeviceSecret = !there, a.secret
	}
	if err := tx.Players().Create(ctx, scope, newcomers...); err != nil {
		return err
	}
	if err := tx.Players().Seen(ctx, scope, now, known...); err != nil {
		return err
	}
	if err := tx.Sessions().Create(ctx, scope, sessions...); err != nil {
		return err
	}
	for _, n := range at {
		if done[n].err != nil {
			continue
		}
		if err := once.Tell(ctx, tx, done[n].grant, arrivals[n].effects); err != nil {
			return err
		}
	}
	return nil
}
