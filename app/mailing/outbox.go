package mailing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/secrets"
)

// Kinds of mail.
const (
	codeToRegister  = string(identity.Register)
	codeToLink      = string(identity.Link)
	codeToReset     = string(identity.Reset)
	passwordChanged = "password_changed"
)

const (
	// noticesFor is how long it is of use to send mail that has no code.
	noticesFor = 24 * time.Hour
	// batch is how many are looked for at once, and atOnce how many are sent.
	batch  = 64
	atOnce = 4
	// sendTime bounds one attempt, and is less than firstWait, so that no two are made at once.
	sendTime  = 30 * time.Second
	firstWait = time.Minute
	lastWait  = time.Hour
)

// From is the address that mail comes from.
type From identity.Address

// Parts are what the outbox is made of.
type Parts struct {
	Store     datastore.Datastore
	Directory *environments.Directory
	Sender    mail.Sender
	From      From
	Clock     clock.Clock
	IDs       ids.Source
	Vault     secrets.Vault
}

// Outbox keeps mail until it is sent. What it sends is put there in the
// transaction of what it tells of.
type Outbox struct {
	parts   Parts
	codeKey []byte
	woken   chan struct{}
}

func New(p Parts) *Outbox {
	return &Outbox{parts: p, codeKey: p.Vault.Derive("mailed-codes"), woken: make(chan struct{}, 1)}
}

// CodeKey makes the codes of tickets.
func (o *Outbox) CodeKey() []byte { return o.codeKey }

// PutCode has a ticket's code mailed to its address.
func (o *Outbox) PutCode(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, ticket identity.Ticket) error {
	return o.put(ctx, tx, scope, mail.Entry{Kind: string(ticket.Purpose), Address: ticket.Address, Ticket: ticket.Hash, ExpiresAt: ticket.ExpiresAt})
}

// PutPasswordChanged tells an address that its password has been changed.
func (o *Outbox) PutPasswordChanged(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, address identity.Address) error {
	return o.put(ctx, tx, scope, mail.Entry{Kind: passwordChanged, Address: address, ExpiresAt: o.parts.Clock.Now().Add(noticesFor)})
}

func (o *Outbox) put(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, e mail.Entry) error {
	now := o.parts.Clock.Now()
	e.ID, e.Environment, e.CreatedAt, e.DueAt = o.parts.IDs.New(), scope.Environment(), now, now
	return tx.Mails().Put(ctx, scope, e)
}

// Wake has Woken tell that there is mail to send, once it is committed. That it
// is lost with the process does no harm: Deliver finds what waits.
func (o *Outbox) Wake() {
	select {
	case o.woken <- struct{}{}:
	default:
	}
}

// Woken tells when Deliver has something to do that this process put there.
func (o *Outbox) Woken() <-chan struct{} { return o.woken }

// Deliver sends all that is due, on whichever replicas it runs: each attempt is
// claimed by one. What can't be sent is tried again after a minute, two, and so on
// to an hour, until it is of no use. The error tells of every failed attempt. Where
// the database can't be written the rest is left to another time: what can't be
// put off would be due again at once.
func (o *Outbox) Deliver(ctx context.Context) error {
	var faults []error
	for ctx.Err() == nil {
		due, err := o.parts.Store.Mails().Due(ctx, o.parts.Clock.Now(), batch)
		if err != nil || len(due) == 0 {
			return errors.Join(append(faults, err)...)
		}
		failed := o.deliver(ctx, due)
		faults = append(faults, failed...)
		if errors.Is(errors.Join(failed...), errNotWritten) {
			return errors.Join(faults...)
		}
	}
	return errors.Join(append(faults, ctx.Err())...)
}

