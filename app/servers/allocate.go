package servers

import (
	"context"
	"errors"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Strategy says which of the servers that would do is filled.
type Strategy string

const (
	Packed Strategy = "packed" // the fullest, so that others can end
	Spread Strategy = "spread" // the emptiest
)

// Party is who wants to be on one server, all together.
type Party struct {
	Players  []identity.PlayerID
	Filter   registry.Filter
	Strategy Strategy
}

// Allocate promises a party seats of one ready server: all of them, or none and
// ErrNoneAvailable. That is said when each server that fits was asked, or had not the seats in a picture that was begun
// after the call. Of servers that others ask at once, this replica's callers each take their own.
func (u *UseCases) Allocate(ctx context.Context, p tenancy.Principal, party Party, effects ...once.Effect[Reservation]) (Reservation, error) {
	b, wish := u.gallery.book(p.Scope()), party.choice()
	begun, contested := b.number(), false
	latest, err := u.gallery.current(ctx, p.Scope(), b, nil)
	for err == nil {
		id, by := b.claims.claim(latest, wish, contested)
		switch {
		case id != "":
			r, err := u.ask(ctx, p, &b.claims, id, by, wish, party, effects)
			if err == nil || !elsewhere(err) {
				return r, err
			}
		case by.number <= begun:
			latest, err = u.gallery.current(ctx, p.Scope(), b, by)
		case !contested:
			contested = true // of those who have asked already, some may be refused
		default:
			return Reservation{}, registry.ErrNoneAvailable
		}
	}
	return Reservation{}, err
}

// ask asks the server that was chosen.
func (u *UseCases) ask(
	ctx context.Context, p tenancy.Principal, c *claims, id registry.ServerID, by *picture, wish choice, party Party, effects []once.Effect[Reservation],
) (Reservation, error) {
	var learnt *registry.Server
	defer func() { c.settle(id, by, wish, learnt, u.parts.Clock.Now()) }()
	r, err := u.reserve(ctx, p, id, party.Players, audit.SeatsAllocated, effects)
	if err == nil || elsewhere(err) {
		learnt = &r.Server
	}
	return r, err
}

// elsewhere tells whether another server may do what this one refused.
func elsewhere(err error) bool {
	return errors.Is(err, registry.ErrFull) || errors.Is(err, registry.ErrNotReady) || errors.Is(err, registry.ErrServerNotFound)
}
