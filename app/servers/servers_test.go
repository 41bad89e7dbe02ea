package servers_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestADeadServerIsInNoList(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	a, b := f.open("a", announced(4)), f.open("b", announced(4))
	f.Clock.Advance(20 * time.Second)
	if err := f.beat(b); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(10*time.Second - moment)
	if got := f.listed(registry.Filter{}); len(got) != 2 {
		t.Fatalf("before its lease ends: %v", got)
	}
	f.Clock.Advance(moment)
	if got := f.listed(registry.Filter{}); !slices.Equal(got, []registry.ServerID{"b"}) {
		t.Errorf("at the moment its lease ends, in a picture of before: %v", got)
	}
	if _, err := f.Servers.Server(t.Context(), f.server, "a"); !errors.Is(err, registry.ErrServerNotFound) {
		t.Errorf("by id: %v", err)
	}
	if _, err := f.Servers.Reserve(t.Context(), f.server, "a", f.Guest(t, f.client).Player); !errors.Is(err, registry.ErrServerNotFound) {
		t.Errorf("a seat of it: %v", err)
	}
	if err := f.beat(a); err != nil {
		t.Errorf("it comes back: %v", err)
	}
	f.Clock.Advance(servers.Fresh)
	if got := f.listed(registry.Filter{}); len(got) != 2 {
		t.Errorf("once it is back: %v", got)
	}
}

func TestThePrunedRegisterAgain(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	a := f.open("a", announced(4))
	f.open("b", announced(4))
	prune := func() {
		t.Helper()
		l, held, err := f.Ports.Store.Leases().Acquire(t.Context(), jobs.LeasePrefix+"stale-servers", "one", f.Clock.Now(), time.Minute)
		if err != nil || !held {
			t.Fatal(err)
		}
		if err := jobs.StaleServers(f.Ports.Store, f.Clock).Run(t.Context(), jobs.NewTurn(f.Ports.Store, l)); err != nil {
			t.Fatal(err)
		}
	}
	f.Clock.Advance(10*time.Minute + 30*time.Second)
	prune()
	if err := f.beat(a); err != nil {
		t.Errorf("not pruned yet: %v", err)
	}
	f.Clock.Advance(moment)
	prune()
	if err := f.beat(a); err != nil {
		t.Errorf("alive: %v", err)
	}
	if left, err := f.Servers.List(t.Context(), environmentOf(t, f), "", 10); err != nil || len(left) != 1 {
		t.Errorf("left: %+v, %v", left, err)
	}
	f.Clock.Advance(11 * time.Minute)
	prune()
	if err := f.beat(a); !errors.Is(err, registry.ErrServerNotFound) {
		t.Errorf("pruned: %v", err)
	}
	if again := f.open("a", announced(4)); again.Generation <= a.Generation {
		t.Errorf("generation %d follows %d", again.Generation, a.Generation)
	}
}

func environmentOf(t *testing.T, f *fleet) tenancy.Environment {
	t.Helper()
	e, err := f.Ports.Store.Environments().Get(t.Context(), f.server.Scope().Environment())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReadersShareAPictureAndAnAnswer(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	for i := range 30 {
		f.open(registry.ServerID(fmt.Sprintf("s%02d", i)), announced(4))
	}
	query := servers.Query{Sort: registry.ByName, Limit: 10}
	var mu sync.Mutex
	pages := map[*servers.Page]bool{}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			page, err := f.Servers.Browse(t.Context(), f.server, query)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := page.Encoded(false, func() ([]byte, error) { return []byte("x"), nil }); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			pages[page] = true
		})
	}
	all.Wait()
	if s := f.Servers.Pictures(); len(pages) != 1 || s.Taken != 1 || s.Answers != 1 || s.Browses != 200 || s.Fetched != 30 {
		t.Errorf("%d pages, %+v", len(pages), s)
	}
	// A heartbeat with nothing new costs a mark, and no row.
	f.Clock.Advance(servers.Fresh)
	if err := f.beat(f.open("s00", announced(4))); err != nil {
		t.Fatal(err)
	}
	f.listed(registry.Filter{})
	if s := f.Servers.Pictures(); s.Taken != 2 || s.Fetched != 31 {
		t.Errorf("after a second: %+v", s)
	}
	seen := []registry.ServerID{}
	for q := query; ; {
		page, err := f.Servers.Browse(t.Context(), f.server, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Servers {
			seen = append(seen, s.ID)
		}
		if q.After = page.Next; q.After == nil {
			break
		}
	}
	if len(seen) != 30 || !slices.IsSorted(seen) {
		t.Errorf("in pages: %v", seen)
	}
}

