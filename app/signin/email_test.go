package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/argon2"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/secrets"
)

const (
	ada      = "Ada@example.com"
	password = "correct horse"
)

// from is the client's principal at an address.
func (g game) from(address string) tenancy.Principal {
	p := g.client
	p.Address = address
	return p
}

func (g game) register(t *testing.T, p tenancy.Principal, email, password string) signin.Issued {
	t.Helper()
	issued, err := g.SignIn.Register(t.Context(), p, email, password)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// player registers an address and verifies it.
func (g game) player(t *testing.T, email, password string) signin.Grant {
	t.Helper()
	issued := g.register(t, g.client, email, password)
	grant, err := g.SignIn.Verify(t.Context(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: composetest.Code(g.Mailed(t))}, signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

func (g game) login(email, password string) (signin.Grant, error) {
	return g.SignIn.Login(context.Background(), g.client, email, password, signin.Device{})
}

func refused(t *testing.T, what string, err error, want *fault.Fault) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %s", what, err, want.Code)
	}
}

func TestRegisterAndSignIn(t *testing.T) {
	g := newGame(t)
	issued := g.register(t, g.client, ada, password)
	if !issued.ExpiresAt.Equal(composetest.Epoch.Add(24 * time.Hour)) {
		t.Errorf("the ticket is good until %s", issued.ExpiresAt)
	}
	if _, err := g.login(ada, password); !errors.Is(err, identity.ErrWrongCredentials) {
		t.Errorf("before the address is verified: %v", err)
	}
	m := g.Mailed(t)
	if m.To != ada || m.From != "game@example.com" || m.FromName != "game" || strings.Contains(m.Text, issued.Ticket) {
		t.Errorf("mail %+v", m)
	}
	first, err := g.SignIn.Verify(t.Context(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: composetest.Code(m)}, signin.Device{Client: "unity"})
	if err != nil || !first.Created {
		t.Fatalf("verify: %+v, %v", first, err)
	}
	g.Enter(t, first.AccessToken)
	again, err := g.login("ADA@EXAMPLE.com", password)
	if err != nil || again.Created || again.Player != first.Player || again.Session == first.Session {
		t.Errorf("sign in: %+v, %v", again, err)
	}
	p := g.Enter(t, again.AccessToken)
	logins, err := g.SignIn.Identities(t.Context(), p)
	if err != nil || len(logins) != 1 || logins[0].Method != identity.Email || logins[0].Label != ada {
		t.Errorf("identities %+v, %v", logins, err)
	}
	for name, try := range map[string][2]string{
		"wrong password":   {ada, "Correct horse"},
		"unknown address":  {"bob@example.com", password},
		"no password":      {ada, ""},
		"a whole book":     {ada, strings.Repeat("x", 1<<20)},
		"common and wrong": {ada, "password"},
	} {
		_, err := g.login(try[0], try[1])
		refused(t, name, err, identity.ErrWrongCredentials)
	}
	_, err = g.SignIn.Login(t.Context(), g.staging, ada, password, signin.Device{})
	refused(t, "another environment", err, identity.ErrWrongCredentials)
}

func TestWhatIsRefusedAtOnce(t *testing.T) {
	g := newGame(t)
	_, err := g.SignIn.Register(t.Context(), g.client, "no address", "short")
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Fields) != 2 || f.Fields[0].Pointer != "/email" || f.Fields[1].Pointer != "/password" {
		t.Errorf("both wrong: %v %+v", err, f)
	}
	_, err = g.SignIn.Register(t.Context(), g.client, ada, ada)
	refused(t, "the address as password", err, fault.ErrInvalid)
	_, err = g.SignIn.Reset(t.Context(), g.client, "no address")
	refused(t, "reset", err, fault.ErrInvalid)
	_, err = g.login("no address", password)
	refused(t, "login", err, fault.ErrInvalid)
	g.edit(t, func(s *tenancy.Settings) { s.EmailSignIn = false })
	player := g.Enter(t, g.Guest(t, g.client).AccessToken)
	_, err = g.SignIn.Register(t.Context(), g.client, ada, password)
	refused(t, "register where it is closed", err, identity.ErrEmailClosed)
	_, err = g.SignIn.Verify(t.Context(), g.client, signin.TicketCode{Ticket: "t", Code: "c"}, signin.Device{})
	refused(t, "verify where it is closed", err, identity.ErrEmailClosed)
	_, err = g.login(ada, password)
	refused(t, "login where it is closed", err, identity.ErrEmailClosed)
	_, err = g.SignIn.Reset(t.Context(), g.client, ada)
	refused(t, "reset where it is closed", err, identity.ErrEmailClosed)
	refused(t, "confirm where it is closed", g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: "t", Code: "c"}, password), identity.ErrEmailClosed)
	_, err = g.SignIn.LinkEmail(t.Context(), player, ada, password)
	refused(t, "link where it is closed", err, identity.ErrEmailClosed)
	_, err = g.SignIn.VerifyEmail(t.Context(), player, signin.TicketCode{Ticket: "t", Code: "c"})
	refused(t, "verify a link where it is closed", err, identity.ErrEmailClosed)
	if err := g.Outbox.Deliver(t.Context()); err != nil || len(g.Mail.Take()) != 0 {
		t.Errorf("mail was sent: %v", err)
	}
}

