package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
	"github.com/overworldhq/overworld/tests/servers"
)

// TestAMasterOfAClusterAway kills one of three masters under load, and lets it come back
// with nothing: no request fails, what was revoked stays so, and it recovers by itself.
func TestAMasterOfAClusterAway(t *testing.T) {
	t.Parallel()
	nodes, address := servers.OwnRedisCluster(t)
	w := newWorld(t, harness.Production(t).With("CACHE="+address))
	walk(t, w)

	loaded, end := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var served atomic.Int64
	defer load.Wait()
	defer end()
	for i := range 6 {
		player, _ := w.player(t)
		player = player.At(w.replicas()[i%2])
		load.Go(func() {
			for n := 0; loaded.Err() == nil; n++ {
				path := fmt.Sprintf("/v1/players/me/documents/saves/%d", n%4)
				for _, method := range []string{"PUT", "GET"} {
					var body any
					if method == "PUT" {
						body = object{"value": object{"n": n}}
					}
					reply, err := player.Send(t.Context(), method, path, body)
					if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusCreated {
						t.Errorf("%s while a master was away: %d %s %v", method, reply.Status, reply.Body, err)
						return
					}
					served.Add(1)
				}
			}
		})
	}
	for round, node := range nodes {
		node.Kill()
		walk(t, w) // before anybody may have noticed
		for _, replica := range w.replicas() {
			harness.Eventually(t, patience, "degraded readiness", func() bool {
				part, whole := partOf(t, replica, "cache")
				return part != "ok" && whole == "degraded"
			})
			if !replica.Degraded("cache") {
				t.Error("the metrics don't tell")
			}
		}
		ended, _ := w.player(t)
		ended.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
		refused := func() {
			t.Helper()
			everywhere(t, w, ended, "/v1/players/me", func(r harness.Reply) {
				r.Refused(t, http.StatusUnauthorized, "identity.session_ended")
			})
		}
		refused()
		before := served.Load()
		harness.Eventually(t, patience, "load that goes on", func() bool { return served.Load() > before+20 })
		node.Start()
		for _, replica := range w.replicas() {
			harness.Eventually(t, patience, "recovery", func() bool {
				refused()
				_, whole := partOf(t, replica, "cache")
				return whole == "ok" && !replica.Degraded("cache") && !replica.Degraded("rate_limits")
			})
		}
		walk(t, w)
		t.Logf("master %d: %d requests served so far", round+1, served.Load())
	}
	end()
	load.Wait()
	for _, replica := range w.replicas() {
		if faults := replica.Faults(); len(faults) > 0 {
			t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
		}
	}
}