// A question that many ask is answered once, whatever was asked before it.
func TestOddQuestionsLeaveRoomForCommonOnes(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	f.open("a", announced(4))
	for i := range 2_000 {
		f.listed(registry.Filter{AnyTags: []string{fmt.Sprintf("x%d", i)}})
	}
	before := f.Servers.Pictures()
	for range 10 {
		f.listed(registry.Filter{MinFree: 1})
	}
	if after := f.Servers.Pictures(); after.Taken != before.Taken || after.Answers != before.Answers+1 {
		t.Errorf("answered %d times", after.Answers-before.Answers)
	}
}

func TestTicketsAdmitOnce(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	a, b := f.open("a", announced(2)), f.open("b", announced(2))
	ada, adasID := f.player()
	_, bobsID := f.player()
	r, err := f.Servers.Reserve(t.Context(), ada, "a", adasID)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Servers.Reserve(t.Context(), ada, "a", adasID)
	if err != nil || again.Seats[0] != r.Seats[0] {
		t.Errorf("asked twice: %+v, %v", again, err)
	}
	ticket := r.Seats[0].Ticket
	admit := func(n servers.Named, admission servers.Admission) error {
		_, err := f.Servers.Admit(t.Context(), f.server, n, admission)
		return err
	}
	elsewhere := f.Caller(t, operators.Place{Project: "game", Environment: "staging"}, tenancy.ServerToken)
	_, err = f.Servers.Admit(t.Context(), elsewhere, a, servers.Admission{Ticket: ticket})
	for name, err := range map[string]error{
		"another server": admit(b, servers.Admission{Ticket: ticket}), "another generation": admit(servers.Named{ID: "a", Generation: a.Generation + 1}, servers.Admission{Ticket: ticket}),
		"another player": admit(a, servers.Admission{Ticket: ticket, Player: bobsID}), "another environment": err, "no ticket": admit(a, servers.Admission{Ticket: "x"}),
		"an access token": admit(a, servers.Admission{Ticket: f.Guest(t, f.client).AccessToken}), "cut off": admit(a, servers.Admission{Ticket: ticket[:len(ticket)-1]}),
	} {
		if !errors.Is(err, registry.ErrTicket) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Authenticate(ticket); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("a ticket as an access token: %v", err)
	}
	if err := admit(a, servers.Admission{Ticket: ticket, Player: adasID}); err != nil {
		t.Fatal(err)
	}
	if err := admit(a, servers.Admission{Ticket: ticket}); !errors.Is(err, registry.ErrTicketUsed) {
		t.Errorf("the second time: %v", err)
	}
	late, err := f.Servers.Reserve(t.Context(), f.server, "a", bobsID)
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(limits.Default().SeatTime)
	if err := admit(a, servers.Admission{Ticket: late.Seats[0].Ticket}); !errors.Is(err, registry.ErrTicket) {
		t.Errorf("too late: %v", err)
	}
	if err := admit(a, servers.Admission{Player: identity.PlayerID("00000000-0000-7000-8000-000000000000")}); !errors.Is(err, identity.ErrPlayerNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestPlayersReserveOnlySoOften(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	ada, id := f.player()
	taken := 0
	for i := range 30 {
		server := registry.ServerID(fmt.Sprintf("s%02d", i))
		f.open(server, announced(1))
		_, err := f.Servers.Reserve(t.Context(), ada, server, id)
		switch {
		case err == nil:
			taken++
		case fault.KindOf(err) != fault.TooMany:
			t.Fatal(err)
		}
	}
	if most := limits.Default().Rates[limits.TakeSeat].PerCaller.Burst; taken > most {
		t.Errorf("one player keeps %d seats, and may %d", taken, most)
	}
}

func TestOneSeatAndAHundredCallers(t *testing.T) {
	for name, world := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, world(t))
			other := f.Replica(func(*compose.Ports) {})
			n := f.open("a", announced(1))
			players := make([]identity.PlayerID, 100)
			for i := range players {
				_, players[i] = f.player()
			}
			var mu sync.Mutex
			var won []servers.Reservation
			var all sync.WaitGroup
			for i, player := range players {
				on := []*servers.UseCases{f.Servers, other.Servers}[i%2]
				all.Go(func() {
					r, err := on.Reserve(t.Context(), f.server, "a", player)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, r)
					} else if !errors.Is(err, registry.ErrFull) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if len(won) != 1 {
				t.Fatalf("%d callers got the one seat", len(won))
			}
			f.Clock.Advance(20 * time.Second)
			if err := f.beat(n); err != nil {
				t.Fatal(err)
			}
			f.Clock.Advance(20 * time.Second)
			if err := f.beat(n); err != nil {
				t.Fatal(err)
			}
			f.Clock.Advance(20 * time.Second)
			if _, err := other.Servers.Reserve(t.Context(), f.server, "a", players[0]); err != nil {
				t.Errorf("once it has run out: %v", err)
			}
		})
	}
}

