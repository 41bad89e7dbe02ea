package integration

import (
	"net/http"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// banning bans on one replica a player whom every replica's memory vouches for.
func banning(t *testing.T, w world) {
	untilVouched(t, w)
	player, grant := w.player(t)
	other, _ := w.player(t)
	path := "/v1/projects/" + w.project.Slug + "/environments/" + env + "/players/" + grant.PlayerID
	banned := func(t *testing.T, w world) {
		everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) {
			r.Refused(t, http.StatusForbidden, "identity.banned")
		})
		w.game().Refresh(t, grant.RefreshToken).Refused(t, http.StatusForbidden, "identity.banned")
	}
	fine := func(c harness.Client) {
		everywhere(t, w, c, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
	}
	fine(player)
	w.operator().Do(t, "PUT", path+"/ban", object{"reason": "aim bot"}).Want(t, http.StatusOK)
	banned(t, w)
	if w.stack.Replicated {
		t.Logf("flushed %d keys of the cache", w.stack.Flush(t))
	}
	banned(t, w)
	fine(other)
	w.operator().Do(t, "DELETE", path+"/ban", nil).Want(t, http.StatusNoContent)
	fine(player)
	w.operator().Do(t, "PUT", path+"/ban", object{"reason": "again"}).Want(t, http.StatusOK)
	banned(t, w)
	w.afterRestart(banned)
}

// endingAllSessions ends, on one replica, what every replica's memory vouches for.
func endingAllSessions(t *testing.T, w world) {
	untilVouched(t, w)
	player, grant := w.player(t)
	ended := func(t *testing.T, w world) {
		everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) {
			r.Refused(t, http.StatusUnauthorized, "identity.session_ended")
		})
		w.game().Refresh(t, grant.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	}
	everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })
	w.operator().Do(t, "DELETE", "/v1/projects/"+w.project.Slug+"/environments/"+env+"/players/"+grant.PlayerID+"/sessions", nil).Want(t, http.StatusNoContent)
	ended(t, w)
	if w.stack.Replicated {
		t.Logf("flushed %d keys of the cache", w.stack.Flush(t))
	}
	ended(t, w)
	w.afterRestart(ended)
}
