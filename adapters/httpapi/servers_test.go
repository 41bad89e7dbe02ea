package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const operatedServers = "/v1/projects/game/environments/development/servers"

// named gives the ids of the servers in a list.
func (r reply) named() string {
	r.t.Helper()
	ids := []string{}
	for _, one := range r.is(http.StatusOK).json()["items"].([]any) {
		ids = append(ids, one.(map[string]any)["server_id"].(string))
	}
	return strings.Join(ids, " ")
}

// announce registers a server and gives its generation.
func (f *fixture) announce(id, more string) string {
	f.t.Helper()
	body := fmt.Sprintf(`{"server_id":%q,"address":{"host":"192.0.2.7","ports":{"game":7777}},"max_players":4%s}`, id, more)
	return string(f.do("POST", "/v1/servers", f.server, body).is(http.StatusCreated).json()["generation"].(json.Number))
}

func TestServers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	first := f.announce("arena-1", `,"name":"<script>alert(1)</script>","region":"eu","mode":"ctf","tags":["b","a","b"],"metadata":{ "motd" : "'; DROP TABLE servers; --" }`)
	f.announce("arena-2", `,"region":"eu","mode":"duel","tags":["a"]`)
	f.announce("arena-3", `,"region":"us","mode":"ctf","state":"starting"`)
	f.clock.advance(2 * time.Second)

	all := f.do("GET", "/v1/servers?sort=name", player, "")
	if got := all.named(); got != "arena-1 arena-2" {
		t.Errorf("all: %s", got)
	}
	want := `{"server_id":"arena-1","generation":` + first + `,"name":"<script>alert(1)</script>","region":"eu","address":{"host":"192.0.2.7","ports":{"game":7777}},` +
		`"mode":"ctf","tags":["a","b"],"state":"ready","max_players":4,"player_count":0,"reserved":0,"free_seats":4,"metadata":{"motd":"'; DROP TABLE servers; --"},"registered_at":`
	if !strings.Contains(all.Body.String(), want) || all.Header().Get("Content-Type") != "application/json" || all.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("all: %s", all.Body)
	}
	for query, want := range map[string]string{
		"region=eu": "arena-1 arena-2", "region=EU": "", "mode=ctf": "arena-1", "tags_all=a,b": "arena-1", "tags_any=b,x": "arena-1", "tags_any=a,b": "arena-1 arena-2",
		"free_seats=4": "arena-1 arena-2", "free_seats=5": "", "not_empty=true": "", "name=SCRIPT": "arena-1", "name=%25": "", "version=1": "",
	} {
		if got := f.do("GET", "/v1/servers?sort=name&"+query, player, "").named(); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	tag := all.Header().Get("ETag")
	f.clock.advance(2 * time.Second)
	if again := f.do("GET", "/v1/servers?sort=name", player, "", header{"If-None-Match", tag}); again.Code != http.StatusNotModified {
		t.Errorf("another picture of the same: %d", again.Code)
	}
	exact := f.do("GET", "/v1/servers?sort=name&int64=string", player, "")
	if !strings.Contains(exact.Body.String(), `"generation":"`+first+`"`) || exact.Header().Get("ETag") == tag || !strings.Contains(exact.Body.String(), `"game":7777`) {
		t.Errorf("int64=string: %s", exact.Body)
	}

	page := f.do("GET", "/v1/servers?sort=name&limit=1", player, "")
	next := "&cursor=" + page.json()["next_cursor"].(string)
	if got := f.do("GET", "/v1/servers?sort=name&limit=1"+next, player, "").named(); got != "arena-2" {
		t.Errorf("page 2: %s", got)
	}
	f.do("GET", "/v1/servers?sort=name&limit=1&region=eu"+next, player, "").problem(http.StatusBadRequest, "request.invalid_cursor")

	f.clock.advance(24 * time.Second)
	beat := f.do("POST", "/v1/servers/arena-2/heartbeat", f.server, `{"generation":1,"player_count":3}`)
	beat.problem(http.StatusConflict, "registry.superseded")
	shown := f.do("GET", "/v1/servers/arena-2", player, "").is(http.StatusOK).json()
	beat = f.do("POST", "/v1/servers/arena-2/heartbeat", f.server, fmt.Sprintf(`{"generation":%s,"player_count":3,"map":"canyon"}`, shown["generation"]))
	if got := beat.is(http.StatusOK).json(); got["free_seats"] != json.Number("1") || got["heartbeat_seconds"] != json.Number("10") {
		t.Errorf("beat: %s", beat.Body)
	}
	f.clock.advance(4 * time.Second)
	if got := f.do("GET", "/v1/servers?map=canyon&not_empty=true", player, "").named(); got != "arena-2" {
		t.Errorf("after 32 seconds: %s", got)
	}
	f.do("GET", "/v1/servers/arena-1", player, "").problem(http.StatusNotFound, "registry.server_not_found")
	f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, `{"generation":`+first+`}`).is(http.StatusOK)
	f.clock.advance(time.Second)
	if got := f.do("GET", "/v1/servers?sort=newest", player, "").named(); got != "arena-1 arena-2" && got != "arena-2 arena-1" {
		t.Errorf("revived: %s", got)
	}

	f.do("POST", "/v1/servers/arena-1/drain", f.server, `{"generation":`+first+`,"hidden":true}`).is(http.StatusOK)
	if got := f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, `{"generation":`+first+`,"state":"ready"}`).is(http.StatusOK).json()["state"]; got != "draining" {
		t.Errorf("a heartbeat undid the drain: %s", got)
	}
	f.do("DELETE", "/v1/servers/arena-2", f.server, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	f.do("DELETE", fmt.Sprintf("/v1/servers/arena-2?generation=%s", shown["generation"]), f.server, "").is(http.StatusNoContent)
	f.clock.advance(time.Second)
	if got := f.do("GET", "/v1/servers", player, "").named(); got != "" {
		t.Errorf("one hidden and one gone: %s", got)
	}
	f.do("POST", "/v1/servers/arena-2/heartbeat", f.server, fmt.Sprintf(`{"generation":%s}`, shown["generation"])).problem(http.StatusConflict, "registry.deregistered")
	second := f.announce("arena-2", "")
	if second <= string(shown["generation"].(json.Number)) {
		t.Errorf("generation %s follows %s", second, shown["generation"])
	}
}