func TestAllocationFillsServersAsAsked(t *testing.T) {
	for name, world := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, world(t))
			other := f.Replica(nil)
			for _, id := range []registry.ServerID{"a", "b", "c"} {
				a := announced(4)
				a.Mode = "ctf"
				f.open(id, a)
			}
			f.open("d", announced(100))
			party := func(n int, by servers.Strategy) servers.Party {
				p := servers.Party{Strategy: by, Filter: registry.Filter{Mode: "ctf"}}
				for range n {
					_, id := f.player()
					p.Players = append(p.Players, id)
				}
				return p
			}
			allocate := func(n int, by servers.Strategy) registry.ServerID {
				t.Helper()
				f.Clock.Advance(servers.Fresh)
				r, err := f.Servers.Allocate(t.Context(), f.server, party(n, by))
				if err != nil || len(r.Seats) != n {
					t.Fatalf("%d seats, %v", len(r.Seats), err)
				}
				return r.Server.ID
			}
			first := allocate(2, servers.Packed)
			if next := allocate(1, servers.Packed); next != first {
				t.Errorf("packed went from %s to %s", first, next)
			}
			if next := allocate(1, servers.Spread); next == first {
				t.Errorf("spread went to %s as well", next)
			}
			if next := allocate(2, servers.Packed); next == first {
				t.Errorf("two went where one seat was free: %s", next)
			}
			// Six seats are free now: 1, 1 and 4. Two parties of three see the same picture, and one is late.
			f.Clock.Advance(servers.Fresh)
			parties := []servers.Party{party(3, servers.Packed), party(3, servers.Packed)}
			var errs [2]error
			var all sync.WaitGroup
			for i, on := range []*servers.UseCases{f.Servers, other.Servers} {
				all.Go(func() { _, errs[i] = on.Allocate(t.Context(), f.server, parties[i]) })
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, registry.ErrNoneAvailable) {
					t.Error(err)
				}
			}
			if won != 1 {
				t.Errorf("%d of two parties of three were seated where one fits", won)
			}
			stranger := servers.Party{Players: []identity.PlayerID{"00000000-0000-7000-8000-000000000000"}, Strategy: servers.Packed}
			if _, err := f.Servers.Allocate(t.Context(), f.server, stranger); !errors.Is(err, identity.ErrPlayerNotFound) {
				t.Errorf("nobody: %v", err)
			}
		})
	}
}

// parties are as many, of so many new players each.
func (f *fleet) parties(n, players int, by servers.Strategy) []servers.Party {
	f.t.Helper()
	parties := make([]servers.Party, n)
	for i := range parties {
		parties[i] = servers.Party{Strategy: by}
		for range players {
			parties[i].Players = append(parties[i].Players, f.Guest(f.t, f.client).Player)
		}
	}
	return parties
}

// allocate seats all of them at once, on one replica after another, and gives how many players each server got, and how many
// parties none.
func (f *fleet) allocate(parties []servers.Party, replicas ...*servers.UseCases) (seated map[registry.ServerID]int, none int) {
	f.t.Helper()
	seated = map[registry.ServerID]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, party := range parties {
		all.Go(func() {
			r, err := replicas[i%len(replicas)].Allocate(f.t.Context(), f.server, party)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				seated[r.Server.ID] += len(r.Seats)
			case errors.Is(err, registry.ErrNoneAvailable):
				none++
			default:
				f.t.Error(err)
			}
		})
	}
	all.Wait()
	return seated, none
}