// A code is good once, in time, with its own ticket, for its own purpose, and after few wrong ones.
func TestACodeIsGoodOnceWithItsTicket(t *testing.T) {
	g := newGame(t)
	verify := func(ticket, code string) error {
		_, err := g.SignIn.Verify(t.Context(), g.client, signin.TicketCode{Ticket: ticket, Code: code}, signin.Device{})
		return err
	}
	mine := g.register(t, g.client, ada, password)
	code := composetest.Code(g.Mailed(t))
	// The owner of the address registers as well, and reads another's code.
	theirs := g.register(t, g.client, ada, "another password")
	theirCode := composetest.Code(g.Mailed(t))
	refused(t, "another's ticket", verify(theirs.Ticket, code), identity.ErrWrongCode)
	refused(t, "another's code", verify(mine.Ticket, theirCode), identity.ErrWrongCode)
	refused(t, "no ticket", verify("", code), identity.ErrWrongCode)
	refused(t, "for a reset", g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: mine.Ticket, Code: code}, password), identity.ErrWrongCode)
	_, err := g.SignIn.Verify(t.Context(), g.staging, signin.TicketCode{Ticket: mine.Ticket, Code: code}, signin.Device{})
	refused(t, "another environment", err, identity.ErrWrongCode)
	if err := verify(mine.Ticket, code); err != nil {
		t.Fatal(err)
	}
	refused(t, "again", verify(mine.Ticket, code), identity.ErrWrongCode)
	refused(t, "the address is taken by now", verify(theirs.Ticket, theirCode), identity.ErrLoginTaken)

	late := g.register(t, g.client, "late@example.com", password)
	code = composetest.Code(g.Mailed(t))
	g.Clock.Advance(24 * time.Hour)
	refused(t, "too late", verify(late.Ticket, code), identity.ErrWrongCode)

	tried := g.register(t, g.client, "tried@example.com", password)
	code = composetest.Code(g.Mailed(t))
	for range limits.Default().CodeTries {
		refused(t, "wrong", verify(tried.Ticket, "0000000-0000000-0000000-0000000"), identity.ErrWrongCode)
	}
	refused(t, "after too many wrong ones", verify(tried.Ticket, code), identity.ErrWrongCode)
}

func TestManyVerifyWithOneCode(t *testing.T) {
	g := newGame(t)
	issued := g.register(t, g.client, ada, password)
	code := composetest.Code(g.Mailed(t))
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = g.SignIn.Verify(context.Background(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, signin.Device{})
		})
	}
	all.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
			continue
		}
		refused(t, "the others", err, identity.ErrWrongCode)
	}
	if good != 1 {
		t.Errorf("%d verified", good)
	}
}

// Only the owner of the mailbox learns whether the address belongs to a player.
func TestAskingTellsNothing(t *testing.T) {
	g := newGame(t)
	g.player(t, ada, password)
	asks := map[string]func(email string) (signin.Issued, error){
		"register": func(email string) (signin.Issued, error) {
			return g.SignIn.Register(t.Context(), g.client, email, password)
		},
		"reset": func(email string) (signin.Issued, error) { return g.SignIn.Reset(t.Context(), g.client, email) },
	}
	for name, ask := range asks {
		known, err := ask(ada)
		if err != nil {
			t.Fatal(err)
		}
		knownMail := g.Mailed(t)
		unknown, err := ask(name + "@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if len(known.Ticket) != len(unknown.Ticket) || known.Ticket == unknown.Ticket || !known.ExpiresAt.Equal(unknown.ExpiresAt) {
			t.Errorf("%s: %+v and %+v", name, known, unknown)
		}
		if err := g.Outbox.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		unknownMail := g.Mail.Take()
		switch name {
		case "register":
			if composetest.Code(knownMail) != "" || !strings.Contains(knownMail.Text, "You have an account") || len(unknownMail) != 1 || composetest.Code(unknownMail[0]) == "" {
				t.Errorf("mails %v and %v", knownMail, unknownMail)
			}
		case "reset":
			if composetest.Code(knownMail) == "" || len(unknownMail) != 0 {
				t.Errorf("mails %v and %v", knownMail, unknownMail)
			}
		}
	}
}

