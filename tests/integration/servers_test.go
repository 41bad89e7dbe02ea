package integration

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// arena registers a server with so many seats and gives its generation.
func (w world) arena(t *testing.T, id string, seats int) int64 {
	t.Helper()
	var shown struct {
		Generation int64 `json:"generation"`
	}
	body := object{"server_id": id, "address": object{"host": "192.0.2.7", "ports": object{"game": 7777}}, "max_players": seats}
	w.server().Do(t, "POST", "/v1/servers", body).Want(t, http.StatusCreated).Into(t, &shown)
	return shown.Generation
}

// TestTheLastSeatOfAServer has a hundred players want it, on both replicas.
func TestTheLastSeatOfAServer(t *testing.T) {
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			w.arena(t, "arena", 1)
			players := make([]harness.Client, 100)
			for i := range players {
				client, _ := w.player(t)
				players[i] = client.At(w.replicas()[i%2])
			}
			var mu sync.Mutex
			statuses := map[int]int{}
			var all sync.WaitGroup
			for _, player := range players {
				all.Go(func() {
					reply := player.Do(t, "POST", "/v1/servers/arena/seats", object{})
					mu.Lock()
					defer mu.Unlock()
					statuses[reply.Status]++
				})
			}
			all.Wait()
			if statuses[http.StatusCreated] != 1 || statuses[http.StatusConflict] != 99 {
				t.Errorf("answers by status: %v", statuses)
			}
		})
	}
}

// TestSeatsOutliveAKilledReplica kills one while players take seats. Whoever was told of a
// seat has it, nobody has another's, and there are no more than the server has.
func TestSeatsOutliveAKilledReplica(t *testing.T) {
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			const seats, callers = 40, 60
			generation := w.arena(t, "arena", seats)
			players, ids := make([]harness.Client, callers), make([]string, callers)
			for i := range players {
				client, grant := w.player(t)
				players[i], ids[i] = client, grant.PlayerID
			}
			type promise struct {
				Seats []struct {
					Seat   int    `json:"seat"`
					Ticket string `json:"ticket"`
				} `json:"seats"`
			}
			told := make([]promise, callers)
			var enough sync.Once
			var mu sync.Mutex
			count := 0
			var all sync.WaitGroup
			for i, player := range players {
				all.Go(func() {
					reply, err := player.Send(context.Background(), "POST", "/v1/servers/arena/seats", object{})
					if err != nil || reply.Status != http.StatusCreated {
						return // killed, or full
					}
					reply.Into(t, &told[i])
					mu.Lock()
					defer mu.Unlock()
					if count++; count >= 8 {
						enough.Do(w.first.Kill)
					}
				})
			}
			all.Wait()
			enough.Do(w.first.Kill)
			_ = w.first.Wait()
			w.serve(t)
			// Whatever was asked and not answered may have been done: the seats that are
			// left are as many as nobody can take any more.
			taken := map[int]int{}
			for i, player := range players {
				reply := player.At(w.first).Do(t, "POST", "/v1/servers/arena/seats", object{})
				if reply.Status != http.StatusCreated {
					reply.Refused(t, http.StatusConflict, "registry.full")
					if told[i].Seats != nil {
						t.Errorf("player %d was told of a seat that is gone", i)
					}
					continue
				}
				var again promise
				reply.Into(t, &again)
				seat := again.Seats[0].Seat
				if told[i].Seats != nil && told[i].Seats[0] != again.Seats[0] {
					t.Errorf("player %d was told of %+v, and then of %+v", i, told[i].Seats[0], again.Seats[0])
				}
				if other, twice := taken[seat]; twice || seat < 1 || seat > seats {
					t.Errorf("seat %d is player %d's and %d's", seat, other, i)
				}
				taken[seat] = i
			}
			if len(taken) != seats {
				t.Errorf("%d of %d seats are taken", len(taken), seats)
			}
			list := object{"generation": generation, "players": ids[:2]}
			w.server().Do(t, "POST", "/v1/servers/arena/heartbeat", list).Want(t, http.StatusOK)
			harness.Eventually(t, 30*time.Second, "picture of it", func() bool {
				var shown struct {
					Items []struct {
						Players int `json:"player_count"`
					} `json:"items"`
				}
				w.server().Do(t, "GET", "/v1/servers", nil).Want(t, http.StatusOK).Into(t, &shown)
				return len(shown.Items) == 1 && shown.Items[0].Players == 2
			})
		})
	}
}