// As many parties as there are seats are all seated, however many ask at once, and no more than that.
func TestAllWhoAreAllocatedAtOnceAreSeated(t *testing.T) {
	const size = 150
	for name, world := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, world(t))
			other := f.Replica(nil).Servers
			for i := range size {
				f.open(registry.ServerID(fmt.Sprintf("one-%03d", i)), announced(1))
			}
			for _, late := range []int{0, 20} {
				f.Clock.Advance(servers.Fresh)
				seated, none := f.allocate(f.parties(size/2+late, 1, []servers.Strategy{servers.Packed, servers.Spread}[late%2]), f.Servers, other)
				if none != late || len(seated) != size/2 {
					t.Errorf("%d of %d were seated, and %d were not", len(seated), size/2+late, none)
				}
			}
		})
	}
}

func TestStrategiesHoldAmongThoseWhoAskAtOnce(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	for i := range 8 {
		f.open(registry.ServerID(fmt.Sprintf("s%d", i)), announced(8))
	}
	if seated, none := f.allocate(f.parties(8, 2, servers.Spread), f.Servers); len(seated) != 8 || none != 0 {
		t.Errorf("spread: %v", seated)
	}
	f.Clock.Advance(servers.Fresh)
	seated, none := f.allocate(f.parties(7, 2, servers.Packed), f.Servers)
	if none != 0 || len(seated) != 3 || slices.Max(slices.Collect(maps.Values(seated))) != 6 {
		t.Errorf("packed: %v", seated)
	}
	// What others were given since the picture was taken counts.
	if seated, none = f.allocate(f.parties(2, 2, servers.Packed), f.Servers); none != 0 || len(seated) != 1 {
		t.Errorf("packed into what was begun: %v", seated)
	}
}

// A party that is refused gives back what it asked for, and one that finds a server filled goes on to the next.
func TestAnAllocationGoesOn(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	stranger := servers.Party{Players: []identity.PlayerID{"00000000-0000-7000-8000-000000000000"}, Strategy: servers.Packed}
	full := f.open("a", announced(1))
	last := f.parties(4, 1, servers.Packed)
	for range 3 {
		if _, err := f.Servers.Allocate(t.Context(), f.server, stranger); !errors.Is(err, identity.ErrPlayerNotFound) {
			t.Fatal(err)
		}
	}
	if _, err := f.Replica(nil).Servers.Allocate(t.Context(), f.server, last[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Servers.Allocate(t.Context(), f.server, last[1]); !errors.Is(err, registry.ErrNoneAvailable) {
		t.Errorf("another replica filled it: %v", err)
	}
	// Neither picture nor what was learnt shows the server that is opened now, and the seat that is left.
	f.open("b", announced(1))
	if r, err := f.Servers.Allocate(t.Context(), f.server, last[1]); err != nil || r.Server.ID != "b" {
		t.Errorf("%s, %v", r.Server.ID, err)
	}
	if err := f.Servers.Leave(t.Context(), f.server, full, last[0].Players[0]); err != nil {
		t.Fatal(err)
	}
	if r, err := f.Servers.Allocate(t.Context(), f.server, last[2]); err != nil || r.Server.ID != "a" {
		t.Errorf("%s, %v", r.Server.ID, err)
	}
	if _, err := f.Servers.Allocate(t.Context(), f.server, last[3]); !errors.Is(err, registry.ErrNoneAvailable) {
		t.Errorf("all are full: %v", err)
	}
}

func TestServersAreBounded(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	w := f.Replica(func(p *compose.Ports) { p.Limits.Servers = 2 })
	register := func(id registry.ServerID) error {
		_, err := w.Servers.Register(t.Context(), f.server, id, announced(1), registry.Ready)
		return err
	}
	for _, id := range []registry.ServerID{"a", "b", "a"} {
		if err := register(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := register("c"); !errors.Is(err, registry.ErrTooManyServers) {
		t.Errorf("a third: %v", err)
	}
}
