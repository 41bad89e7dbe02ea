package signin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Whether an address belongs to a player shows in nothing that is answered to who
// hasn't proved it his. Asking for a code never looks: it stores the same rows for
// every address, and only the mail's words, later, depend on whose it is.

// Issued is what who asked for a code holds. The code is good with this ticket alone.
type Issued struct {
	Ticket    string
	ExpiresAt time.Time
}

// TicketCode is a ticket with the code that was mailed for it.
type TicketCode struct{ Ticket, Code string }

// Register has a code mailed that makes a player of the address and the password,
// which is in Unicode normalization form C.
func (u *UseCases) Register(ctx context.Context, p tenancy.Principal, email, password string, effects ...once.Effect[Issued]) (Issued, error) {
	return u.propose(ctx, p, identity.Register, "", email, password, effects)
}

// propose has a code mailed that adds the address with the password to a player, or to a new one.
func (u *UseCases) propose(ctx context.Context, p tenancy.Principal, purpose identity.Purpose, player identity.PlayerID, email, password string, effects []once.Effect[Issued]) (Issued, error) {
	address, err := identity.NewAddress("/email", email)
	if err = fault.BothInvalid(err, identity.CheckPassword("/password", password, address)); err != nil {
		return Issued{}, err
	}
	secret, err := u.hash(ctx, password, func() error { return u.mayHaveCode(ctx, p, address) })
	if err != nil {
		return Issued{}, err
	}
	return u.issue(ctx, p, identity.Ticket{Purpose: purpose, Address: address, Secret: secret, Player: player}, u.parts.Limits.VerifyTime, effects)
}

// open is ErrEmailClosed where the environment doesn't sign in by e-mail.
func (u *UseCases) open(ctx context.Context, p tenancy.Principal) (tenancy.Environment, error) {
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err == nil && !environment.Settings.EmailSignIn {
		err = identity.ErrEmailClosed
	}
	return environment, err
}

func (u *UseCases) mayHaveCode(ctx context.Context, p tenancy.Principal, address identity.Address) error {
	environment, err := u.open(ctx, p)
	if err != nil {
		return err
	}
	return u.parts.Throttle.Code(ctx, p, identity.EmailSubject(environment.ID, address), client(p))
}

// client is the network address of who calls; what is none is one of its own.
func client(p tenancy.Principal) netip.Addr {
	address, _ := netip.ParseAddr(p.Address)
	return address
}

// issue stores a ticket and has its code mailed.
func (u *UseCases) issue(ctx context.Context, p tenancy.Principal, ticket identity.Ticket, lifetime time.Duration, effects []once.Effect[Issued]) (Issued, error) {
	var entropy [identity.TicketEntropy]byte
	u.parts.Random.Fill(entropy[:])
	written := identity.WriteTicket(entropy)
	ticket.Hash = identity.HashTicket(p.Scope().Environment(), written)
	ticket.CreatedAt = u.parts.Clock.Now()
	ticket.ExpiresAt = ticket.CreatedAt.Add(lifetime).Truncate(time.Second)
	issued := Issued{Ticket: written, ExpiresAt: ticket.ExpiresAt}
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if err := tx.Tickets().Create(ctx, p.Scope(), ticket); err != nil {
			return err
		}
		if err := u.parts.Outbox.PutCode(ctx, tx, p.Scope(), ticket); err != nil {
			return err
		}
		return once.Tell(ctx, tx, issued, effects)
	})
	if err != nil {
		return Issued{}, fmt.Errorf("issue ticket: %w", err)
	}
	u.parts.Outbox.Wake()
	return issued, nil
}

