package integration

import (
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestNobodyWaitsInACircle has a player's sessions begun, refreshed and ended at once, each and
// all together, by two replicas. A transaction that loses to another in a circle of waits is run again,
// which nobody sees but the database.
func TestNobodyWaitsInACircle(t *testing.T) {
	w := newWorld(t, harness.Production(t))
	_, first := w.player(t)
	const devices, rounds, tokens = 6, 15, 4
	sessions := "/v1/projects/" + w.project.Slug + "/environments/" + env + "/players/" + first.PlayerID + "/sessions"
	ask := func(c harness.Client, method, path string, body any, into any, fine ...int) bool {
		reply, err := c.Send(t.Context(), method, path, body)
		if err != nil {
			t.Error(err)
			return false
		}
		for _, status := range append(fine, http.StatusUnauthorized) { // his session may have been ended
			if reply.Status == status && status != http.StatusUnauthorized && into != nil {
				reply.Into(t, into)
			}
			if reply.Status == status {
				return status != http.StatusUnauthorized
			}
		}
		t.Errorf("%s %s: %d %s", method, path, reply.Status, reply.Body)
		return false
	}
	var all sync.WaitGroup
	for _, replica := range w.replicas() {
		game, operator := w.game().At(replica), w.operator().At(replica)
		for device := range devices {
			all.Go(func() {
				for range rounds {
					var grant harness.Grant
					if !ask(game, "POST", "/v1/auth/guest", object{"device_secret": first.DeviceSecret}, &grant, http.StatusOK) {
						continue
					}
					for range tokens {
						if !ask(game, "POST", "/v1/auth/refresh", object{"refresh_token": grant.RefreshToken}, &grant, http.StatusOK) {
							break
						}
					}
					if device == 0 {
						ask(game.As(grant.AccessToken), "DELETE", "/v1/players/me/sessions", nil, nil, http.StatusNoContent)
					}
				}
			})
		}
		all.Go(func() {
			for range rounds {
				ask(operator, "DELETE", sessions, nil, nil, http.StatusNoContent)
			}
		})
	}
	all.Wait()
	for _, replica := range w.replicas() {
		replica.Stop() // a connection tells what it met when it ends
	}
	conn, err := pgx.Connect(t.Context(), w.stack.Settings["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for others := 1; others > 0; {
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&others); err != nil {
			t.Fatal(err)
		}
	}
	var deadlocks, rolledBack, committed int
	err = conn.QueryRow(t.Context(), "SELECT deadlocks, xact_rollback, xact_commit FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks, &rolledBack, &committed)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d deadlocks; %d transactions rolled back, %d committed", deadlocks, rolledBack, committed)
	if deadlocks > 0 {
		t.Errorf("%d transactions were ended because they waited in a circle", deadlocks)
	}
}
