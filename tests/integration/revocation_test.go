package integration

import (
	"context"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// everywhere sends the request to both replicas, twice each, so that what one
// of them remembers would show.
func everywhere(t *testing.T, w world, c harness.Client, path string, check func(harness.Reply)) {
	t.Helper()
	for range 2 {
		for _, replica := range w.replicas() {
			check(c.At(replica).Do(t, "GET", path, nil))
		}
	}
}

// untilVouched waits until the shared cache vouches for sessions on every
// replica, because a revocation is no feat while everyone asks the database. A
// session that is ended in the database, behind the servers' backs, tells: where
// it is still good, nobody has asked.
func untilVouched(t *testing.T, w world) {
	t.Helper()
	if !w.stack.Replicated {
		return // a process believes itself from the beginning
	}
	db, err := pgx.Connect(t.Context(), w.stack.Settings["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	harness.Eventually(t, patience, "word of the cache that a session is good", func() bool {
		canary, grant := w.player(t)
		for _, replica := range w.replicas() {
			canary.At(replica).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)
		}
		if _, err := db.Exec(t.Context(), `UPDATE sessions SET revoked_at = now(), reason = 'test' WHERE id = $1`, grant.SessionID); err != nil {
			t.Fatal(err)
		}
		for _, replica := range w.replicas() {
			if canary.At(replica).Do(t, "GET", "/v1/players/me", nil).Status != http.StatusOK {
				return false
			}
		}
		return true
	})
}

func sessionRevocation(t *testing.T, w world) {
	untilVouched(t, w)
	player, grant := w.player(t)
	ended := func(t *testing.T, w world) {
		everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) {
			r.Refused(t, http.StatusUnauthorized, "identity.session_ended")
		})
		w.game().Refresh(t, grant.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	}
	everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
	player.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
	ended(t, w)
	if w.stack.Replicated {
		t.Logf("flushed %d keys of the cache", w.stack.Flush(t))
	}
	ended(t, w)
	w.afterRestart(ended)
}

func keyRevocation(t *testing.T, w world) {
	secret := w.operator().Key(t, w.project.Slug, env, object{"kind": "secret_key", "name": "ci", "scopes": []string{"documents:read"}})
	server := w.operator().Key(t, w.project.Slug, env, object{"kind": "server_token", "name": "fleet", "scopes": []string{"documents:read"}})
	client := w.operator().Key(t, w.project.Slug, env, object{"kind": "publishable_key", "name": "game"})
	untilVouched(t, w)
	lists := map[string]harness.Client{"secret key": w.first.Client(secret.Token), "server token": w.first.Client(server.Token)}
	game := w.first.Client(client.Token)

	for _, c := range lists {
		everywhere(t, w, c, "/v1/documents", func(r harness.Reply) { r.Want(t, http.StatusOK) })
	}
	game.Guest(t)
	game.At(w.second).Guest(t)
	for _, key := range []harness.Key{secret, server, client} {
		w.operator().Do(t, "DELETE", harness.KeysPath(w.project.Slug, env)+"/"+key.ID, nil).Want(t, http.StatusNoContent)
	}
	refused := func(t *testing.T, w world) {
		for _, c := range lists {
			everywhere(t, w, c, "/v1/documents", func(r harness.Reply) {
				r.Refused(t, http.StatusUnauthorized, "auth.invalid_credential")
			})
		}
		for _, replica := range w.replicas() {
			game.At(replica).Do(t, "POST", "/v1/auth/guest", object{}).Refused(t, http.StatusUnauthorized, "auth.invalid_credential")
		}
	}
	refused(t, w)
	if w.stack.Replicated {
		w.stack.Flush(t)
	}
	refused(t, w)
	w.afterRestart(refused)
}

func networks(t *testing.T, w world) {
	for network, status := range map[string]int{"127.0.0.0/8": http.StatusOK, "10.0.0.0/8": http.StatusForbidden} {
		key := w.operator().Key(t, w.project.Slug, env, object{
			"kind": "server_token", "name": "bound", "scopes": []string{"documents:read"}, "networks": []string{network},
		})
		reply := w.second.Client(key.Token).Do(t, "GET", "/v1/documents", nil).Want(t, status)
		if status == http.StatusForbidden {
			reply.Refused(t, status, "auth.network_not_allowed")
		}
	}
}
