package registry

import (
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// TicketClaims are what a join ticket says: that this player may take this seat of
// this generation of this server, once, until a time.
type TicketClaims struct {
	Issuer      string
	Environment tenancy.EnvironmentID
	Server      ServerID
	Generation  int64
	Seat        int
	Player      identity.PlayerID
	ID          string
	IssuedAt    time.Time // whole seconds
	ExpiresAt   time.Time // whole seconds
}

// Tickets signs and verifies join tickets.
type Tickets interface {
	// Sign writes a ticket, with times cut to whole seconds. The same claims
	// signed with the same key are the same text.
	Sign(claims TicketClaims, key identity.SigningKey) (string, error)
	// Verify believes a ticket only if all of it is as Sign would have written it with one of the keys, for
	// this server of this environment, and now is before its end; else it is ErrTicket.
	Verify(ticket string, keys identity.KeySet, issuer string, environment tenancy.EnvironmentID, server ServerID, now time.Time) (TicketClaims, error)
}
