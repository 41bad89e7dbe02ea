package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestGuestSavesAndLoads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.do("POST", "/v1/auth/guest", f.publishable, "").is(http.StatusCreated)
	if first.Header().Get("Cache-Control") != "no-store" {
		t.Error("tokens may be cached")
	}
	again := f.do("POST", "/v1/auth/guest", f.publishable, `{"device_secret":"`+first.text("device_secret")+`"}`).is(http.StatusOK)
	if again.text("player_id") != first.text("player_id") || again.json()["created"] != false || again.json()["device_secret"] != nil {
		t.Errorf("again: %s", again.Body)
	}
	player, token := first.text("player_id"), first.text("access_token")

	const path = "/v1/players/me/documents/saves/slot.1"
	put := f.do("PUT", path, token, `{"value": {"z": 1.0, "a":[ 9007199254740993, 1e300 ], "u":"\u0041"}}`, header{"If-None-Match", "*"}).is(http.StatusCreated)
	const want = `{"z":1.0,"a":[9007199254740993,1e300],"u":"\u0041"}`
	if !strings.Contains(put.Body.String(), `"value":`+want+`,"version":1,`) || put.Header().Get("ETag") != `"1"` {
		t.Errorf("put: %s", put.Body)
	}
	got := f.do("GET", path, token, "").is(http.StatusOK)
	if got.Body.String() != put.Body.String() || got.json()["owner"] != player {
		t.Errorf("got %s", got.Body)
	}
	f.do("GET", path, token, "", header{"If-None-Match", `"7", W/"1"`}).is(http.StatusNotModified)
	f.do("GET", path, token, "", header{"If-None-Match", `"7"`}).is(http.StatusOK)
	head := f.do("HEAD", path, token, "").is(http.StatusOK)
	if head.Body.Len() != 0 || head.Header().Get("Content-Length") != got.Header().Get("Content-Length") {
		t.Error("HEAD is not GET without its body")
	}

	stale := f.do("PUT", path, token, `{"value":{}}`, header{"If-Match", `"3"`}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	current, _ := stale["current"].(map[string]any)
	if current["version"] != json.Number("1") || current["value"] == nil {
		t.Errorf("current: %v", stale["current"])
	}
	text := f.do("PUT", path+"?int64=string", token, `{"value":{}}`, header{"If-Match", `W/"1"`}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	if text["current"].(map[string]any)["version"] != "1" || text["status"] != json.Number("412") {
		t.Errorf("with int64=string: %v", text)
	}
	f.do("PUT", path, token, `{"value":{}}`, header{"If-Match", `"3", "1"`}).is(http.StatusOK)
	f.do("PUT", path, token, `{"value":{}}`, header{"If-None-Match", "*"}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	f.do("DELETE", path, token, "", header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	f.do("DELETE", path, token, "", header{"If-Match", `"2"`}).is(http.StatusNoContent)
	f.do("GET", path, token, "").problem(http.StatusNotFound, "storage.document_not_found")
	f.do("DELETE", path, token, "", header{"If-Match", "*"}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")

	f.do("POST", "/v1/auth/logout", token, "").is(http.StatusNoContent)
	f.do("GET", "/v1/players/me", token, "").problem(http.StatusUnauthorized, "identity.session_ended")
}

func TestPlayersSeeOfOthersWhatIsPublic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	_, other := f.guest()
	for who, sees := range map[string]bool{token: true, other: false, f.server: true, f.operator: true} {
		r := f.do("GET", "/v1/players/"+id, who, "").is(http.StatusOK)
		if r.text("id") != id || (r.json()["created_at"] != nil) != sees || (r.json()["last_seen_at"] != nil) != sees {
			t.Errorf("%v: %s", sees, r.Body)
		}
	}
	if me := f.do("GET", "/v1/players/me", token, "").is(http.StatusOK); me.Body.String() != f.do("GET", "/v1/players/"+id, token, "").Body.String() {
		t.Errorf("me: %s", me.Body)
	}
}

func TestInt64IsExactBothWays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const path = "/v1/projects/game/environments/development"
	for _, body := range []string{`{"settings":{"access_token_lifetime_seconds":3601}}`, `{"settings":{"access_token_lifetime_seconds":"3601"}}`} {
		r := f.do("PATCH", path+"?int64=string", f.operator, body).is(http.StatusOK)
		if !strings.Contains(r.Body.String(), `"access_token_lifetime_seconds":"3601"`) {
			t.Errorf("%s: %s", body, r.Body)
		}
	}
	// 18446744174 seconds would wrap to 100, which is allowed, if they became a duration unchecked.
	for _, bad := range []string{`9223372036854775807`, `"-9223372036854775808"`, `18446744174`} {
		got := f.do("PATCH", path, f.operator, `{"settings":{"access_token_lifetime_seconds":`+bad+`}}`).faults(http.StatusUnprocessableEntity, "request.invalid")
		if len(got) != 1 || got[0] != "/settings/access_token_lifetime_seconds out_of_range" {
			t.Errorf("%s: %q", bad, got)
		}
	}
	stale := f.do("PATCH", path, f.operator, `{"name":"Dev"}`, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "tenancy.environment_stale")
	if stale["current"].(map[string]any)["version"] != json.Number("3") {
		t.Errorf("current: %v", stale["current"])
	}
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	player, token := f.guest()
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		f.do("PUT", "/v1/players/me/documents/saves/"+key, token, `{"value":{}}`).is(http.StatusCreated)
	}
	const path = "/v1/players/me/documents?collection=saves&limit=2"
	var keys []string
	cursor := ""
	for pages := 0; pages < 4; pages++ {
		r := f.do("GET", path+cursor, token, "").is(http.StatusOK).json()
		for _, item := range r["items"].([]any) {
			document := item.(map[string]any)
			keys = append(keys, document["key"].(string))
			if document["value"] != nil {
				t.Error("a value nobody asked for")
			}
		}
		next, more := r["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if strings.Join(keys, "") != "abcde" {
		t.Errorf("keys %q", keys)
	}
	// The last page is exactly full here, and still the last.
	if r := f.do("GET", "/v1/players/me/documents?limit=5&values=true", token, "").is(http.StatusOK).json(); r["next_cursor"] != nil || len(r["items"].([]any)) != 5 {
		t.Errorf("a full last page: %v", r)
	}
	if r := f.do("GET", "/v1/documents", token, "").is(http.StatusOK); r.Body.String() != `{"items":[]}` {
		t.Errorf("an empty list: %s", r.Body)
	}

	for _, key := range []string{"x", "y"} {
		f.do("PUT", "/v1/documents/c/"+key, f.server, `{"value":{}}`).is(http.StatusCreated)
	}
	shared := f.do("GET", "/v1/documents?limit=1", f.server, "").text("next_cursor")
	f.do("GET", "/v1/documents?cursor="+shared, f.key("development", tenancy.ServerToken, tenancy.DocumentsRead), "").is(http.StatusOK)
	next := f.do("GET", path, token, "").text("next_cursor")
	_, other := f.guest()
	for what, r := range map[string]reply{
		"another filter":    f.do("GET", "/v1/players/me/documents?collection=other&cursor="+next, token, ""),
		"no filter":         f.do("GET", "/v1/players/me/documents?cursor="+next, token, ""),
		"another operation": f.do("GET", "/v1/documents?collection=saves&cursor="+next, token, ""),
		"another player":    f.do("GET", path+"&cursor="+next, other, ""),
		"another kind":      f.do("GET", "/v1/players/"+player+"/documents?collection=saves&cursor="+next, f.server, ""),
		"another trust":     f.do("GET", "/v1/documents?cursor="+shared, f.operator, ""),
		"a changed bit":     f.do("GET", path+"&cursor="+string(next[0]^1)+next[1:], token, ""),
		"nothing":           f.do("GET", path+"&cursor=", token, ""),
	} {
		if r.Code != http.StatusBadRequest || r.json()["code"] != "request.invalid_cursor" {
			t.Errorf("cursor for %s: %d %s", what, r.Code, r.Body)
		}
	}
	// The size of a page may change between pages.
	f.do("GET", "/v1/players/me/documents?collection=saves&limit=100&cursor="+next, token, "").is(http.StatusOK)
	for _, limit := range []string{"0", "-1", "101", "1.5", "x", "", "99999999999999999999"} {
		f.do("GET", "/v1/documents?limit="+limit, token, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	}
}

func TestOperatorsWalk(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const place = "/v1/projects/game/environments"
	f.do("POST", place, f.whole, `{"slug":"qa","production":true}`).is(http.StatusCreated)
	if r := f.do("GET", place, f.whole, "").is(http.StatusOK); len(r.json()["items"].([]any)) != 4 {
		t.Errorf("environments: %s", r.Body)
	}
	f.do("GET", place+"?limit=2", f.whole, "").text("next_cursor")
	f.do("DELETE", place+"/qa", f.whole, "").problem(http.StatusUnprocessableEntity, "tenancy.not_confirmed")
	f.do("DELETE", place+"/qa?confirm=qa", f.whole, "").problem(http.StatusUnprocessableEntity, "tenancy.not_confirmed")
	f.do("DELETE", place+"/qa?confirm=qa&production=true", f.whole, "").is(http.StatusNoContent)
	f.do("GET", place+"/staging", f.operator, "").problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("GET", place+"/nothing", f.operator, "").problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("GET", "/v1/documents", f.whole, "").problem(http.StatusForbidden, "tenancy.environment_required")

	faults := f.do("POST", place+"/development/keys", f.operator, `{"kind":"server_token","name":"","scopes":["documents:read","nope"]}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if strings.Join(faults, ", ") != "/name malformed, /scopes/1 unknown" {
		t.Errorf("faults %q", faults)
	}
	f.do("POST", place+"/development/keys", f.operator, `{"kind":"server_token","name":"x","scopes":["*"],"networks":["10.0.0.0/8","10.0.0.1"]}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	brief := f.do("POST", place+"/development/keys", f.operator, `{"kind":"secret_key","name":"brief","scopes":["*"],"expires_at":"2030-02-01T00:00:00Z"}`).is(http.StatusCreated).text("token")
	if heir := f.do("POST", place+"/development/keys", brief, `{"kind":"secret_key","name":"heir","scopes":["*"]}`).is(http.StatusCreated); heir.text("expires_at") != "2030-02-01T00:00:00Z" {
		t.Errorf("what a key with an expiry makes expires at %s", heir.text("expires_at"))
	}
	faults = f.do("POST", place+"/development/keys", brief, `{"kind":"secret_key","name":"heir","scopes":["*"],"expires_at":"2030-02-01T00:00:01Z"}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if strings.Join(faults, ", ") != "/expires_at out_of_range" {
		t.Errorf("faults %q", faults)
	}
	made := f.do("POST", place+"/development/keys", f.operator, `{"kind":"server_token","name":"eu-1","scopes":["documents:read"],"networks":["10.1.2.3/8"],"expires_at":"2031-01-01T00:00:00+01:00"}`).is(http.StatusCreated)
	if made.text("expires_at") != "2030-12-31T23:00:00Z" || !strings.HasPrefix(made.text("token"), made.text("hint")) || !strings.Contains(made.Body.String(), `"10.0.0.0/8"`) {
		t.Errorf("made %s", made.Body)
	}
	f.do("GET", "/v1/documents", made.text("token"), "").problem(http.StatusForbidden, "auth.network_not_allowed")
	listed := f.do("GET", place+"/development/keys?limit=1", f.operator, "").is(http.StatusOK)
	if strings.Contains(listed.Body.String(), made.text("token")) || !strings.Contains(listed.Body.String(), made.text("id")) {
		t.Errorf("listed %s", listed.Body)
	}
	f.do("DELETE", place+"/development/keys/"+made.text("id"), f.operator, "").is(http.StatusNoContent)
	f.do("DELETE", place+"/development/keys/"+f.options.IDs.New(), f.operator, "").problem(http.StatusNotFound, "tenancy.credential_not_found")
	f.do("DELETE", place+"/development/keys/x", f.operator, "").problem(http.StatusBadRequest, "request.malformed_parameter")

	rotated := f.do("POST", place+"/development/signing-keys", f.operator, "").is(http.StatusCreated)
	keys := f.do("GET", "/v1/environments/"+string(f.environments[0].ID)+"/jwks.json", "", "").is(http.StatusOK)
	if len(rotated.json()["items"].([]any)) != 2 || len(keys.json()["keys"].([]any)) != 2 || keys.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("rotated %s, keys %s", rotated.Body, keys.Body)
	}
	events := f.do("GET", place+"/development/audit?action=credential.created&limit=1", f.operator, "").is(http.StatusOK)
	event := events.json()["items"].([]any)[0].(map[string]any)
	if event["request_id"] != made.Header().Get("X-Request-Id") || event["target"].(map[string]any)["id"] != made.text("id") {
		t.Errorf("event %v", event)
	}
	f.do("GET", place+"/development/audit?action=credential.created&limit=1&cursor="+events.text("next_cursor"), f.operator, "").is(http.StatusOK)
	f.do("GET", "/v1/projects/game/audit", f.operator, "").problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("GET", "/v1/projects/game/audit", f.whole, "").is(http.StatusOK)
	if r := f.do("GET", "/v1/workers", f.operator, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"job":"token-purge"`) {
		t.Errorf("workers %s", r.Body)
	}
	narrow := f.key("development", tenancy.SecretKey, tenancy.AuditRead)
	f.do("GET", "/v1/workers", narrow, "").problem(http.StatusForbidden, "auth.scope_required")
}
