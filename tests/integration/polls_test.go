package integration

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const configsPath = "/v1/projects/space-race/environments/" + env

// pushes uploads a bundle as an operator and gives its hash.
func (w world) pushes(t *testing.T, content any) string {
	t.Helper()
	var uploaded struct {
		SHA256 string `json:"sha256"`
	}
	w.operator().Do(t, "POST", configsPath+"/bundles", content).Want(t, http.StatusOK, http.StatusCreated).Into(t, &uploaded)
	return uploaded.SHA256
}

// releases has everyone get a bundle by the config gameplay.
func (w world) releases(t *testing.T, hash string) {
	t.Helper()
	w.operator().Do(t, "POST", configsPath+"/configs/gameplay/releases", object{"bundle": hash}).Want(t, http.StatusCreated)
}

// TestPollsWakeOnEveryReplica releases on one replica while others wait on both, with Redis up and
// with Redis away in each way: what wakes them is the database, so it makes no difference. It prints
// how long that took; what is asserted is that polls are answered with the release, and not
// by their own end.
func TestPollsWakeOnEveryReplica(t *testing.T) {
	t.Parallel()
	stack, _, redis := harness.Durable(t)
	w := newWorld(t, stack)
	const rounds = 5
	release := 0
	for _, state := range []struct {
		name       string
		away, back func()
	}{
		{"up", func() {}, func() {}},
		{"stopped", redis.Stop, redis.Start},
		{"stuck", redis.Pause, redis.Resume},
		{"back", func() {}, func() {}},
	} {
		t.Run(state.name, func(t *testing.T) {
			state.away()
			defer state.back()
			var here, there []time.Duration
			for range rounds {
				release++
				hash := w.pushes(t, object{"release": release})
				near, far := w.polls(t, w.first), w.polls(t, w.second)
				asked := time.Now()
				w.releases(t, hash)
				answered := time.Now()
				for _, waiting := range []struct {
					poll  <-chan woken
					since time.Time
					took  *[]time.Duration
				}{{near, asked, &here}, {far, answered, &there}} {
					got := <-waiting.poll
					if want := fmt.Sprintf(`"value":{"release":%d}`, release); got.err != nil || got.reply.Status != http.StatusOK || !strings.Contains(string(got.reply.Body), want) {
						t.Fatalf("a poll was answered with %d %s, %v; want %s", got.reply.Status, got.reply.Body, got.err, want)
					}
					*waiting.took = append(*waiting.took, got.at.Sub(waiting.since))
				}
			}
			fmt.Printf("long polls with Redis %s: %d releases on one replica were there within %s at most, on the other at most %s after they were answered\n",
				state.name, rounds, slices.Max(here).Round(time.Millisecond), slices.Max(there).Round(time.Millisecond))
		})
	}
	for _, replica := range w.replicas() {
		if faults := replica.Faults(); len(faults) > 0 {
			t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
		}
	}
}

// woken is how a poll was answered, and when.
type woken struct {
	reply harness.Reply
	at    time.Time
	err   error
}

// polls begins to wait on a replica, and returns when it does.
func (w world) polls(t *testing.T, on *harness.Replica) <-chan woken {
	t.Helper()
	server := w.server().At(on)
	var tag string
	// What it has must be what there is, or it wouldn't wait.
	harness.Eventually(t, patience, "the same configuration on both replicas", func() bool {
		tag = server.Do(t, "GET", "/v1/config", nil).Want(t, http.StatusOK).Header.Get("ETag")
		return tag == w.server().Do(t, "GET", "/v1/config", nil).Want(t, http.StatusOK).Header.Get("ETag")
	})
	answered := make(chan woken, 1)
	go func() {
		// Shorter than the client's patience.
		reply, err := server.Send(context.Background(), "GET", "/v1/config?wait=25", nil, "If-None-Match", tag)
		answered <- woken{reply, time.Now(), err}
	}()
	harness.Eventually(t, patience, "poll that waits", func() bool { return metricOf(on.Metrics(), "overworld_config_polls_waiting") == "1" })
	return answered
}
