package signin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Login signs a player in by an e-mail address and its password, in Unicode
// normalization form C. An unknown address is ErrWrongCredentials, like a wrong
// password, and takes as long. That a player is banned shows only to who knows his password.
func (u *UseCases) Login(ctx context.Context, p tenancy.Principal, email, password string, device Device, effects ...once.Effect[Grant]) (Grant, error) {
	address, err := identity.NewAddress("/email", email)
	if err != nil {
		return Grant{}, err
	}
	environment, err := u.open(ctx, p)
	if err != nil {
		return Grant{}, err
	}
	subject := identity.EmailSubject(environment.ID, address)
	if err := u.mayGuess(ctx, p, subject); err != nil {
		return Grant{}, err
	}
	for {
		grant, err := u.login(ctx, environment, subject, password, device, effects)
		// Somebody stored another hash since: of another password, or of this one.
		if !errors.Is(err, errSecretChanged) || ctx.Err() != nil {
			return grant, err
		}
	}
}

// errSecretChanged says that the hash that was checked is not the stored one any more.
var errSecretChanged = errors.New("the secret was changed meanwhile")

func (u *UseCases) login(ctx context.Context, environment tenancy.Environment, subject [32]byte, password string, device Device, effects []once.Effect[Grant]) (Grant, error) {
	scope := environment.Scope()
	checked, renewed, err := u.check(ctx, scope, subject, password)
	if err != nil {
		return Grant{}, err
	}
	// Before the transaction, which must not wait for a second connection.
	key, err := u.parts.Keys.Signer(ctx, scope)
	if err != nil {
		return Grant{}, err
	}
	var grant Grant
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		// The lock makes a reset wait, which ends all sessions, or this for the reset.
		player, err := tx.Players().Lock(ctx, scope, checked.Player)
		if errors.Is(err, identity.ErrPlayerNotFound) {
			return errSecretChanged
		}
		if err != nil {
			return err
		}
		stored, err := tx.Players().Login(ctx, scope, identity.Email, subject)
		if errors.Is(err, identity.ErrLoginNotFound) || err == nil && stored.Secret != checked.Secret {
			return errSecretChanged
		}
		if err != nil {
			return err
		}
		now := u.parts.Clock.Now()
		if err := player.Admit(now); err != nil {
			return err
		}
		if renewed != "" {
			if err := tx.Players().SetSecret(ctx, scope, identity.Email, subject, renewed); err != nil {
				return err
			}
		}
		if player.Unseen(now) {
			if err := tx.Players().Seen(ctx, scope, now, player.ID); err != nil {
				return err
			}
		}
		if grant, err = u.begin(ctx, tx, environment, player, key, device); err != nil {
			return err
		}
		return once.Tell(ctx, tx, grant, effects)
	})
	if err != nil {
		return Grant{}, fmt.Errorf("sign in: %w", err)
	}
	u.makeRoom(ctx, scope, grant.Player)
	return grant, nil
}

// check finds the login whose password this is. It asks the database only once it
// has a turn. renewed is another hash of the password where the stored one is outdated.
func (u *UseCases) check(ctx context.Context, scope tenancy.Scope, subject [32]byte, password string) (login identity.Login, renewed string, err error) {
	at, err := u.parts.Desk.enter(ctx)
	if err != nil {
		return login, "", err
	}
	defer at.leave()
	login, err = u.parts.Store.Players().Login(ctx, scope, identity.Email, subject)
	if err != nil && !errors.Is(err, identity.ErrLoginNotFound) {
		return login, "", fmt.Errorf("find login: %w", err)
	}
	right, outdated := at.Check(password, login.Secret)
	if !right {
		return login, "", identity.ErrWrongCredentials
	}
	if outdated {
		renewed = at.Hash(password)
	}
	return login, renewed, nil
}

// knownSessions is how many of a player's newest sessions tell where he usually is.
const knownSessions = 20

// mayGuess throttles attempts. When an address is tried too often from everywhere,
// a client from which its player lately was signed in may go on: nobody can lock
// another out by trying.
func (u *UseCases) mayGuess(ctx context.Context, p tenancy.Principal, subject [32]byte) error {
	everywhere, refused := u.parts.Throttle.Guess(ctx, subject, client(p))
	if refused == nil || !everywhere {
		return refused
	}
	// For an unknown address as much is asked.
	login, err := u.parts.Store.Players().Login(ctx, p.Scope(), identity.Email, subject)
	if err != nil && !errors.Is(err, identity.ErrLoginNotFound) {
		return fmt.Errorf("find login: %w", err)
	}
	sessions, err := u.parts.Store.Sessions().List(ctx, p.Scope(), identity.SessionQuery{Player: login.Player, Limit: knownSessions})
	if err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	// As the throttle counts: the same household has another address of its /64 tomorrow.
	here := limits.Client(client(p))
	for _, session := range sessions {
		there, err := netip.ParseAddr(session.Address)
		if err == nil && limits.Client(there) == here {
			return nil
		}
	}
	return refused
}