func TestAResetEndsAllSessions(t *testing.T) {
	g := newGame(t)
	first := g.player(t, ada, password)
	second, err := g.login(ada, password)
	if err != nil {
		t.Fatal(err)
	}
	bystander := g.Guest(t, g.client)
	// Asked for in another spelling, it goes to the address as its owner wrote it.
	issued, err := g.SignIn.Reset(t.Context(), g.client, "aDA@EXAMPLE.COM")
	if err != nil || !issued.ExpiresAt.Equal(composetest.Epoch.Add(time.Hour)) {
		t.Fatalf("reset: %+v, %v", issued, err)
	}
	m := g.Mailed(t)
	if m.To != ada {
		t.Errorf("mail to %s", m.To)
	}
	code := composetest.Code(m)
	const next = "an entirely new one"
	confirm := func(code, password string) error {
		return g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, password)
	}
	refused(t, "a common password", confirm(code, "password"), fault.ErrInvalid)
	refused(t, "the address", confirm(code, "ada@example.com"), fault.ErrInvalid)
	refused(t, "a wrong code", confirm("0"+code[1:]+"0", next), identity.ErrWrongCode)
	g.Enter(t, first.AccessToken)
	if err := confirm(code, next); err != nil {
		t.Fatal(err)
	}
	refused(t, "again", confirm(code, next), identity.ErrWrongCode)
	for _, grant := range []signin.Grant{first, second} {
		_, err := g.Authenticate(grant.AccessToken)
		refused(t, "an old access token", err, identity.ErrSessionEnded)
		_, err = g.refresh(grant.RefreshToken)
		refused(t, "an old refresh token", err, identity.ErrSessionEnded)
	}
	g.Enter(t, bystander.AccessToken)
	_, err = g.login(ada, password)
	refused(t, "the old password", err, identity.ErrWrongCredentials)
	if grant, err := g.login(ada, next); err != nil || grant.Player != first.Player {
		t.Errorf("the new password: %+v, %v", grant, err)
	}
	if notice := g.Mailed(t); notice.To != ada || !strings.Contains(notice.Subject, "was changed") {
		t.Errorf("notice %+v", notice)
	}
	events := g.Audit(t, g.project, audit.PasswordReset)
	if len(events) != 1 || events[0].Target.ID != string(first.Player) || strings.Contains(strings.ToLower(events[0].Actor.Name+events[0].Target.ID), "ada@") || events[0].After != nil {
		t.Errorf("events %+v", events)
	}
}

// Who read the mail for a while keeps no way back in once its owner has reset.
func TestAResetVoidsTheOthers(t *testing.T) {
	g := newGame(t)
	g.player(t, ada, password)
	ask := func() (signin.Issued, string) {
		t.Helper()
		issued, err := g.SignIn.Reset(t.Context(), g.client, ada)
		if err != nil {
			t.Fatal(err)
		}
		return issued, composetest.Code(g.Mailed(t))
	}
	theirs, theirCode := ask()
	mine, code := ask()
	if err := g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: mine.Ticket, Code: code}, "an entirely new one"); err != nil {
		t.Fatal(err)
	}
	g.Mailed(t) // that it was changed
	refused(t, "asked for before", g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: theirs.Ticket, Code: theirCode}, "another new one"), identity.ErrWrongCode)
	if _, err := g.login(ada, "an entirely new one"); err != nil {
		t.Error(err)
	}
	after, code := ask()
	if err := g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: after.Ticket, Code: code}, "yet another one"); err != nil {
		t.Errorf("asked for after: %v", err)
	}
}

