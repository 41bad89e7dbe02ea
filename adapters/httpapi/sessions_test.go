package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// device signs the same guest in once more.
func (f *fixture) device(secret string) reply {
	f.t.Helper()
	return f.do("POST", "/v1/auth/guest", f.publishable, `{"device_secret":"`+secret+`"}`)
}

func TestPlayersEndTheirSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "f47ac10b58cc4372a5670e02b2c3d479"
	var tokens, ids []string
	for range 4 {
		r := f.device(secret)
		tokens, ids = append(tokens, r.text("access_token")), append(ids, r.text("session_id"))
		f.clock.advance(time.Second)
	}
	_, stranger := f.guest()
	works := func(token string, want bool) {
		t.Helper()
		r := f.do("GET", "/v1/players/me", token, "")
		if !want {
			r.problem(http.StatusUnauthorized, "identity.session_ended")
			return
		}
		r.is(http.StatusOK)
	}
	for _, token := range tokens {
		works(token, true) // and the memory of revocations now vouches for it
	}

	var listed []string
	cursor := ""
	for {
		r := f.do("GET", "/v1/players/me/sessions?limit=3"+cursor, tokens[1], "").is(http.StatusOK).json()
		for _, item := range r["items"].([]any) {
			one := item.(map[string]any)
			listed = append(listed, one["id"].(string))
			if (one["current"] == true) != (one["id"] == ids[1]) {
				t.Errorf("current: %v", one)
			}
		}
		next, more := r["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if want := strings.Join([]string{ids[3], ids[2], ids[1], ids[0]}, " "); strings.Join(listed, " ") != want {
		t.Errorf("listed %v, want %v", listed, want)
	}

	const own = "/v1/players/me/sessions"
	f.do("DELETE", own+"/"+ids[0], stranger, "").problem(http.StatusNotFound, "identity.session_not_found")
	works(tokens[0], true)
	f.do("DELETE", own+"/"+ids[0], tokens[1], "").is(http.StatusNoContent)
	f.do("DELETE", own+"/"+ids[0], tokens[1], "").is(http.StatusNoContent)
	works(tokens[0], false)
	works(tokens[1], true)
	f.do("DELETE", own, tokens[1], "").is(http.StatusNoContent)
	for _, token := range tokens {
		works(token, false)
	}
	works(stranger, true)
	if r := f.do("GET", own, f.device(secret).text("access_token"), "").json(); len(r["items"].([]any)) != 1 {
		t.Errorf("live after all were ended: %v", r["items"])
	}
}

func TestOperatorsEndSessionsOfPlayers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "f47ac10b58cc4372a5670e02b2c3d479"
	first, second := f.device(secret), f.device(secret)
	stranger, _ := f.guest()
	const players = "/v1/projects/game/environments/development/players/"
	own := players + first.text("player_id") + "/sessions"
	for _, token := range []string{first.text("access_token"), second.text("access_token")} {
		f.do("GET", "/v1/players/me", token, "").is(http.StatusOK)
	}
	reader := f.key("development", tenancy.SecretKey, tenancy.PlayersRead)
	f.do("DELETE", own, reader, "").problem(http.StatusForbidden, "auth.scope_required")
	f.do("DELETE", players+stranger+"/sessions/"+first.text("session_id"), f.operator, "").problem(http.StatusNotFound, "identity.session_not_found")
	f.do("DELETE", own+"/"+first.text("session_id"), f.operator, "").is(http.StatusNoContent)
	f.do("GET", "/v1/players/me", first.text("access_token"), "").problem(http.StatusUnauthorized, "identity.session_ended")
	f.do("GET", "/v1/players/me", second.text("access_token"), "").is(http.StatusOK)
	f.do("DELETE", own, f.operator, "").is(http.StatusNoContent)
	f.do("GET", "/v1/players/me", second.text("access_token"), "").problem(http.StatusUnauthorized, "identity.session_ended")

	items := f.do("GET", own, reader, "").is(http.StatusOK).json()["items"].([]any)
	for _, item := range items {
		if one := item.(map[string]any); one["reason"] != "operator" || one["revoked_at"] == nil {
			t.Errorf("an ended session: %v", one)
		}
	}
	if len(items) != 2 {
		t.Errorf("%d sessions", len(items))
	}
	const nobody = "018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f"
	f.do("GET", players+nobody+"/sessions", reader, "").problem(http.StatusNotFound, "identity.player_not_found")
	f.do("DELETE", players+nobody+"/sessions", f.operator, "").problem(http.StatusNotFound, "identity.player_not_found")
	for action, want := range map[string]int{"session.revoked": 1, "player.sessions_revoked": 1} {
		if r := f.do("GET", "/v1/projects/game/environments/development/audit?action="+action, f.operator, "").json(); len(r["items"].([]any)) != want {
			t.Errorf("%s: %v", action, r["items"])
		}
	}
}
