package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestSIGTERMUnderLoad stops a server gracefully while clients write: whatever
// it began to serve, it must have answered, and answered well.
func TestSIGTERMUnderLoad(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			l := newLedger(t, w)

			// Besides the ledger's, requests with ids, to compare with the server's log.
			var mu sync.Mutex
			told := map[string]int{}
			var readers sync.WaitGroup
			for i := range 8 {
				readers.Go(func() {
					for n := 0; ; n++ {
						id := fmt.Sprintf("reader-%d-%d", i, n)
						reply, err := l.player.At(w.first).Send(context.Background(), "GET", "/v1/players/me", nil, "X-Request-Id", id)
						if err != nil {
							return
						}
						mu.Lock()
						told[id] = reply.Status
						mu.Unlock()
					}
				})
			}
			l.run(t, w.first, 300, w.first.Terminate)
			readers.Wait()
			if err := w.first.Wait(); err != nil {
				t.Errorf("the server stopped uncleanly: %v", err)
			}

			served := 0
			for _, entry := range w.first.Log("request") {
				status, _ := entry["status"].(float64)
				if status >= 400 {
					t.Errorf("a request failed: %v", entry)
				}
				id, _ := entry["request_id"].(string)
				if entry["operation"] == "getPlayer" {
					served++
					if told[id] != http.StatusOK {
						t.Errorf("request %s was served, but its client got no reply", id)
					}
				}
			}
			if served != len(told) {
				t.Errorf("%d requests were served and %d answered", served, len(told))
			}
			w.first = w.stack.Serve(t)
			verified := l.check(t, w.first)
			fmt.Printf("SIGTERM under load on %s: %d reads answered, %d acknowledged writes and sign-ins verified\n", kind.Name, served, verified)
		})
	}
}