func TestARegistrationIsReadStrictly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.do("POST", "/v1/servers", f.server, `{"addr":{"host":"192.0.2.7"},"max_players":4}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if len(got) != 2 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "/addr") && strings.Contains(s, "unknown") }) {
		t.Errorf("misspelt: %q", got)
	}
	got = f.do("POST", "/v1/servers", f.server,
		`{"server_id":"No Slug","name":"a\u0000b","region":"\u001b[31m","address":{"host":"javascript:alert(1)","ports":{"Game":7777,"query":0,"rcon":99999999999}},"tags":["a b"],"max_players":0,"metadata":[]}`,
	).faults(http.StatusUnprocessableEntity, "request.invalid")
	for _, pointer := range []string{"/server_id", "/name", "/region", "/address/host", "/address/ports/Game", "/address/ports/query", "/address/ports/rcon", "/tags/0", "/max_players", "/metadata"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, pointer) }) {
			t.Errorf("%s is not among %q", pointer, got)
		}
	}
	f.do("POST", "/v1/servers", f.server, `{"address":{"host":"h","ports":{"game":1,"game":2}},"max_players":4}`).problem(http.StatusBadRequest, "request.malformed_json")
	f.do("POST", "/v1/servers", f.server, `{"address":{"host":"h","ports":[7777]},"max_players":4}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	for _, query := range []string{"sort=size", "tags_all=a,,b", "tags_any=a%20b", "free_seats=-1", "limit=0", "region=%00", "regio=eu", "cursor=AAAA"} {
		if got := f.do("GET", "/v1/servers?"+query, f.server, ""); got.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.Code)
		}
	}
}

func TestWhoSeesServersIsASetting(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	f.announce("arena-1", "")
	for setting, allowed := range map[string][2]bool{"players": {true, false}, "publishable": {true, true}, "servers": {false, false}} {
		f.do("PATCH", "/v1/projects/game/environments/development", f.operator, `{"settings":{"server_browsing":"`+setting+`"}}`).is(http.StatusOK)
		for i, token := range []string{player, f.publishable} {
			for _, path := range []string{"/v1/servers", "/v1/servers/arena-1"} {
				if got := f.do("GET", path, token, ""); allowed[i] != (got.Code == http.StatusOK) || !allowed[i] && got.Code != http.StatusForbidden {
					t.Errorf("%s as %d with %s: %d", path, i, setting, got.Code)
				}
			}
		}
		f.do("GET", "/v1/servers", f.server, "").is(http.StatusOK)
	}
	f.do("PATCH", "/v1/projects/game/environments/development", f.operator, `{"settings":{"server_browsing":"all"}}`).problem(http.StatusUnprocessableEntity, "request.invalid")
}

func TestOperatorsSeeAndEndServers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	generation := f.announce("arena-1", `,"state":"starting"`)
	f.announce("arena-2", "")
	if got := f.do("GET", operatedServers, f.operator, "").named(); got != "arena-1 arena-2" {
		t.Errorf("all: %s", got)
	}
	f.do("POST", operatedServers+"/arena-1/drain", f.whole, `{}`, header{"Idempotency-Key", "k"}).is(http.StatusOK)
	if replay := f.do("POST", operatedServers+"/arena-1/drain", f.whole, `{}`, header{"Idempotency-Key", "k"}); replay.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %v", replay.Header())
	}
	if got := f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, `{"generation":`+generation+`}`).is(http.StatusOK).json()["state"]; got != "draining" {
		t.Errorf("told: %s", got)
	}
	f.do("DELETE", operatedServers+"/arena-1", f.operator, "").is(http.StatusNoContent)
	f.do("DELETE", operatedServers+"/arena-1", f.operator, "").problem(http.StatusNotFound, "registry.server_not_found")
	f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, `{"generation":`+generation+`}`).problem(http.StatusConflict, "registry.deregistered")
	events := f.do("GET", "/v1/projects/game/environments/development/audit", f.operator, "").is(http.StatusOK).Body.String()
	for _, want := range []string{`"server.drained"`, `"server.deregistered"`} {
		if strings.Count(events, want) != 1 {
			t.Errorf("%s is audited %d times", want, strings.Count(events, want))
		}
	}
}