func TestAGuestLinksAnAddress(t *testing.T) {
	g := newGame(t)
	guest := g.Guest(t, g.client)
	p := g.Enter(t, guest.AccessToken)
	link := func(p tenancy.Principal, email string) (signin.Issued, string) {
		t.Helper()
		issued, err := g.SignIn.LinkEmail(t.Context(), p, email, password)
		if err != nil {
			t.Fatal(err)
		}
		return issued, composetest.Code(g.Mailed(t))
	}
	issued, code := link(p, ada)
	stranger := g.Enter(t, g.Guest(t, g.client).AccessToken)
	_, err := g.SignIn.VerifyEmail(t.Context(), stranger, signin.TicketCode{Ticket: issued.Ticket, Code: code})
	refused(t, "another player", err, identity.ErrWrongCode)
	_, err = g.SignIn.Verify(t.Context(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, signin.Device{})
	refused(t, "as a registration", err, identity.ErrWrongCode)
	linked, err := g.SignIn.VerifyEmail(t.Context(), p, signin.TicketCode{Ticket: issued.Ticket, Code: code})
	if err != nil || linked.Label != ada || linked.Player != guest.Player {
		t.Fatalf("linked %+v, %v", linked, err)
	}
	for name, grant := range map[string]func() (signin.Grant, error){
		"e-mail": func() (signin.Grant, error) { return g.login(ada, password) },
		"device": func() (signin.Grant, error) {
			return g.SignIn.Guest(t.Context(), g.client, guest.DeviceSecret, signin.Device{})
		},
	} {
		if again, err := grant(); err != nil || again.Player != guest.Player {
			t.Errorf("by %s: %+v, %v", name, again, err)
		}
	}
	_, err = g.SignIn.LinkEmail(t.Context(), p, "second@example.com", password)
	refused(t, "a second address", err, identity.ErrEmailLinked)
	// The address is taken, which only its mail's reader learns.
	issued, code = link(stranger, ada)
	if code == "" {
		t.Fatal("no code was mailed")
	}
	_, err = g.SignIn.VerifyEmail(t.Context(), stranger, signin.TicketCode{Ticket: issued.Ticket, Code: code})
	refused(t, "an address taken", err, identity.ErrLoginTaken)
	if events := g.Audit(t, g.project, audit.EmailLinked); len(events) != 1 || events[0].Target.ID != string(guest.Player) {
		t.Errorf("events %+v", events)
	}
	// Of two that were asked for, one is linked.
	one, oneCode := link(stranger, "one@example.com")
	two, twoCode := link(stranger, "two@example.com")
	if _, err := g.SignIn.VerifyEmail(t.Context(), stranger, signin.TicketCode{Ticket: one.Ticket, Code: oneCode}); err != nil {
		t.Fatal(err)
	}
	_, err = g.SignIn.VerifyEmail(t.Context(), stranger, signin.TicketCode{Ticket: two.Ticket, Code: twoCode})
	refused(t, "a second one asked for before", err, identity.ErrEmailLinked)
}

func TestABannedPlayersPassword(t *testing.T) {
	g := newGame(t)
	player := g.player(t, ada, password).Player
	if _, err := g.Operators.Ban(t.Context(), composetest.Operator(), g.place(), player, "aim bot", time.Time{}); err != nil {
		t.Fatal(err)
	}
	_, err := g.login(ada, "a wrong one")
	refused(t, "wrong", err, identity.ErrWrongCredentials)
	_, err = g.login(ada, password)
	refused(t, "right", err, identity.ErrBanned)
}

// A hash made with parameters of before is made anew when the password is at hand.
func TestAnOldHashIsRenewed(t *testing.T) {
	g := newGame(t)
	g.player(t, ada, password)
	subject := identity.EmailSubject(g.client.Scope().Environment(), ada)
	stored := func() string {
		login, err := g.Ports.Store.Players().Login(t.Context(), g.client.Scope(), identity.Email, subject)
		if err != nil {
			t.Fatal(err)
		}
		return login.Secret
	}
	before := stored()
	if _, err := g.login(ada, password); err != nil || stored() != before {
		t.Errorf("a hash of today was renewed: %v", err)
	}
	stronger := game{World: g.Replica(func(p *compose.Ports) {
		p.Passwords = argon2.New(argon2.Parameters{Memory: 128, Time: 1, Threads: 1}, system.Random{})
	}), client: g.client}
	_, err := stronger.login(ada, "a wrong one")
	refused(t, "wrong", err, identity.ErrWrongCredentials)
	if stored() != before {
		t.Error("a wrong password renewed the hash")
	}
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = stronger.login(ada, password) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("while others renew it: %v", err)
	}
	if after := stored(); !strings.Contains(after, "m=128,") {
		t.Errorf("the hash is %s", after)
	}
	if _, err := stronger.login(ada, password); err != nil {
		t.Error(err)
	}
}

