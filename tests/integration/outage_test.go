package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// patience is how long something may take to come about by itself.
const patience = time.Minute

// walk is a short piece of a game; every step must succeed.
func walk(t *testing.T, w world) {
	t.Helper()
	for _, replica := range w.replicas() {
		grant := w.game().At(replica).Guest(t)
		player := replica.Client(grant.AccessToken)
		player.Do(t, "PUT", savePath, object{"value": object{"n": 1}}).Want(t, http.StatusCreated)
		player.Do(t, "GET", savePath, nil).Want(t, http.StatusOK)
		w.game().At(replica).Refresh(t, grant.RefreshToken).Want(t, http.StatusOK)
		replica.Client(w.project.Server[env]).Do(t, "GET", "/v1/documents", nil).Want(t, http.StatusOK)
		player.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
		player.Do(t, "GET", savePath, nil).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	}
}

// partOf gives the status of a part in /readyz, and that of the whole.
func partOf(t *testing.T, r *harness.Replica, name string) (part, whole string) {
	t.Helper()
	ready, err := r.Readiness()
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Status string
		Parts  []struct{ Name, Status, Detail string }
	}
	if err := json.Unmarshal([]byte(ready.Body), &body); err != nil {
		t.Fatalf("%v in %s", err, ready.Body)
	}
	for _, p := range body.Parts {
		if p.Name == name {
			if p.Status != "ok" && p.Detail == "" {
				t.Errorf("%s is %s, with no detail", name, p.Status)
			}
			return p.Status, body.Status
		}
	}
	t.Fatalf("there is no part %s in %s", name, ready.Body)
	return "", ""
}

// TestRedisAway takes Redis away in every way there is: requests go on, what is
// missing is told, limits still hold, and it comes back by itself.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	stack, _, redis := harness.Durable(t)
	w := newWorld(t, stack.With("LIMITS_RATES_OPERATE_CALLER=1/h burst 6"))
	walk(t, w)
	for _, replica := range w.replicas() {
		if replica.Degraded("cache") || replica.Degraded("rate_limits") {
			t.Error("degraded before anything was broken")
		}
	}
	for _, fault := range []struct {
		name       string
		away, back func()
	}{
		{"killed", redis.Kill, redis.Start},
		{"stuck", redis.Pause, redis.Resume},
		{"stopped and started with old data", redis.Stop, redis.Start},
	} {
		t.Run(fault.name, func(t *testing.T) {
			fault.away()
			walk(t, w)
			for _, replica := range w.replicas() {
				harness.Eventually(t, patience, "degraded readiness", func() bool {
					part, whole := partOf(t, replica, "cache")
					return part != "ok" && whole == "degraded"
				})
				if ready, err := replica.Readiness(); err != nil || ready.Status != http.StatusOK {
					t.Errorf("readiness is %d (%v), but requests are served", ready.Status, err)
				}
				if !replica.Degraded("cache") || !replica.Degraded("rate_limits") {
					t.Error("the metrics don't tell that the cache and the shared limits are gone")
				}
			}
			overTheLimit(t, w)
			fault.back()
			for _, replica := range w.replicas() {
				harness.Eventually(t, patience, "recovery", func() bool {
					walk(t, w)
					_, whole := partOf(t, replica, "cache")
					return whole == "ok" && !replica.Degraded("cache") && !replica.Degraded("rate_limits")
				})
			}
		})
	}
	for _, replica := range w.replicas() {
		if faults := replica.Faults(); len(faults) > 0 {
			t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
		}
	}
}

// overTheLimit makes sure that calls of a small rate are refused in the end.
func overTheLimit(t *testing.T, w world) {
	t.Helper()
	for range 20 {
		reply := w.operator().Do(t, "GET", "/v1/workers", nil)
		if reply.Header.Get("RateLimit") == "" || reply.Header.Get("RateLimit-Policy") == "" {
			t.Errorf("a reply without its limits: %v", reply.Header)
		}
		if reply.Status != http.StatusOK {
			reply.Refused(t, http.StatusTooManyRequests, "limits.too_many_requests")
			return
		}
	}
	t.Error("20 calls passed a limit of 6")
}