// Verify makes the player that was registered, with the code that was mailed, and
// signs him in. Who proves that an address is his may learn that it is taken:
// ErrLoginTaken.
func (u *UseCases) Verify(ctx context.Context, p tenancy.Principal, tried TicketCode, device Device, effects ...once.Effect[Grant]) (Grant, error) {
	environment, err := u.open(ctx, p)
	if err != nil {
		return Grant{}, err
	}
	// Before the transaction, which must not wait for a second connection.
	key, err := u.parts.Keys.Signer(ctx, p.Scope())
	if err != nil {
		return Grant{}, err
	}
	var grant Grant
	player := identity.NewPlayer(identity.PlayerID(u.parts.IDs.New()), u.parts.Clock.Now())
	err = u.proving(ctx, p, identity.Register, "", tried, func(ctx context.Context, tx datastore.Repos, proved identity.Ticket) error {
		login := identity.EmailLogin(environment.ID, proved.Address, proved.Secret)
		login.Player, login.CreatedAt = player.ID, player.CreatedAt
		if err := tx.Players().Create(ctx, p.Scope(), identity.Newcomer{Player: player, Login: login}); err != nil {
			return err
		}
		if grant, err = u.begin(ctx, tx, environment, player, key, device); err != nil {
			return err
		}
		grant.Created = true
		return once.Tell(ctx, tx, grant, effects)
	})
	if err != nil {
		return Grant{}, err
	}
	return grant, nil
}

// begin starts a session within a transaction.
func (u *UseCases) begin(ctx context.Context, tx datastore.Repos, environment tenancy.Environment, player identity.Player, key identity.SigningKey, device Device) (Grant, error) {
	session := device.on(identity.NewSession(identity.SessionID(u.parts.IDs.New()), player.ID, u.parts.Clock.Now(), environment.Settings.RefreshTokenLifetime))
	if err := tx.Sessions().Create(ctx, environment.Scope(), session); err != nil {
		return Grant{}, err
	}
	return u.grant(environment, session, key)
}

// proving tries a code with its ticket, and if it is right uses the ticket up in
// the transaction of what use does. ErrWrongCode, whatever is wrong; a wrong try counts.
func (u *UseCases) proving(ctx context.Context, p tenancy.Principal, purpose identity.Purpose, player identity.PlayerID, tried TicketCode,
	use func(ctx context.Context, tx datastore.Repos, proved identity.Ticket) error,
) error {
	var proved bool
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		found, err := u.prove(ctx, tx, p, purpose, player, tried)
		proved = err == nil
		if errors.Is(err, identity.ErrWrongCode) {
			return nil // so that the try counts
		}
		if err != nil {
			return err
		}
		return use(ctx, tx, found)
	})
	if err == nil && !proved {
		return identity.ErrWrongCode
	}
	return err
}

func (u *UseCases) prove(ctx context.Context, tx datastore.Repos, p tenancy.Principal, purpose identity.Purpose, player identity.PlayerID, tried TicketCode) (identity.Ticket, error) {
	found, err := tx.Tickets().Lock(ctx, p.Scope(), identity.HashTicket(p.Scope().Environment(), tried.Ticket))
	switch {
	case errors.Is(err, identity.ErrTicketNotFound):
		return found, identity.ErrWrongCode
	case err != nil:
		return found, fmt.Errorf("read ticket: %w", err)
	case found.Purpose != purpose || found.Player != player:
		return found, identity.ErrWrongCode
	}
	if found, err = replacing(ctx, tx.Players(), p, found); err != nil {
		return found, err
	}
	next, proof := found.Try(tried.Code, u.parts.Outbox.CodeKey(), u.parts.Limits.CodeTries, u.parts.Clock.Now())
	if proof == identity.Wrong {
		err = tx.Tickets().Update(ctx, p.Scope(), next)
	} else {
		err = tx.Tickets().Delete(ctx, p.Scope(), next.Hash)
	}
	if err == nil && proof != identity.Proved {
		err = identity.ErrWrongCode
	}
	return next, err
}

// replacing is the ticket with what its code depends on beside it. Of an address
// that belongs to nobody that is nothing, and such a code was never mailed.
func replacing(ctx context.Context, players identity.Players, p tenancy.Principal, ticket identity.Ticket) (identity.Ticket, error) {
	if ticket.Purpose != identity.Reset {
		return ticket, nil
	}
	login, err := players.Login(ctx, p.Scope(), identity.Email, identity.EmailSubject(p.Scope().Environment(), ticket.Address))
	if err != nil && !errors.Is(err, identity.ErrLoginNotFound) {
		return ticket, fmt.Errorf("find login: %w", err)
	}
	ticket.Replaces = login.Secret
	return ticket, nil
}