// held hashes nothing until it is let go.
type held struct {
	secrets.Passwords
	begun chan struct{}
	let   chan struct{}
}

func (h held) Check(password, hash string) (right, outdated bool) {
	h.begun <- struct{}{}
	<-h.let
	return h.Passwords.Check(password, hash)
}

func TestTooManyPasswordsAtOnce(t *testing.T) {
	g := newGame(t)
	g.player(t, ada, password)
	const atOnce, waiting = 2, 3
	h := held{g.Ports.Passwords, make(chan struct{}, 100), make(chan struct{})}
	g.World = g.Replica(func(p *compose.Ports) {
		p.Passwords, p.Limits.PasswordHashes, p.Limits.PasswordQueue = h, atOnce, waiting
	})
	errs := make(chan error, 100)
	for i := range atOnce + waiting + 5 {
		go func() {
			_, err := g.SignIn.Login(context.Background(), g.from(fmt.Sprintf("192.0.2.%d", i)), ada, password, signin.Device{})
			errs <- err
		}()
	}
	for range 5 {
		err := <-errs
		refused(t, "beyond the queue", err, identity.ErrHashingBusy)
		var f *fault.Fault
		if errors.As(err, &f) && f.RetryAfter <= 0 {
			t.Error("no Retry-After")
		}
	}
	_, err := g.SignIn.Register(t.Context(), g.client, "bob@example.com", password)
	refused(t, "registering", err, identity.ErrHashingBusy)
	for range atOnce {
		<-h.begun
	}
	select {
	case <-h.begun:
		t.Error("more are hashed than may be")
	default:
	}
	close(h.let)
	for range atOnce + waiting {
		if err := <-errs; err != nil {
			t.Errorf("one that waited: %v", err)
		}
	}
	// Whoever leaves the queue makes room.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.SignIn.Login(ctx, g.client, ada, password, signin.Device{}); err == nil {
		t.Error("it waits for nobody")
	}
	if _, err := g.login(ada, password); err != nil {
		t.Error(err)
	}
}

// Who is checked against the old password while it is reset doesn't get in with it.
func TestAResetOvertakesALogin(t *testing.T) {
	g := newGame(t)
	g.player(t, ada, password)
	issued, err := g.SignIn.Reset(t.Context(), g.client, ada)
	if err != nil {
		t.Fatal(err)
	}
	code := composetest.Code(g.Mailed(t))
	h := held{g.Ports.Passwords, make(chan struct{}, 2), make(chan struct{})}
	slow := g.Replica(func(p *compose.Ports) { p.Passwords = late{h} })
	ended := make(chan error, 1)
	go func() {
		_, err := slow.SignIn.Login(context.Background(), g.client, ada, password, signin.Device{})
		ended <- err
	}()
	<-h.begun
	if err := g.SignIn.ConfirmReset(t.Context(), g.client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, "an entirely new one"); err != nil {
		t.Fatal(err)
	}
	close(h.let)
	refused(t, "the old password", <-ended, identity.ErrWrongCredentials)
}

// late checks at once, and tells when it is let go.
type late struct{ held }

func (l late) Check(password, hash string) (right, outdated bool) {
	right, outdated = l.Passwords.Check(password, hash)
	l.begun <- struct{}{}
	<-l.let
	return right, outdated
}

