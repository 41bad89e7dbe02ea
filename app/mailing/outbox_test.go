package mailing_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/mail"
)

const ada = "ada.lovelace@example.com"

// world is one with a mail that waits.
func world(t *testing.T) (w *composetest.World, client tenancy.Principal, issued signin.Issued) {
	w = composetest.New(t)
	w.Project(t, "game")
	client = w.Caller(t, operators.Place{Project: "game", Environment: "development"}, tenancy.PublishableKey)
	issued, err := w.SignIn.Register(t.Context(), client, ada, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	return w, client, issued
}

func TestAFailedMailIsTriedAgain(t *testing.T) {
	w, client, issued := world(t)
	w.Mail.Fail(errors.New("450 <" + ada + "> try later"))
	wait := time.Minute
	for attempt := range 9 {
		err := w.Outbox.Deliver(t.Context())
		if err == nil || strings.Contains(err.Error(), ada) || !strings.Contains(err.Error(), "a…@example.com") {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
		w.Clock.Advance(wait - time.Microsecond)
		if err := w.Outbox.Deliver(t.Context()); err != nil {
			t.Fatalf("attempt %d was repeated before %s: %v", attempt, wait, err)
		}
		w.Clock.Advance(time.Microsecond)
		wait = min(2*wait, time.Hour)
	}
	w.Mail.Fail(nil)
	code := composetest.Code(w.Mailed(t))
	if _, err := w.SignIn.Verify(t.Context(), client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, signin.Device{}); err != nil {
		t.Error(err)
	}
	if err := w.Outbox.Deliver(t.Context()); err != nil || len(w.Mail.Take()) != 0 {
		t.Errorf("it was sent twice: %v", err)
	}
}

func TestMailOfNoUseIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		fail  error
		after time.Duration
		told  bool
	}{
		"refused":     {mail.ErrRefused.Because(errors.New("550 no such user")), 0, true},
		"too old":     {nil, 24 * time.Hour, true},
		"still worth": {nil, 24*time.Hour - time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, _ := world(t)
			w.Mail.Fail(c.fail)
			w.Clock.Advance(c.after)
			err := w.Outbox.Deliver(t.Context())
			if (err != nil) != c.told || err != nil && strings.Contains(err.Error(), ada) {
				t.Errorf("got %v", err)
			}
			w.Mail.Fail(nil)
			if sent := len(w.Mail.Take()); (sent == 1) == c.told {
				t.Errorf("%d mails", sent)
			}
			w.Clock.Advance(24 * time.Hour)
			if err := w.Outbox.Deliver(t.Context()); err != nil || len(w.Mail.Take()) != 0 {
				t.Errorf("it still waits: %v", err)
			}
		})
	}
}

func TestACodeThatWasUsedIsNotMailed(t *testing.T) {
	w, client, issued := world(t)
	// The mail was sent, but whoever sent it died before he could note that.
	if err := w.Replica(func(p *compose.Ports) { p.Mail = dying{p.Mail} }).Outbox.Deliver(t.Context()); err == nil {
		t.Fatal("the sender did not die")
	}
	code := composetest.Code(w.Mail.Take()[0])
	if _, err := w.SignIn.Verify(t.Context(), client, signin.TicketCode{Ticket: issued.Ticket, Code: code}, signin.Device{}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Hour)
	if err := w.Outbox.Deliver(t.Context()); err != nil || len(w.Mail.Take()) != 0 {
		t.Errorf("it was sent again: %v", err)
	}
}

// dying sends and then fails.
type dying struct{ mail.Sender }

func (d dying) Send(ctx context.Context, m mail.Message) error {
	return errors.Join(d.Sender.Send(ctx, m), errors.New("died"))
}

// Many replicas that look for mail at once send each once, with the same code.
func TestReplicasShareTheMail(t *testing.T) {
	w, client, _ := world(t)
	for _, email := range []string{"b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com"} {
		if _, err := w.SignIn.Register(t.Context(), client, email, "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		r := w.Replica(nil)
		all.Go(func() { errs[i] = r.Outbox.Deliver(context.Background()) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	to := map[string]int{}
	for _, m := range w.Mail.Take() {
		to[string(m.To)]++
	}
	if len(to) != 6 {
		t.Errorf("mail to %v", to)
	}
	for address, n := range to {
		if n != 1 {
			t.Errorf("%d mails to %s", n, address)
		}
	}
}

func TestWokenTellsOfMailOnce(t *testing.T) {
	w, client, _ := world(t)
	if _, err := w.SignIn.Reset(t.Context(), client, ada); err != nil {
		t.Fatal(err)
	}
	<-w.Outbox.Woken()
	select {
	case <-w.Outbox.Woken():
		t.Error("it tells again")
	default:
	}
}

func TestADeliveryThatIsStopped(t *testing.T) {
	w, _, _ := world(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Outbox.Deliver(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	w.Mailed(t)
}

// A database that is read but not written gives the same mail again and again.
func TestADatabaseThatIsNotWrittenIsNotPressed(t *testing.T) {
	for name, after := range map[string]time.Duration{"claim": 0, "remove": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w, _, _ := world(t)
			w.Clock.Advance(after)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			writes, full := 0, errors.New("disk full")
			write := func() error {
				if writes++; writes > 3 {
					cancel()
				}
				return full
			}
			r := w.Replica(func(p *compose.Ports) { p.Store = readOnly{p.Store, write} })
			if err := r.Outbox.Deliver(ctx); !errors.Is(err, full) || errors.Is(err, context.Canceled) || writes != 1 {
				t.Errorf("%d writes: %v", writes, err)
			}
		})
	}
}

// readOnly refuses to write the mail that waits.
type readOnly struct {
	datastore.Datastore
	write func() error
}

func (r readOnly) Mails() mail.Outbox { return readOnlyMails{r.Datastore.Mails(), r.write} }

type readOnlyMails struct {
	mail.Outbox
	write func() error
}

func (m readOnlyMails) Claim(context.Context, mail.Entry, time.Time) error { return m.write() }

func (m readOnlyMails) Remove(context.Context, mail.Entry) error { return m.write() }
