package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestPlayersEditTheirProfiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	other, stranger := f.guest()
	const me = "/v1/players/me"
	edited := f.do("PATCH", me, token, `{"display_name":"Zoe\u0301 B","handle":"Zoe_1","metadata":{ "a": [1] }}`, header{"If-Match", `"1"`}).is(http.StatusOK)
	if edited.text("display_name") != "Zoé B" || edited.text("handle") != "zoe_1" || edited.Header().Get("ETag") != `"2"` || !strings.Contains(edited.Body.String(), `"metadata":{"a":[1]}`) {
		t.Errorf("edited: %s", edited.Body)
	}
	if seen := f.do("GET", "/v1/players/"+id, stranger, "").is(http.StatusOK); seen.text("handle") != "zoe_1" || seen.text("display_name") != "Zoé B" ||
		!strings.Contains(seen.Body.String(), `"metadata":{"a":[1]}`) || seen.json()["last_seen_at"] != nil || seen.Header().Get("ETag") != `"2"` {
		t.Errorf("seen by others: %s", seen.Body)
	}
	stale := f.do("PATCH", me, token, `{"handle":"other"}`, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "identity.profile_changed")
	if current := stale["current"].(map[string]any); current["version"] != json.Number("2") || current["handle"] != "zoe_1" {
		t.Errorf("current: %v", current)
	}
	f.do("PATCH", me, stranger, `{"handle":"ZOE_1"}`).problem(http.StatusConflict, "identity.handle_taken")
	f.do("PATCH", "/v1/players/"+id, stranger, `{"handle":"thief"}`).problem(http.StatusForbidden, "identity.not_yours")
	f.do("PATCH", "/v1/players/"+other, stranger, `{"display_name":"Bo"}`).is(http.StatusOK)
	f.do("PATCH", me, token, `{"handle":""}`).is(http.StatusOK)
	f.do("PATCH", me, stranger, `{"handle":"zoe_1"}`).is(http.StatusOK)
	if r := f.do("GET", me, token, "").json(); r["handle"] != nil || r["display_name"] != "Zoé B" || r["version"] != json.Number("3") {
		t.Errorf("after the handle was given up: %v", r)
	}
	got := f.do("PATCH", me, token, `{"display_name":"a\u202eb","handle":"no","metadata":[1]}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if strings.Join(got, ", ") != "/display_name malformed, /handle malformed, /metadata wrong_type" {
		t.Errorf("faults: %q", got)
	}
	big := `{"metadata":{"a":"` + strings.Repeat("x", 2048-len(`{"a":""}`)+1) + `"}}`
	if got := f.do("PATCH", me, token, big).faults(http.StatusUnprocessableEntity, "request.invalid"); got[0] != "/metadata too_long" {
		t.Errorf("faults: %q", got)
	}
	f.do("PATCH", me, token, strings.Replace(big, "x", "", 1)).is(http.StatusOK)
}

const operatedPlayers = "/v1/projects/game/environments/development/players"

func TestABanHoldsFromTheNextRequestOnAndLiftsItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "f47ac10b58cc4372a5670e02b2c3d479"
	device := f.device(secret)
	id, token, refresh := device.text("player_id"), device.text("access_token"), device.text("refresh_token")
	_, neighbour := f.guest()
	path := operatedPlayers + "/" + id + "/ban"
	until := f.clock.Now().Add(time.Minute)
	banned := func(r reply, want bool) {
		t.Helper()
		if !want {
			if r.Code >= 300 {
				t.Fatalf("refused: %s", r.Body)
			}
			return
		}
		ban, _ := r.problem(http.StatusForbidden, "identity.banned")["ban"].(map[string]any)
		if ban["reason"] != "aim bot" || ban["until"] != until.Format(time.RFC3339) {
			t.Errorf("the problem tells %v", ban)
		}
	}
	everything := func(want bool) {
		t.Helper()
		banned(f.do("GET", "/v1/players/me", token, ""), want)
		banned(f.device(secret), want)
		banned(f.do("POST", "/v1/auth/refresh", f.publishable, `{"refresh_token":"`+refresh+`"}`), want)
	}
	f.do("GET", "/v1/players/me", token, "").is(http.StatusOK) // and the memory of revocations now vouches for it
	body := mustJSON(map[string]any{"reason": "aim bot", "until": until})
	shown := f.do("PUT", path, f.operator, body).is(http.StatusOK)
	if ban := shown.json()["ban"].(map[string]any); ban["reason"] != "aim bot" || !strings.Contains(shown.Body.String(), `"logins":[{"method":"guest"`) {
		t.Errorf("shown: %s", shown.Body)
	}
	everything(true)
	f.do("GET", "/v1/players/me", neighbour, "").is(http.StatusOK)
	f.clock.advance(time.Minute - time.Microsecond)
	everything(true)
	f.clock.advance(time.Microsecond)
	if r := f.do("GET", operatedPlayers+"/"+id, f.operator, "").json(); r["ban"] != nil {
		t.Errorf("a ban that is over is shown: %v", r)
	}
	everything(false)

	f.do("PUT", path, f.operator, `{"reason":"for good"}`).is(http.StatusOK)
	if ban := f.do("GET", "/v1/players/me", token, "").problem(http.StatusForbidden, "identity.banned")["ban"].(map[string]any); ban["until"] != nil {
		t.Errorf("for good: %v", ban)
	}
	f.do("DELETE", path, f.operator, "").is(http.StatusNoContent)
	f.do("DELETE", path, f.operator, "").is(http.StatusNoContent)
	banned(f.do("GET", "/v1/players/me", token, ""), false)

	got := f.do("PUT", path, f.operator, mustJSON(map[string]any{"reason": "", "until": f.clock.Now()})).faults(http.StatusUnprocessableEntity, "request.invalid")
	if strings.Join(got, ", ") != "/reason out_of_range, /until out_of_range" {
		t.Errorf("faults: %q", got)
	}
	f.do("PUT", operatedPlayers+"/018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f/ban", f.operator, `{"reason":"x"}`).problem(http.StatusNotFound, "identity.player_not_found")
	f.do("PUT", path, f.key("development", tenancy.SecretKey, tenancy.PlayersRead), `{"reason":"x"}`).problem(http.StatusForbidden, "auth.scope_required")
	for action, want := range map[string]int{"player.banned": 2, "player.unbanned": 2} {
		if r := f.do("GET", "/v1/projects/game/environments/development/audit?action="+action, f.operator, "").json(); len(r["items"].([]any)) != want {
			t.Errorf("%s: %v", action, r["items"])
		}
	}
}

func TestOperatorsSearchPlayers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := map[string]string{}
	for _, name := range []string{"Bob", "bobby", "Zed"} {
		id, token := f.guest()
		f.do("PATCH", "/v1/players/me", token, `{"display_name":"`+name+`","handle":"`+name+`"}`).is(http.StatusOK)
		ids[name] = id
		f.clock.advance(time.Second)
	}
	names := func(query string) string {
		t.Helper()
		var names []string
		cursor := ""
		for {
			r := f.do("GET", operatedPlayers+"?limit=2"+query+cursor, f.operator, "").is(http.StatusOK).json()
			for _, item := range r["items"].([]any) {
				names = append(names, item.(map[string]any)["display_name"].(string))
			}
			next, more := r["next_cursor"].(string)
			if !more {
				return strings.Join(names, " ")
			}
			cursor = "&cursor=" + next
		}
	}
	for query, want := range map[string]string{
		"": "Zed bobby Bob", "&display_name_prefix=BO": "Bob bobby", "&display_name_prefix=x": "", "&handle=BOBBY": "bobby", "&id=" + ids["Zed"]: "Zed",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?id=1": "query /id malformed", "?handle=%21%21%21": "query /handle malformed", "?handle=bob&display_name_prefix=b": "query /display_name_prefix too_many",
	} {
		if got := f.do("GET", operatedPlayers+query, f.operator, "").faults(http.StatusBadRequest, "request.malformed_parameter"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", query, got)
		}
	}
}