// Guessing is throttled by client and in all, and who is known at his address isn't locked out.
func TestGuessing(t *testing.T) {
	g := newGame(t)
	home := g.from("192.0.2.1")
	issued := g.register(t, home, ada, password)
	if _, err := g.SignIn.Verify(t.Context(), home, signin.TicketCode{Ticket: issued.Ticket, Code: composetest.Code(g.Mailed(t))}, signin.Device{Address: home.Address}); err != nil {
		t.Fatal(err)
	}
	guess := func(p tenancy.Principal, email, password string) error {
		_, err := g.SignIn.Login(t.Context(), p, email, password, signin.Device{Address: p.Address})
		return err
	}
	if err := guess(g.from("2001:db8:ffff:1::1"), ada, password); err != nil {
		t.Fatal(err)
	}
	rates := limits.Default().Rates[limits.EmailLogin]
	for _, email := range []string{ada, "unknown@example.com"} {
		guesser := g.from("198.51.100.1")
		for range rates.PerAddress.Burst {
			refused(t, "wrong", guess(guesser, email, "a wrong one"), identity.ErrWrongCredentials)
		}
		refused(t, "too often", guess(guesser, email, password), limits.ErrTooMany)
		refused(t, "in another case", guess(guesser, strings.ToUpper(email), password), limits.ErrTooMany)
	}
	if err := guess(g.from("198.51.100.2"), ada, password); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	// Many clients guess one address's password.
	for _, email := range []string{ada, "unknown@example.com"} {
		for i := 0; ; i++ {
			err := guess(g.from(fmt.Sprintf("2001:db8:%x::1", i)), email, "a wrong one")
			if errors.Is(err, limits.ErrTooMany) {
				break
			}
			refused(t, "wrong", err, identity.ErrWrongCredentials)
			if i > rates.PerCaller.Burst {
				t.Fatal("guessing from everywhere is not throttled")
			}
		}
		refused(t, "from anywhere", guess(g.from("203.0.113.9"), email, password), limits.ErrTooMany)
	}
	if err := guess(home, ada, password); err != nil {
		t.Errorf("from where he was: %v", err)
	}
	for _, address := range []string{"::ffff:192.0.2.1", "2001:db8:ffff:1:a:b:c:d"} {
		if err := guess(g.from(address), ada, password); err != nil {
			t.Errorf("from %s, where he was: %v", address, err)
		}
	}
	for _, address := range []string{"2001:db8:ffff:2::1", "192.0.2.3", ""} {
		refused(t, "from "+address, guess(g.from(address), ada, password), limits.ErrTooMany)
	}
	g.Clock.Advance(rates.PerCaller.Interval())
	if err := guess(g.from("203.0.113.9"), ada, password); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

func TestCodesAreNotForTheAsking(t *testing.T) {
	g := newGame(t)
	rates, inbox := limits.Default().Rates[limits.EmailCode], limits.Default().Rates[limits.EmailInbox]
	reset := func(client int, email string) error {
		_, err := g.SignIn.Reset(t.Context(), g.from(netip.AddrFrom4([4]byte{192, 0, 2, byte(client)}).String()), email)
		return err
	}
	for range inbox.PerAddress.Burst {
		if err := reset(1, ada); err != nil {
			t.Fatal(err)
		}
	}
	_, err := g.SignIn.Register(t.Context(), g.from("192.0.2.1"), strings.ToUpper(ada), password)
	refused(t, "one who asks too often for one address", err, limits.ErrTooMany)
	// The address's owner, elsewhere, has his code nevertheless.
	for i := range inbox.PerCaller.Burst - inbox.PerAddress.Burst {
		if err := reset(2+i/inbox.PerAddress.Burst, ada); err != nil {
			t.Fatalf("the owner waits for a stranger: %v", err)
		}
	}
	refused(t, "an inbox that gets too many", reset(99, ada), limits.ErrTooMany)
	for i := range rates.PerAddress.Burst - inbox.PerAddress.Burst {
		if err := reset(1, strings.Repeat("a", i+1)+"@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "a client who asks for too many", reset(1, "bob@example.com"), limits.ErrTooMany)
}

func TestAPlayerLinksNotAtWill(t *testing.T) {
	g := newGame(t)
	player := g.Enter(t, g.Guest(t, g.client).AccessToken)
	link := func(i int) error {
		from := player
		from.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
		_, err := g.SignIn.LinkEmail(t.Context(), from, strings.Repeat("a", i+1)+"@example.org", password)
		return err
	}
	burst := limits.Default().Rates[limits.EmailCode].PerCaller.Burst
	for i := range burst {
		if err := link(i); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "a player who asks from everywhere", link(burst), limits.ErrTooMany)
}

func TestThePurgeTakesTickets(t *testing.T) {
	g := newGame(t)
	g.register(t, g.client, ada, password)
	fresh := func() int {
		n, err := g.Ports.Store.Tickets().Purge(t.Context(), g.client.Scope(), g.Clock.Now().Add(48*time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	run := func() {
		t.Helper()
		l, held, err := g.Ports.Store.Leases().Acquire(t.Context(), jobs.LeasePrefix+"token-purge", "a", g.Clock.Now(), time.Minute)
		if err != nil || !held {
			t.Fatal(held, err)
		}
		if err := jobs.TokenPurge(g.Ports.Store, g.Clock).Run(t.Context(), jobs.NewTurn(g.Ports.Store, l)); err != nil {
			t.Fatal(err)
		}
	}
	g.Clock.Advance(24*time.Hour + time.Second)
	g.register(t, g.client, ada, password)
	run()
	if n := fresh(); n != 1 {
		t.Errorf("%d tickets are left", n)
	}
}
