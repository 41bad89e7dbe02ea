package composetest

import (
	"context"
	"regexp"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/ports/mail"
)

// Mailbox is everybody's: it takes all mail, unless it is told to fail.
type Mailbox struct {
	mu   sync.Mutex
	mail []mail.Message
	fail error
}

var _ mail.Sender = (*Mailbox)(nil)

func (b *Mailbox) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.mail = append(b.mail, m)
	}
	return b.fail
}

func (*Mailbox) Close() error { return nil }

// Fail has every Send answer with the error, nil to take mail again.
func (b *Mailbox) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

// Take empties the mailbox.
func (b *Mailbox) Take() []mail.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.mail
	b.mail = nil
	return taken
}

// Mailed delivers what waits and gives the one mail that came of it.
func (w *World) Mailed(t testing.TB) mail.Message {
	t.Helper()
	if err := w.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken := w.Mail.Take()
	if len(taken) != 1 {
		t.Fatalf("%d mails: %v", len(taken), taken)
	}
	return taken[0]
}

var code = regexp.MustCompile(`(?m)^    ([0-9A-Z]{7}(?:-[0-9A-Z]{7}){3})$`)

// Code is that of a mail; empty when it has none.
func Code(m mail.Message) string {
	found := code.FindStringSubmatch(m.Text)
	if found == nil {
		return ""
	}
	return found[1]
}
