package httpapi

import (
	"net/http"
	"testing"
)

func TestPlayersAreChangedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	twice := func(method, path, credential, body string) {
		t.Helper()
		first := f.do(method, path, credential, body, keyed(method+path))
		if first.Code >= 300 {
			t.Fatalf("%s %s: %s", method, path, first.Body)
		}
		f.do(method, path, credential, body, keyed(method+path)).replays(first)
	}
	twice("PATCH", "/v1/players/me", token, `{"display_name":"Ada"}`)
	if r := f.do("GET", "/v1/players/me", token, ""); r.Header().Get("ETag") != `"2"` {
		t.Errorf("edited twice: %s", r.Body)
	}
	twice("PUT", operatedPlayers+"/"+id+"/ban", f.operator, `{"reason":"aim bot"}`)
	twice("DELETE", operatedPlayers+"/"+id+"/ban", f.operator, "")
	listed := f.do("GET", "/v1/players/me/sessions", token, "").is(http.StatusOK).json()["items"].([]any)
	session := listed[0].(map[string]any)["id"].(string)
	twice("DELETE", operatedPlayers+"/"+id+"/sessions/"+session, f.operator, "")
	twice("DELETE", operatedPlayers+"/"+id+"/sessions", f.operator, "")
	for action, want := range map[string]int{"player.banned": 1, "player.unbanned": 1, "session.revoked": 1, "player.sessions_revoked": 1} {
		if r := f.do("GET", "/v1/projects/game/environments/development/audit?action="+action, f.operator, "").json(); len(r["items"].([]any)) != want {
			t.Errorf("%s: %v", action, r["items"])
		}
	}
	_, other := f.guest()
	_, another := f.guest()
	mine := f.do("GET", "/v1/players/me/sessions", other, "").json()["items"].([]any)[0].(map[string]any)["id"].(string)
	f.do("DELETE", "/v1/players/me/sessions/"+mine, other, "", keyed("own")).is(http.StatusNoContent)
	f.do("DELETE", "/v1/players/me/sessions", another, "", keyed("own")).is(http.StatusNoContent)
	for _, token := range []string{other, another} {
		f.do("GET", "/v1/players/me", token, "").problem(http.StatusUnauthorized, "identity.session_ended")
	}
}
