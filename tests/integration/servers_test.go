package integration

import (
	"net/http"
	"sync"
	"testing"

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