func (o *Outbox) deliver(ctx context.Context, due []mail.Entry) (faults []error) {
	var mu sync.Mutex
	var senders sync.WaitGroup
	entries := make(chan mail.Entry)
	for range min(atOnce, len(due)) {
		senders.Go(func() {
			for e := range entries {
				if err := o.attempt(ctx, e); err != nil {
					mu.Lock()
					faults = append(faults, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, e := range due {
		entries <- e
	}
	close(entries)
	senders.Wait()
	return faults
}

// attempt sends one mail. The claim puts it off to the time of the next attempt,
// so that nothing need be written when this one fails.
func (o *Outbox) attempt(ctx context.Context, e mail.Entry) error {
	now := o.parts.Clock.Now()
	if !now.Before(e.ExpiresAt) {
		return errors.Join(
			fmt.Errorf("%s mail to %s has waited too long and is given up", e.Kind, e.Address.Masked()),
			o.remove(ctx, e))
	}
	err := o.parts.Store.Mails().Claim(ctx, e, now.Add(waitAfter(e.Attempts)))
	if errors.Is(err, mail.ErrClaimed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim mail: %w: %w", errNotWritten, err)
	}
	message, wanted, err := o.compose(ctx, e, now)
	if err != nil {
		return err
	}
	if wanted {
		if err := o.send(ctx, e, message); err != nil {
			return err
		}
	}
	return o.remove(ctx, e)
}

// errNotWritten says that an entry is as it was, though it was to be put off or to go.
var errNotWritten = errors.New("the outbox was not written")

func (o *Outbox) remove(ctx context.Context, e mail.Entry) error {
	if err := o.parts.Store.Mails().Remove(ctx, e); err != nil {
		return fmt.Errorf("remove mail: %w: %w", errNotWritten, err)
	}
	return nil
}

func (o *Outbox) send(ctx context.Context, e mail.Entry, message mail.Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	err := o.parts.Sender.Send(ctx, message)
	if err == nil {
		return nil
	}
	// Mail servers like to repeat the address.
	why := strings.ReplaceAll(err.Error(), string(message.To), message.To.Masked())
	told := fmt.Errorf("%s mail to %s was not sent: %s", e.Kind, message.To.Masked(), why)
	if errors.Is(err, mail.ErrRefused) {
		return errors.Join(told, o.remove(ctx, e))
	}
	return told
}

// waitAfter is how long to wait after an attempt that had so many before it.
func waitAfter(attempts int) time.Duration {
	wait := firstWait
	for range attempts {
		if wait *= 2; wait >= lastWait {
			return lastWait
		}
	}
	return wait
}

// compose finds the words. What has meanwhile become of no use is not wanted.
func (o *Outbox) compose(ctx context.Context, e mail.Entry, now time.Time) (message mail.Message, wanted bool, err error) {
	environment, err := o.parts.Directory.Get(ctx, e.Environment)
	if err != nil {
		return message, false, err
	}
	project, err := o.parts.Store.Projects().Get(ctx, environment.ProjectID)
	if err != nil {
		return message, false, fmt.Errorf("find project: %w", err)
	}
	message = mail.Message{From: identity.Address(o.parts.From), FromName: project.Name, To: e.Address}
	words := words{game: project.Name, address: e.Address}
	login, err := o.parts.Store.Players().Login(ctx, environment.Scope(), identity.Email, identity.EmailSubject(environment.ID, e.Address))
	known := err == nil
	if err != nil && !errors.Is(err, identity.ErrLoginNotFound) {
		return message, false, err
	}
	if e.Ticket != [sha256.Size]byte{} {
		ticket, err := o.parts.Store.Tickets().Get(ctx, environment.Scope(), e.Ticket)
		if errors.Is(err, identity.ErrTicketNotFound) || err == nil && !ticket.Live(now) {
			return message, false, nil
		}
		if err != nil {
			return message, false, err
		}
		if ticket.Purpose == identity.Reset {
			ticket.Replaces = login.Secret
		}
		words.code, words.good = ticket.Code(o.codeKey), ticket.ExpiresAt.Sub(ticket.CreatedAt)
	}
	switch {
	case e.Kind == codeToRegister && known:
		message.Subject, message.Text = words.knownAlready()
	case e.Kind == codeToRegister:
		message.Subject, message.Text = words.register()
	case e.Kind == codeToLink:
		message.Subject, message.Text = words.link()
	case e.Kind == codeToReset && known:
		// To the address as its owner wrote it, not as whoever asks did.
		message.To = identity.Address(login.Label)
		message.Subject, message.Text = words.reset()
	case e.Kind == codeToReset:
		return message, false, nil
	case e.Kind == passwordChanged:
		message.Subject, message.Text = words.passwordChanged()
	default:
		return message, false, fmt.Errorf("mail of the unknown kind %q", e.Kind)
	}
	return message, true, nil
}
