package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const (
	arenaSeats = 8
	// seatTime is how long reservations last.
	seatTime = 5 * time.Second
)

// TestSeatsUnderKill9 kills a replica in the middle of an admission, a draining and a registration, while players
// reserve seats of the server on every replica and it admits some of them. No seat is ever two players', nor are there more than
// the server has; a server that drains gives none; and what expires is free again.
func TestSeatsUnderKill9(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t).With(fmt.Sprintf("LIMITS_SEAT_SECONDS=%d", int(seatTime.Seconds()))))
			a := &arena{}
			for range 4 * arenaSeats {
				_, grant := w.player(t)
				a.players = append(a.players, grant.PlayerID)
			}
			kills := 1
			for name, op := range map[string]func() (method, path string, body object){"admit": a.admits, "drain": a.drains, "register": a.registers} {
				a.generation = w.arena(t, "arena", arenaSeats)
				a.crowd(t, w, func() {
					method, path, body := op()
					killDuring(t, w.first, w.server(), method, path, body)
				})
				kills++
				w.revive(t)
				a.check(t, w, name)
			}
			// All that is free, and all that was promised and expires, is taken by others in the end.
			a.generation = w.arena(t, "arena", arenaSeats)
			for _, player := range a.players[:arenaSeats] {
				a.reserve(t.Context(), w, w.first, player)
			}
			w.first.Kill()
			w.revive(t)
			a.check(t, w, "the last")
			if reply := w.server().Do(t, "POST", "/v1/servers/arena/seats", object{"player": a.players[arenaSeats]}); reply.Status == http.StatusConflict {
				reply.Refused(t, http.StatusConflict, "registry.full")
			} // else the reservations have expired already
			for _, player := range a.players[arenaSeats : 2*arenaSeats] {
				harness.Eventually(t, patience, "seat that has become free", func() bool {
					body := object{"generation": a.generation, "player": player}
					return w.server().Do(t, "POST", "/v1/servers/arena/players", body).Want(t, http.StatusOK, http.StatusConflict).Status == http.StatusOK
				})
			}
			var shown struct {
				Players int `json:"player_count"`
				Free    int `json:"free_seats"`
			}
			harness.Eventually(t, patience, "picture of a full server", func() bool {
				w.server().Do(t, "GET", "/v1/servers/arena", nil).Want(t, http.StatusOK).Into(t, &shown)
				return shown.Players == arenaSeats && shown.Free == 0
			})
			fmt.Printf("kill -9 of a replica during admission, draining and registration on %s: %d promises of %d seats hold after %d kills\n", kind.Name, len(a.promises), arenaSeats, kills)
		})
	}
}

// killDuring kills a replica when it has been sent a request and not yet answered it, or has just done so.
func killDuring(t *testing.T, r *harness.Replica, c harness.Client, method, path string, body object) {
	t.Helper()
	sent := make(chan struct{})
	var once sync.Once
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { once.Do(func() { close(sent) }) }})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = c.Send(ctx, method, path, body) // whether it has had its effect, nobody can tell
	}()
	<-sent
	r.Kill()
	<-done
}

// arena is a server of eight seats, with what was promised of them.
type arena struct {
	players    []string
	generation int64

	mu       sync.Mutex
	promises []promised
}

// promised is a seat as a caller was told of it.
type promised struct {
	generation int64
	player     string
	seat       int
	ticket     string
	decided    time.Time
	until      time.Time // zero: he is there
}

// crowd has players want seats on all replicas, and the server admit every third, until kill has killed the first.
func (a *arena) crowd(t *testing.T, w world, kill func()) {
	t.Helper()
	over, end := context.WithCancel(t.Context())
	defer end()
	tried := make(chan struct{}, len(a.players))
	var all sync.WaitGroup
	for i, player := range a.players {
		all.Go(func() {
			defer func() { tried <- struct{}{} }()
			for n := i; over.Err() == nil; n++ {
				replica := w.replicas()[n%2]
				p, ok := a.reserve(over, w, replica, player)
				if ok && i%3 == 0 {
					reply, err := w.server().At(replica).Send(over, "POST", "/v1/servers/arena/players", object{"generation": p.generation, "ticket": p.ticket})
					if err == nil && reply.Status == http.StatusOK {
						a.note(promised{p.generation, player, p.seat, "", p.decided, time.Time{}})
					}
				}
				if n == i {
					tried <- struct{}{}
				}
			}
		})
	}
	for range a.players {
		<-tried
	}
	kill()
	end()
	all.Wait()
}

