package integration

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestReplicasHoldOneLimit has one player read through two replicas at once until neither lets him. Together
// they let him through as often as one burst allows, and a sixteenth of it more for each at the most.
func TestReplicasHoldOneLimit(t *testing.T) {
	t.Parallel()
	const burst, readers, reads = 1024, 8, 300
	w := newWorld(t, harness.Production(t).With(fmt.Sprintf("LIMITS_RATES_READ_CALLER=1/h burst %d", burst)))
	player, _ := w.player(t)
	var wait sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for i := range readers {
		client := player.At(w.replicas()[i%2])
		wait.Go(func() {
			for range reads {
				reply, err := client.Send(t.Context(), "GET", "/v1/players/me", nil)
				switch {
				case err != nil:
					t.Error(err)
					return
				case reply.Status == http.StatusOK:
					mu.Lock()
					allowed++
					mu.Unlock()
				case reply.Status != http.StatusTooManyRequests:
					t.Errorf("status %d", reply.Status)
				}
			}
		})
	}
	wait.Wait()
	if most := burst + 2*burst/limiter.AheadOf; allowed < burst || allowed > most {
		t.Errorf("%d of %d reads were let through, of at least %d and at most %d", allowed, readers*reads, burst, most)
	}
	for _, replica := range w.replicas() {
		player.At(replica).Do(t, "GET", "/v1/players/me", nil).Refused(t, http.StatusTooManyRequests, "limits.too_many_requests")
	}
}
