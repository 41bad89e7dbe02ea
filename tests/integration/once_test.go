package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestOneKeyHundredRequests sends one increment a hundred times under one key, over two
// replicas, one of which is killed when the first answer is there. Whoever gets no answer asks the other.
func TestOneKeyHundredRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Production(t))
	player, _ := w.player(t)
	const rounds, clients = 5, 100
	const path = "/v1/players/me/documents/saves/once"
	replays, retries := 0, atomic.Int64{}
	for round := range rounds {
		key := fmt.Sprintf("round-%d", round)
		body := object{"increments": []object{{"path": "/n", "by": 1}}}
		ask := func(at *harness.Replica) (harness.Reply, error) {
			return player.At(at).Send(context.Background(), "POST", path+"/increment", body, "Idempotency-Key", key)
		}
		var once sync.Once
		answers := make([]harness.Reply, clients)
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				at := w.replicas()[i%2]
				for {
					reply, err := ask(at)
					switch {
					case err != nil, reply.Status == http.StatusServiceUnavailable: // killed
						at = w.second
					case reply.Status != http.StatusConflict: // else another has it in hand
						once.Do(w.first.Kill)
						answers[i] = reply
						return
					}
					retries.Add(1)
				}
			})
		}
		all.Wait()
		for _, reply := range answers {
			if reply.Status != answers[0].Status || string(reply.Body) != string(answers[0].Body) || reply.Header.Get("ETag") != answers[0].Header.Get("ETag") {
				t.Errorf("round %d: two answers: %d %s and %d %s", round, answers[0].Status, answers[0].Body, reply.Status, reply.Body)
			}
			if reply.Header.Get("Idempotency-Replayed") == "true" {
				replays++
			}
		}
		d := player.At(w.second).Do(t, "GET", path, nil).Want(t, http.StatusOK).Document(t)
		if want := fmt.Sprintf(`{"n":%d}`, round+1); string(d.Value) != want || d.Version != int64(round+1) {
			t.Errorf("round %d: %d effects: version %d, %s", round, d.Version-int64(round), d.Version, d.Value)
		}
		player.At(w.second).Do(t, "POST", path+"/increment", object{"increments": []object{{"path": "/n", "by": 2}}}, "Idempotency-Key", key).
			Refused(t, http.StatusUnprocessableEntity, "idempotency.mismatch")
		w.first = w.stack.Serve(t)
	}
	fmt.Printf("one key: %d × %d requests over two replicas, one killed each time: %d effects, %d replays, %d retries\n", rounds, clients, rounds, replays, retries.Load())
}
