package servers_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
)

// reference is what seats of one server are, told in the simplest way.
type reference struct {
	most      int
	draining  bool
	promised  map[identity.PlayerID]promise
	admitted  map[identity.PlayerID]bool
	tickets   map[identity.PlayerID][]issued // all that each ever got, used ones too
	named     servers.Named
	beatUntil time.Time
}

type promise struct {
	ticket string
	until  time.Time
}

type issued struct {
	promise
	generation int64
}

func (r *reference) forget(now time.Time) {
	for player, p := range r.promised {
		if !now.Before(p.until) {
			delete(r.promised, player)
		}
	}
}

// taken counts seats, one a player.
func (r *reference) taken() int {
	n := len(r.admitted)
	for player := range r.promised {
		if !r.admitted[player] {
			n++
		}
	}
	return n
}

// TestSeatsAreAsInTheReference has two replicas do anything in any order, and
// compares each answer with what the reference says.
func TestSeatsAreAsInTheReference(t *testing.T) {
	for name, world := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, world(t))
			replicas := []*servers.UseCases{f.Servers, f.Replica(nil).Servers}
			players := make([]identity.PlayerID, 5)
			for i := range players {
				_, players[i] = f.player()
			}
			runs := 0
			rapid.Check(t, func(rt *rapid.T) {
				runs++
				id := registry.ServerID(fmt.Sprintf("arena-%d", runs))
				r := &reference{most: rapid.IntRange(1, 3).Draw(rt, "seats")}
				for range rapid.IntRange(1, 30).Draw(rt, "steps") {
					f.step(rt, replicas[rapid.IntRange(0, 1).Draw(rt, "replica")], r, id, rapid.SampledFrom(players).Draw(rt, "player"))
				}
			})
		})
	}
}

func (f *fleet) step(rt *rapid.T, on *servers.UseCases, r *reference, id registry.ServerID, player identity.PlayerID) {
	ctx := f.t.Context()
	f.Clock.Advance(time.Duration(rapid.IntRange(0, 12).Draw(rt, "seconds")) * time.Second)
	now := f.Clock.Now()
	r.forget(now)
	what := rapid.SampledFrom([]string{"reserve", "reserve", "admit", "admit", "leave", "drain", "beat", "beat", "zombie"}).Draw(rt, "what")
	if r.named.ID == "" || rapid.IntRange(0, 14).Draw(rt, "again") == 0 {
		s, err := on.Register(ctx, f.server, id, announced(r.most), registry.Ready)
		if err != nil || s.Generation <= r.named.Generation {
			rt.Fatalf("registered: %+v, %v", s, err)
		}
		*r = reference{
			most: r.most, promised: map[identity.PlayerID]promise{}, admitted: map[identity.PlayerID]bool{}, tickets: r.tickets,
			named: servers.Named{ID: id, Generation: s.Generation}, beatUntil: now.Add(30 * time.Second),
		}
		if r.tickets == nil {
			r.tickets = map[identity.PlayerID][]issued{}
		}
		return
	}
	expect := func(err, want error) {
		rt.Helper()
		if !errors.Is(err, want) || want == nil && err != nil {
			rt.Fatalf("%s: got %v, want %v; %+v", what, err, want, r)
		}
	}
	switch what {
	case "reserve":
		got, err := on.Reserve(ctx, f.server, id, player)
		p, again := r.promised[player]
		switch {
		case !now.Before(r.beatUntil):
			expect(err, registry.ErrServerNotFound)
			return
		case again, r.admitted[player]:
			expect(err, nil)
		case r.draining:
			expect(err, registry.ErrNotReady)
			return
		case r.taken() >= r.most:
			expect(err, registry.ErrFull)
			return
		}
		expect(err, nil)
		seat := got.Seats[0]
		if again && (seat.Ticket != p.ticket || !seat.Until.Equal(p.until)) {
			rt.Fatalf("another promise: %+v", seat)
		}
		r.promised[player] = promise{seat.Ticket, seat.Until}
		r.tickets[player] = append(r.tickets[player], issued{r.promised[player], r.named.Generation})
	case "admit":
		if len(r.tickets[player]) == 0 {
			return
		}
		t := rapid.SampledFrom(r.tickets[player]).Draw(rt, "ticket")
		_, err := on.Admit(ctx, f.server, r.named, servers.Admission{Ticket: t.ticket})
		switch {
		case t.generation != r.named.Generation, !now.Before(t.until.Truncate(time.Second)):
			expect(err, registry.ErrTicket)
		case r.promised[player].ticket != t.ticket:
			expect(err, registry.ErrTicketUsed)
		default:
			expect(err, nil)
			delete(r.promised, player)
			r.admitted[player] = true
		}
	case "leave":
		err := on.Leave(ctx, f.server, r.named, player)
		if _, promised := r.promised[player]; !promised && !r.admitted[player] {
			expect(err, registry.ErrNotSeated)
			return
		}
		expect(err, nil)
		delete(r.promised, player)
		delete(r.admitted, player)
	case "drain":
		_, err := on.Drain(ctx, f.server, r.named, false)
		expect(err, nil)
		r.draining = true
	case "beat":
		s, err := on.Heartbeat(ctx, f.server, r.named, registry.Beat{State: registry.Ready})
		expect(err, nil)
		r.beatUntil = now.Add(30 * time.Second)
		if o := s.Occupancy(now); o.Players != len(r.admitted) || o.Players+o.Reserved != r.taken() || o.Free != r.most-r.taken() {
			rt.Fatalf("%+v, want %+v", o, r)
		}
	case "zombie":
		old := servers.Named{ID: id, Generation: r.named.Generation - 1}
		_, err := on.Heartbeat(ctx, f.server, old, registry.Beat{State: registry.Draining})
		expect(err, registry.ErrSuperseded)
		expect(on.Leave(ctx, f.server, old, player), registry.ErrSuperseded)
		expect(on.Deregister(ctx, f.server, old), registry.ErrSuperseded)
		_, err = on.Drain(ctx, f.server, old, true)
		expect(err, registry.ErrSuperseded)
	}
}