// TestStaleRedisRevivesNobody ends a session and a key while Redis can't be
// told, and then lets it come back with what it knew before. The replica that
// ended them dies in between, and with it whatever it meant to make up for.
func TestStaleRedisRevivesNobody(t *testing.T) {
	t.Parallel()
	stack, _, redis := harness.Durable(t)
	w := newWorld(t, stack)
	serve := func() *harness.Replica { return stack.Serve(t) } // for longer than a subtest
	for _, fault := range []struct {
		name       string
		away, back func()
		dies       bool
	}{
		{"stuck", redis.Pause, redis.Resume, false},
		{"stuck while the revoker dies", redis.Pause, redis.Resume, true},
		{"restarted with old data", redis.Stop, redis.Start, false},
		{"restarted with old data while the revoker dies", redis.Stop, redis.Start, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			key := w.operator().Key(t, w.project.Slug, env, object{"kind": "server_token", "name": "x", "scopes": []string{"*"}})
			server := w.first.Client(key.Token)
			player, _ := w.player(t)
			other, _ := w.player(t)
			untilVouched(t, w)
			everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
			everywhere(t, w, server, "/v1/documents", func(r harness.Reply) { r.Want(t, http.StatusOK) })

			fault.away()
			player.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
			w.operator().Do(t, "DELETE", harness.KeysPath(w.project.Slug, env)+"/"+key.ID, nil).Want(t, http.StatusNoContent)
			asked := 0
			refused := func() {
				t.Helper()
				asked++
				everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) {
					r.Refused(t, http.StatusUnauthorized, "identity.session_ended")
				})
				everywhere(t, w, server, "/v1/documents", func(r harness.Reply) {
					r.Refused(t, http.StatusUnauthorized, "auth.invalid_credential")
				})
				everywhere(t, w, other, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
			}
			refused()
			if fault.dies {
				w.first.Kill()
				w.first = w.second
			}
			fault.back()
			for _, replica := range w.replicas() {
				harness.Eventually(t, patience, "recovery", func() bool {
					refused()
					_, whole := partOf(t, replica, "cache")
					return whole == "ok"
				})
			}
			untilVouched(t, w) // again
			refused()
			if fault.dies {
				w.first = serve()
				refused()
			}
			t.Logf("refused every time, %d rounds", asked)
		})
	}
}

// TestFlushAllRevivesNobody flushes all of Redis after a revocation.
func TestFlushAllRevivesNobody(t *testing.T) {
	t.Parallel()
	stack, _, _ := harness.Durable(t)
	w := newWorld(t, stack)
	untilVouched(t, w)
	player, grant := w.player(t)
	everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
	player.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
	gone := stack.Flush(t)
	if gone == 0 {
		t.Error("there was nothing to flush")
	}
	everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) {
		r.Refused(t, http.StatusUnauthorized, "identity.session_ended")
	})
	w.game().Refresh(t, grant.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	walk(t, w)
	t.Logf("FLUSHALL took %d keys, and revived nobody", gone)
}

// TestPostgresAway stops the database: errors are honest, and it comes back by itself.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	stack, postgres, _ := harness.Durable(t)
	w := newWorld(t, stack)
	player, grant := w.player(t)
	player.Do(t, "PUT", savePath, object{"value": object{"n": 1}}).Want(t, http.StatusCreated)
	for _, fault := range []struct {
		name       string
		away, back func()
	}{
		{"stopped", postgres.Stop, postgres.Start},
		{"killed", postgres.Kill, postgres.Start},
		{"restarted in between", func() { postgres.Stop(); postgres.Start() }, func() {}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			fault.away()
			if !strings.Contains(fault.name, "between") {
				for _, replica := range w.replicas() {
					for _, reply := range []harness.Reply{
						player.At(replica).Do(t, "GET", savePath, nil),
						player.At(replica).Do(t, "PUT", savePath, object{"value": object{"n": 2}}),
						w.game().At(replica).Do(t, "POST", "/v1/auth/guest", object{}),
						w.game().At(replica).Refresh(t, grant.RefreshToken),
						w.operator().At(replica).Do(t, "GET", "/v1/projects", nil),
					} {
						reply.Refused(t, http.StatusServiceUnavailable, "service.unavailable")
					}
					harness.Eventually(t, patience, "readiness and metrics that tell of it", func() bool {
						part, whole := partOf(t, replica, "database")
						ready, err := replica.Readiness()
						return err == nil && ready.Status == http.StatusServiceUnavailable && part != "ok" && whole == "unavailable" && replica.Degraded("database")
					})
					replica.Client("").Do(t, "GET", "/healthz", nil).Want(t, http.StatusOK)
				}
			}
			fault.back()
			for _, replica := range w.replicas() {
				harness.Eventually(t, patience, "readiness", func() bool {
					ready, err := replica.Readiness()
					return err == nil && ready.Status == http.StatusOK
				})
				// Not one request fails any more: no dead connection is left.
				for range 30 {
					player.At(replica).Do(t, "GET", savePath, nil).Want(t, http.StatusOK)
				}
				if replica.Degraded("database") { // readiness is by the same look
					t.Error("the metrics still tell that the database is gone")
				}
			}
			walk(t, w)
		})
	}
	for _, replica := range w.replicas() {
		if faults := replica.Faults(); len(faults) > 0 {
			t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
		}
	}
}
