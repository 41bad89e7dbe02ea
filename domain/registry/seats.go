package registry

import (
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
)

// Seat is one of a server's that is promised to a player, or taken.
type Seat struct {
	Number int // from 1 to MaxPlayers
	Player identity.PlayerID
	// Ticket is the id of the join ticket that admits the player once; empty when there is none.
	Ticket string
	// Until is when the ticket ends, and the promise with it unless the seat is taken.
	Until time.Time
	// AdmittedAt is when the player took it; zero while it is only promised.
	AdmittedAt time.Time
}

// Taken tells whether the player is on the server.
func (s Seat) Taken() bool { return !s.AdmittedAt.IsZero() }

// Promised tells whether there is a ticket that is good at now.
func (s Seat) Promised(now time.Time) bool { return s.Ticket != "" && now.Before(s.Until) }

// taken is the seat once its player is on the server. A ticket that is under way
// to one who is there already stays good.
func (s Seat) taken(now time.Time) Seat {
	if s.Taken() {
		return s
	}
	return Seat{Number: s.Number, Player: s.Player, AdmittedAt: now}
}

// Wanted is a player who wants a seat, with the id for the ticket.
type Wanted struct {
	Player identity.PlayerID
	Ticket string
}

// Occupancy is how many are on a server, how many are promised a seat besides, and
// how many seats are left.
type Occupancy struct{ Players, Reserved, Free int }

// Occupancy counts at now.
func (s Server) Occupancy(now time.Time) Occupancy {
	taken, promised := 0, 0
	for _, seat := range s.Seats {
		switch {
		case seat.Taken():
			taken++
		case seat.Promised(now):
			promised++
		}
	}
	o := Occupancy{Players: max(s.Players, taken), Reserved: promised}
	o.Free = max(0, s.MaxPlayers-o.Players-o.Reserved)
	return o
}

// live are the seats that are taken or promised at now, as a slice of its own.
func (s Server) live(now time.Time) []Seat {
	var seats []Seat
	for _, seat := range s.Seats {
		if seat.Taken() || seat.Promised(now) {
			seats = append(seats, seat)
		}
	}
	return seats
}

// Reserve gives the server that has promised each a seat for so long, and the seats in the order of
// the wanted: all of them or none. Who has a promise keeps it as it is, and who is on
// the server gets a ticket to come back to his seat; a server that takes nobody
// in does these too. ErrServerNotFound, ErrNotReady or ErrFull otherwise.
func (s Server) Reserve(wanted []Wanted, now time.Time, hold time.Duration) (Server, []Seat, error) {
	if !s.Alive(now) {
		return Server{}, nil, ErrServerNotFound
	}
	next := s
	next.Seats = s.live(now)
	free := s.Occupancy(now).Free
	given := make([]Seat, len(wanted))
	for i, w := range wanted {
		at := slices.IndexFunc(next.Seats, func(seat Seat) bool { return seat.Player == w.Player })
		switch {
		case at >= 0 && next.Seats[at].Promised(now):
		case at >= 0:
			next.Seats[at].Ticket, next.Seats[at].Until = w.Ticket, now.Add(hold)
		case s.State != Ready:
			return Server{}, nil, ErrNotReady
		case free == 0:
			return Server{}, nil, ErrFull
		default:
			free--
			next.Seats = seated(next.Seats, Seat{Player: w.Player, Ticket: w.Ticket, Until: now.Add(hold)})
			at = slices.IndexFunc(next.Seats, func(seat Seat) bool { return seat.Player == w.Player })
		}
		given[i] = next.Seats[at]
	}
	if slices.Equal(next.Seats, s.Seats) {
		return s, given, nil
	}
	return next.after(s), given, nil
}

// Admit gives the server whose player has taken his seat. With a ticket's id that
// ticket is used up: ErrTicketUsed when it is not the one that the seat waits for.
// Without, the server lets somebody in by its own word: ErrFull when he has no seat and none is left.
func (s Server) Admit(player identity.PlayerID, ticket string, now time.Time) (Server, Seat, error) {
	next := s
	next.Seats = s.live(now)
	at := slices.IndexFunc(next.Seats, func(seat Seat) bool { return seat.Player == player })
	switch {
	case ticket != "" && (at < 0 || next.Seats[at].Ticket != ticket || !next.Seats[at].Promised(now)):
		return Server{}, Seat{}, ErrTicketUsed
	case at < 0 && s.Occupancy(now).Free == 0:
		return Server{}, Seat{}, ErrFull
	case at < 0:
		next.Seats = seated(next.Seats, Seat{Player: player})
		at = slices.IndexFunc(next.Seats, func(seat Seat) bool { return seat.Player == player })
	}
	seat := &next.Seats[at]
	if !seat.Taken() {
		next.Players = min(next.Players+1, s.MaxPlayers)
		seat.AdmittedAt = now
	}
	seat.Ticket, seat.Until = "", time.Time{}
	if slices.Equal(next.Seats, s.Seats) {
		return s, *seat, nil
	}
	return next.after(s), *seat, nil
}

// Leave gives the server without the player: his seat is free, taken or promised.
// ErrNotSeated when he has none.
func (s Server) Leave(player identity.PlayerID, now time.Time) (Server, error) {
	next := s
	next.Seats = s.live(now)
	at := slices.IndexFunc(next.Seats, func(seat Seat) bool { return seat.Player == player })
	if at < 0 {
		return Server{}, ErrNotSeated
	}
	if next.Seats[at].Taken() {
		next.Players = max(0, next.Players-1)
	}
	next.Seats = slices.Delete(next.Seats, at, at+1)
	return next.after(s), nil
}

// seated adds a seat at the least number that is not in use. There must be one.
func seated(seats []Seat, seat Seat) []Seat {
	at := 0
	for at < len(seats) && seats[at].Number == at+1 {
		at++
	}
	seat.Number = at + 1
	return slices.Insert(seats, at, seat)
}