// reserve reserves a seat for a player, and notes it.
func (a *arena) reserve(ctx context.Context, w world, on *harness.Replica, player string) (promised, bool) {
	reply, err := w.server().At(on).Send(ctx, "POST", "/v1/servers/arena/seats", object{"player": player})
	if err != nil || reply.Status != http.StatusCreated {
		return promised{}, false
	}
	var told struct {
		Generation int64
		Seats      []struct {
			Seat      int       `json:"seat"`
			Ticket    string    `json:"ticket"`
			ExpiresAt time.Time `json:"expires_at"`
		}
	}
	if err := json.Unmarshal(reply.Body, &told); err != nil || len(told.Seats) != 1 {
		return promised{}, false
	}
	seat := told.Seats[0]
	p := promised{told.Generation, player, seat.Seat, seat.Ticket, seat.ExpiresAt.Add(-seatTime), seat.ExpiresAt}
	a.note(p)
	return p, true
}

func (a *arena) note(p promised) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.promises = append(a.promises, p)
}

// check compares all promises with each other, and the server with what it may be.
func (a *arena) check(t *testing.T, w world, after string) {
	t.Helper()
	for i, p := range a.promises {
		if p.seat < 1 || p.seat > arenaSeats {
			t.Errorf("seat %d of %d was promised", p.seat, arenaSeats)
		}
		for _, q := range a.promises[i+1:] {
			if p.generation == q.generation && p.seat == q.seat && p.player != q.player && p.holds(q.decided) && q.holds(p.decided) {
				t.Errorf("after %s: seat %d was promised to two at once: %+v, %+v", after, p.seat, p, q)
			}
		}
	}
	var shown struct {
		Generation int64  `json:"generation"`
		State      string `json:"state"`
		Max        int    `json:"max_players"`
		Players    int    `json:"player_count"`
		Reserved   int    `json:"reserved"`
		Free       int    `json:"free_seats"`
	}
	w.server().Do(t, "GET", "/v1/servers/arena", nil).Want(t, http.StatusOK).Into(t, &shown)
	if shown.Max != arenaSeats || shown.Players+shown.Reserved+shown.Free != arenaSeats || shown.Free < 0 {
		t.Errorf("after %s: %+v", after, shown)
	}
	if shown.Generation < a.generation || shown.Generation > a.generation && after != "register" {
		t.Errorf("after %s: the generation is %d, and was %d", after, shown.Generation, a.generation)
	}
	if shown.State == "draining" {
		stranger := object{"player": a.players[len(a.players)-1]}
		if after != "drain" {
			t.Errorf("after %s it drains", after)
		}
		if reply := w.server().Do(t, "POST", "/v1/servers/arena/seats", stranger); reply.Status == http.StatusCreated && !a.knows(stranger["player"].(string)) {
			t.Errorf("a server that drains gave a seat: %s", reply.Body)
		}
	}
}

// holds tells whether the promise stood at a moment after it was made. Both sides of a pair are asked, of
// which one was made first.
func (p promised) holds(at time.Time) bool {
	return p.until.IsZero() || at.Before(p.until)
}

// knows tells whether a player was promised a seat of the generation.
func (a *arena) knows(player string) bool {
	for _, p := range a.promises {
		if p.generation == a.generation && p.player == player {
			return true
		}
	}
	return false
}

// admits is the admission of a player by the server's own word.
func (a *arena) admits() (method, path string, body object) {
	return "POST", "/v1/servers/arena/players", object{"generation": a.generation, "player": a.players[1]}
}

func (a *arena) drains() (method, path string, body object) {
	return "POST", "/v1/servers/arena/drain", object{"generation": a.generation}
}

func (a *arena) registers() (method, path string, body object) {
	return "POST", "/v1/servers", object{"server_id": "arena", "address": object{"host": "192.0.2.7", "ports": object{"game": 7777}}, "max_players": arenaSeats}
}
