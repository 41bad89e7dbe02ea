package mail

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Message is a mail in plain text.
type Message struct {
	From     identity.Address
	FromName string // shown beside From; may be empty
	To       identity.Address
	Subject  string // one line
	Text     string // lines end with \n
}

// Sender hands messages over. It returns soon after ctx ends. What is in a
// message, even with line breaks where none belong, never becomes a header, a
// recipient or a command.
type Sender interface {
	// Send returns when somebody else has taken responsibility for the message.
	// ErrRefused says that sending the same again is of no use.
	Send(ctx context.Context, message Message) error
	// Close gives up what is held open, if anything.
	Close() error
}

// ErrRefused says that this message will never be taken.
var ErrRefused = fault.New(fault.Invalid, "mail.refused", "The mail server refuses this message.")

// Entry is a mail that waits to be sent. It says what is to be told, and not in
// which words: those are found when it is sent.
type Entry struct {
	ID          string
	Environment tenancy.EnvironmentID
	Kind        string
	Address     identity.Address
	// Ticket is the hash of the ticket whose code is mailed; zero for mail without one.
	Ticket    [sha256.Size]byte
	Attempts  int // begun so far
	CreatedAt time.Time
	DueAt     time.Time
	// ExpiresAt is when sending it has become of no use.
	ExpiresAt time.Time
}

// Outbox stores the mail that waits. Its methods but Put reach every environment:
// an entry says whose it is.
type Outbox interface {
	Put(ctx context.Context, scope tenancy.Scope, entry Entry) error
	// Due gives up to limit entries that are due at now, those first that are longest.
	Due(ctx context.Context, now time.Time, limit int) ([]Entry, error)
	// Claim puts off an entry until then and counts an attempt; ErrClaimed when
	// its DueAt is no longer that of the entry given, or it is gone.
	Claim(ctx context.Context, entry Entry, until time.Time) error
	// Remove of one that is gone is no error.
	Remove(ctx context.Context, entry Entry) error
}

// ErrClaimed says that somebody else is at it.
var ErrClaimed = fault.New(fault.Conflict, "mail.claimed", "Somebody else is sending this mail.")
