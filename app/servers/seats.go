package servers

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Ticketed is a promised seat with the ticket that lets its player take it.
type Ticketed struct {
	registry.Seat
	Ticket string
}

// Reservation is seats of one server.
type Reservation struct {
	Server registry.Server
	Seats  []Ticketed
}

// Reserve promises a player a seat of a server, until limits.SeatTime has passed. Who
// has a promise already gets it again, with the same ticket.
func (u *UseCases) Reserve(
	ctx context.Context, p tenancy.Principal, id registry.ServerID, player identity.PlayerID, effects ...once.Effect[Reservation],
) (Reservation, error) {
	if p.Kind() == tenancy.PlayerToken {
		if err := u.browses(ctx, p); err != nil {
			return Reservation{}, err
		}
		// It bounds the seats that a player, and an address, keeps without taking them.
		address, _ := netip.ParseAddr(p.Address)
		if err := u.parts.Throttle.Seat(ctx, p, address); err != nil {
			return Reservation{}, err
		}
	}
	return u.reserve(ctx, p, id, []identity.PlayerID{player}, audit.SeatReserved, effects)
}

// reserve promises all of the players seats of one server, or none. With a refusal
// comes the server that gave it, if there is one, and no seats.
func (u *UseCases) reserve(
	ctx context.Context, p tenancy.Principal, id registry.ServerID, players []identity.PlayerID, action audit.Action, effects []once.Effect[Reservation],
) (Reservation, error) {
	key, err := u.parts.Keys.Signer(ctx, p.Scope())
	if err != nil {
		return Reservation{}, err
	}
	wanted := make([]registry.Wanted, len(players))
	for i, player := range players {
		wanted[i] = registry.Wanted{Player: player, Ticket: u.parts.IDs.New()}
	}
	signed := func(done outcome) (Reservation, error) { return u.signed(p.Scope(), key, done) }
	w := work{
		principal: p, scope: p.Scope(), server: id, action: action, effects: told(effects, signed),
		apply: func(before *registry.Server, now time.Time) (outcome, error) {
			if before == nil {
				return outcome{}, registry.ErrServerNotFound
			}
			next, seats, err := before.Reserve(wanted, now, u.parts.Limits.SeatTime)
			if err != nil {
				next = *before
			}
			return outcome{server: next, seats: seats}, err
		},
	}
	if p.Kind() != tenancy.PlayerToken {
		w.players = players
	}
	done, err := u.do(ctx, w)
	if err != nil {
		return Reservation{Server: done.server}, err
	}
	return signed(done)
}

// signed writes the tickets of promised seats. Those of one promise are the same text
// each time, as long as the same key signs.
func (u *UseCases) signed(scope tenancy.Scope, key identity.SigningKey, done outcome) (Reservation, error) {
	r := Reservation{Server: done.server, Seats: make([]Ticketed, len(done.seats))}
	for i, seat := range done.seats {
		ticket, err := u.parts.Tickets.Sign(registry.TicketClaims{
			Issuer: string(u.parts.Issuer), Environment: scope.Environment(), Server: done.server.ID, Generation: done.server.Generation,
			Seat: seat.Number, Player: seat.Player, ID: seat.Ticket, IssuedAt: seat.Until.Add(-u.parts.Limits.SeatTime), ExpiresAt: seat.Until,
		}, key)
		if err != nil {
			return r, fmt.Errorf("sign join ticket: %w", err)
		}
		r.Seats[i] = Ticketed{seat, ticket}
	}
	return r, nil
}

// Admission is a player who came in: by a ticket, or by the server's own word.
type Admission struct {
	Ticket string
	Player identity.PlayerID // empty with a ticket: whose it is
}

// Admit gives a player his seat for as long as he stays. A ticket is used up by it.
func (u *UseCases) Admit(ctx context.Context, p tenancy.Principal, n Named, a Admission, effects ...once.Effect[registry.Seat]) (registry.Seat, error) {
	id, players := "", []identity.PlayerID{a.Player}
	if a.Ticket != "" {
		keys, err := u.parts.Keys.Keys(ctx, p.Scope())
		if err != nil {
			return registry.Seat{}, err
		}
		now := u.parts.Clock.Now()
		claims, err := u.parts.Tickets.Verify(a.Ticket, keys.Published(now), string(u.parts.Issuer), p.Scope().Environment(), n.ID, now)
		if err != nil {
			return registry.Seat{}, err
		}
		if claims.Generation != n.Generation || a.Player != "" && a.Player != claims.Player {
			return registry.Seat{}, registry.ErrTicket
		}
		a.Player, id, players = claims.Player, claims.ID, nil
	}
	seatOf := func(done outcome) (registry.Seat, error) { return done.seats[0], nil }
	done, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: n.ID, players: players, effects: told(effects, seatOf),
		apply: func(before *registry.Server, now time.Time) (outcome, error) {
			var seat registry.Seat
			done, err := n.of(func(s registry.Server, now time.Time) (next registry.Server, err error) {
				next, seat, err = s.Admit(a.Player, id, now)
				return next, err
			})(before, now)
			done.seats = []registry.Seat{seat}
			return done, err
		},
	})
	if err != nil {
		return registry.Seat{}, err
	}
	return done.seats[0], nil
}

// Leave frees a player's seat, whether he took it or not.
func (u *UseCases) Leave(ctx context.Context, p tenancy.Principal, n Named, player identity.PlayerID, effects ...once.Effect[once.Nothing]) error {
	_, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: n.ID, effects: told(effects, nothing),
		apply: n.of(func(s registry.Server, now time.Time) (registry.Server, error) { return s.Leave(player, now) }),
	})
	return err
}
