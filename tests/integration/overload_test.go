package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestOverload sends much more than a replica lets in: the excess is refused, what was
// answered is stored, and afterwards all is as before.
func TestOverload(t *testing.T) {
	t.Parallel()
	for _, kind := range []harness.Kind{{Name: "embedded", New: harness.Embedded}, {Name: "production", New: harness.Production}} {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t).With("LIMITS_CONCURRENT_REQUESTS=2", "LIMITS_WAITING_REQUESTS=2"))
			player, _ := w.player(t)
			before := count(t, w.first, "go_goroutines")

			const callers, each = 64, 20
			var mu sync.Mutex
			stored, refused, most := map[string]bool{}, 0, 0.0
			var all sync.WaitGroup
			for caller := range callers {
				all.Go(func() {
					for n := range each {
						key := fmt.Sprintf("%d-%d", caller, n)
						reply, err := player.Send(t.Context(), "PUT", "/v1/players/me/documents/saves/"+key, object{"value": object{"n": n}})
						if err != nil {
							t.Errorf("a request without a reply: %v", err)
							return
						}
						p, _ := reply.Problem()
						mu.Lock()
						switch {
						case reply.Status == http.StatusCreated:
							stored[key] = true
						case reply.Status == http.StatusServiceUnavailable && p.Code == "service.overloaded" && reply.Header.Get("Retry-After") == "1":
							refused++
						default:
							t.Errorf("%d %s", reply.Status, reply.Body)
						}
						mu.Unlock()
					}
				})
			}
			over := make(chan struct{})
			go func() { all.Wait(); close(over) }()
			for looking := true; looking; {
				select {
				case <-over:
					looking = false
				default:
					most = max(most, count(t, w.first, "go_goroutines"))
					w.first.Client("").Do(t, "GET", "/healthz", nil).Want(t, http.StatusOK)
				}
			}
			if len(stored) == 0 || refused == 0 {
				t.Fatalf("%d stored, %d refused", len(stored), refused)
			}
			// A connection costs a goroutine or two, and what is inside a few more.
			if most > before+3*callers+50 {
				t.Errorf("%v goroutines, from %v", most, before)
			}
			if got := count(t, w.first, "overworld_http_requests_refused_total"); int(got) != refused {
				t.Errorf("%d were refused, and the metrics tell of %v", refused, got)
			}
			if told := w.first.Log("overloaded: requests are refused"); len(told) == 0 {
				t.Error("the log doesn't tell")
			}
			for i := range 50 { // more than the gate holds: nobody is left in it
				player.Do(t, "PUT", savePath, object{"value": object{"n": i}}).Want(t, http.StatusCreated, http.StatusOK)
			}
			kept := map[string]bool{}
			for path := "/v1/players/me/documents?collection=saves&limit=100"; path != ""; {
				var page struct {
					Items []struct{ Key string }
					Next  string `json:"next_cursor"`
				}
				player.Do(t, "GET", path, nil).Want(t, http.StatusOK).Into(t, &page)
				for _, item := range page.Items {
					kept[item.Key] = true
				}
				if path = ""; page.Next != "" {
					path = "/v1/players/me/documents?collection=saves&limit=100&cursor=" + page.Next
				}
			}
			delete(kept, "slot")
			for key := range stored {
				if !kept[key] {
					t.Errorf("%s was stored, and is gone", key)
				}
				delete(kept, key)
			}
			if len(kept) > 0 {
				t.Errorf("%d were refused, and are there", len(kept))
			}
			t.Logf("%d stored, %d refused, up to %v goroutines", len(stored), refused, most)
		})
	}
}

// count is the value of a metric.
func count(t *testing.T, r *harness.Replica, name string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(metricOf(r.Metrics(), name), 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// TestNothingWaitsForADatabaseThatStands lets the database stand still: what is inside hangs, and
// whoever comes then is refused at once, while the replica still tells how it is.
func TestNothingWaitsForADatabaseThatStands(t *testing.T) {
	t.Parallel()
	stack, postgres, _ := harness.Durable(t)
	stack.Replicated = false
	w := newWorld(t, stack.With("LIMITS_CONCURRENT_REQUESTS=3", "LIMITS_WAITING_REQUESTS=1"))
	player, _ := w.player(t)
	player.Do(t, "PUT", savePath, object{"value": object{"n": 1}}).Want(t, http.StatusCreated)
	postgres.Pause()
	hanging, leave := context.WithCancel(t.Context())
	var inside sync.WaitGroup
	for range 3 {
		inside.Go(func() { _, _ = player.Send(hanging, "GET", savePath, nil) })
	}
	harness.Eventually(t, patience, "full house", func() bool { return count(t, w.first, "overworld_http_requests_in_flight") >= 3 })
	for range 3 { // the first of these may wait for a second
		player.Do(t, "GET", savePath, nil).Refused(t, http.StatusServiceUnavailable, "service.overloaded")
	}
	w.first.Client("").Do(t, "GET", "/healthz", nil).Want(t, http.StatusOK)
	harness.Eventually(t, patience, "readiness that tells of it", func() bool {
		ready, err := w.first.Readiness()
		return err == nil && ready.Status == http.StatusServiceUnavailable
	})
	postgres.Resume()
	leave()
	inside.Wait()
	harness.Eventually(t, patience, "recovery", func() bool {
		reply, err := player.Send(t.Context(), "GET", savePath, nil)
		return err == nil && reply.Status == http.StatusOK
	})
	walk(t, w)
}

// TestConnectionsAreBounded opens more connections than a replica keeps: the rest
// waits until one closes.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	// Nobody has asked for its readiness, on a connection that would still be open.
	replica, err := harness.Embedded(t).With("LIMITS_CONNECTIONS=2", "LIMITS_WAITING_POLLS=1").TryServe(t)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(replica.URL, "http://")
	ask := func(conn net.Conn) error {
		_, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		return err
	}
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := ask(conn); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	answered := make(chan int, len(conns))
	for i, conn := range conns {
		go func() {
			if n, _ := conn.Read(make([]byte, 1024)); n > 0 {
				answered <- i
			}
		}()
	}
	first, second := <-answered, <-answered
	for range 100 { // meanwhile the third would be answered long ago
		if err := ask(conns[first]); err != nil {
			t.Fatal(err)
		}
		if _, err := conns[first].Read(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case third := <-answered:
		t.Fatalf("%d, %d and %d are answered, on connections that are all open", first, second, third)
	default:
	}
	if err := conns[first].Close(); err != nil {
		t.Fatal(err)
	}
	<-answered
}
