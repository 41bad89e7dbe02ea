package registry

import (
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

// Beat is a server's word that it is alive, and what has changed.
type Beat struct {
	State State // empty: as it was
	// Count is how many players are there; nil: not said.
	Count *int
	// Players are who is there, each once; nil: not said. Not together with Count.
	Players []identity.PlayerID
	Map     *string  // nil: as it was
	Tags    []string // nil: as they were
}

// settle is how long a seat counts as taken whatever a heartbeat says, which may have
// been written before its player came in.
const settle = 10 * time.Second

// Beat gives the server after a heartbeat, whose lease goes on from now. One
// whose lease has ended is back.
//
// A list of players says who has taken a seat. A count says how many are there,
// those without a seat too; if it is less than the seats that are taken, those who
// came first have left without a word.
func (s Server) Beat(b Beat, limits Limits, now time.Time, lease time.Duration) (Server, error) {
	var check fault.Check
	next := s
	next.ExpiresAt = now.Add(lease)
	switch b.State {
	case "":
	case Starting, Ready, Draining:
		if s.State != Draining {
			next.State = b.State
		}
	default:
		check.Add("/state", "not_allowed", "One of starting, ready, draining.")
	}
	if b.Map != nil {
		next.Map = checkedWord(&check, "/map", *b.Map)
	}
	if b.Tags != nil {
		next.Tags = checkedTags(&check, "/tags", b.Tags, limits.Tags)
	}
	switch {
	case b.Count != nil && b.Players != nil:
		check.Add("/player_count", "not_allowed", "Not together with players.")
	case b.Count != nil && (*b.Count < 0 || *b.Count > s.MaxPlayers):
		check.Add("/player_count", "out_of_range", "From 0 to max_players, which is %d.", s.MaxPlayers)
	case len(b.Players) > s.MaxPlayers:
		check.Add("/players", "out_of_range", "At most max_players, which is %d.", s.MaxPlayers)
	}
	if err := check.Err(); err != nil {
		return Server{}, err
	}
	switch {
	case b.Count != nil:
		next.Players, next.Seats = *b.Count, counted(s.live(now), *b.Count, now)
	case b.Players != nil:
		next.Players, next.Seats = len(b.Players), listed(s.live(now), b.Players, s.MaxPlayers, now)
	}
	return next.after(s), nil
}

// counted lets go of the seats of those who came first, as many as are taken past the count.
func counted(seats []Seat, count int, now time.Time) []Seat {
	gone := -count
	var old []Seat
	for _, seat := range seats {
		if seat.Taken() {
			gone++
			if !seat.AdmittedAt.Add(settle).After(now) {
				old = append(old, seat)
			}
		}
	}
	if gone <= 0 {
		return seats
	}
	slices.SortStableFunc(old, func(a, b Seat) int { return a.AdmittedAt.Compare(b.AdmittedAt) })
	old = old[:min(gone, len(old))]
	return slices.DeleteFunc(seats, func(seat Seat) bool {
		return slices.ContainsFunc(old, func(o Seat) bool { return o.Number == seat.Number })
	})
}

// listed gives seats to who is there, as far as there are any, and takes those of
// who is not.
func listed(seats []Seat, players []identity.PlayerID, most int, now time.Time) []Seat {
	here := make(map[identity.PlayerID]bool, len(players))
	for _, player := range players {
		here[player] = true
	}
	seats = slices.DeleteFunc(seats, func(seat Seat) bool {
		return seat.Taken() && !here[seat.Player] && !seat.AdmittedAt.Add(settle).After(now)
	})
	for i, seat := range seats {
		if here[seat.Player] {
			seats[i] = seat.taken(now)
			delete(here, seat.Player)
		}
	}
	for _, player := range players {
		if here[player] && len(seats) < most {
			seats = seated(seats, Seat{Player: player, AdmittedAt: now})
			delete(here, player)
		}
	}
	return seats
}
