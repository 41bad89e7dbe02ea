package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSeats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, adasToken := f.guest()
	bob, bobsToken := f.guest()
	generation := f.announce("arena-1", `,"name":"Arena"`)
	const seats, players = "/v1/servers/arena-1/seats", "/v1/servers/arena-1/players"

	first := f.do("POST", seats, adasToken, "", header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	got := first.json()["seats"].([]any)[0].(map[string]any)
	if got["player"] != ada || got["seat"] != json.Number("1") || first.json()["address"].(map[string]any)["host"] != "192.0.2.7" {
		t.Errorf("reserved: %s", first.Body)
	}
	f.do("POST", seats, adasToken, "", header{"Idempotency-Key", "k"}).replays(first)
	ticket := got["ticket"].(string)
	if again := f.do("POST", seats, adasToken, `{}`).is(http.StatusCreated); again.json()["seats"].([]any)[0].(map[string]any)["ticket"] != ticket {
		t.Errorf("another ticket: %s", again.Body)
	}
	f.do("POST", seats, bobsToken, `{"player":"`+ada+`"}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	f.do("POST", seats, f.server, `{}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	f.do("POST", seats, f.operator, `{"player":"`+bob+`"}`).is(http.StatusCreated)
	f.do("POST", seats, f.publishable, `{}`).problem(http.StatusForbidden, "auth.wrong_credential_kind")
	f.do("POST", "/v1/servers/none/seats", adasToken, `{}`).problem(http.StatusNotFound, "registry.server_not_found")

	f.do("POST", players, adasToken, `{"generation":`+generation+`,"ticket":"`+ticket+`"}`).problem(http.StatusForbidden, "auth.wrong_credential_kind")
	f.do("POST", players, f.server, `{"generation":1,"ticket":"`+ticket+`"}`).problem(http.StatusUnprocessableEntity, "registry.ticket_invalid")
	f.do("POST", players, f.server, `{"generation":`+generation+`}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	if got := f.do("POST", players, f.server, `{"generation":`+generation+`,"ticket":"`+ticket+`"}`).is(http.StatusOK).json(); got["player"] != ada || got["seat"] != json.Number("1") {
		t.Errorf("admitted: %v", got)
	}
	f.do("POST", players, f.server, `{"generation":`+generation+`,"ticket":"`+ticket+`"}`).problem(http.StatusConflict, "registry.ticket_used")
	f.clock.advance(time.Second)
	if got := f.do("GET", "/v1/servers/arena-1", adasToken, "").is(http.StatusOK).json(); got["player_count"] != json.Number("1") || got["reserved"] != json.Number("1") || got["free_seats"] != json.Number("2") {
		t.Errorf("shown: %v", got)
	}
	beat := f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, fmt.Sprintf(`{"generation":%s,"players":[%q,%q]}`, generation, ada, bob)).is(http.StatusOK)
	if got := beat.json(); got["player_count"] != json.Number("2") || got["reserved"] != json.Number("0") {
		t.Errorf("both are there: %s", beat.Body)
	}
	got2 := f.do("POST", "/v1/servers/arena-1/heartbeat", f.server, fmt.Sprintf(`{"generation":%s,"players":[%q,%q,"x"]}`, generation, ada, strings.ToUpper(ada))).faults(http.StatusUnprocessableEntity, "request.invalid")
	if len(got2) != 2 {
		t.Errorf("one twice, and one who is nobody: %q", got2)
	}
	f.do("DELETE", players+"/"+ada+"?generation="+generation, f.server, "").is(http.StatusNoContent)
	f.do("DELETE", players+"/"+ada+"?generation="+generation, f.server, "").problem(http.StatusNotFound, "registry.player_not_seated")
	f.do("DELETE", players+"/"+ada, f.server, "").problem(http.StatusBadRequest, "request.malformed_parameter")

	f.do("PATCH", "/v1/projects/game/environments/development", f.operator, `{"settings":{"server_browsing":"servers"}}`).is(http.StatusOK)
	f.do("POST", seats, adasToken, `{}`).problem(http.StatusForbidden, "registry.browsing_closed")
	f.do("POST", seats, f.server, `{"player":"`+ada+`"}`).is(http.StatusCreated)
	events := f.do("GET", "/v1/projects/game/environments/development/audit", f.operator, "").is(http.StatusOK).Body.String()
	if strings.Count(events, `"server.seat_reserved"`) != 1 {
		t.Errorf("audited: %s", events)
	}
}

func TestAllocation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, _ := f.guest()
	bob, _ := f.guest()
	f.announce("arena-1", `,"mode":"ctf","tags":["a"]`)
	f.announce("arena-2", `,"mode":"duel"`)
	party := fmt.Sprintf(`{"players":[%q,%q],"filter":{"mode":"ctf","tags_all":["a"]},"strategy":"spread"}`, ada, bob)
	first := f.do("POST", "/v1/servers:allocate", f.server, party, header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	if got := first.json(); got["server_id"] != "arena-1" || len(got["seats"].([]any)) != 2 || got["seats"].([]any)[1].(map[string]any)["player"] != bob {
		t.Errorf("allocated: %s", first.Body)
	}
	f.do("POST", "/v1/servers:allocate", f.server, party, header{"Idempotency-Key", "k"}).replays(first)
	f.do("POST", "/v1/servers:allocate", f.operator, `{"players":["`+ada+`"],"filter":{"mode":"race"}}`).problem(http.StatusConflict, "registry.none_available")
	got := f.do("POST", "/v1/servers:allocate", f.server, `{"players":["x"],"strategy":"best","filter":{"region":"\u0000","tags_any":[","],"zone":"eu"}}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if len(got) != 1 {
		t.Errorf("what is unknown: %q", got)
	}
	got = f.do("POST", "/v1/servers:allocate", f.server, `{"players":["x"],"strategy":"best","filter":{"region":"\u0000","tags_any":[","]}}`).faults(http.StatusUnprocessableEntity, "request.invalid")
	if len(got) != 4 {
		t.Errorf("faults %q", got)
	}
	f.do("POST", "/v1/servers:allocate", f.server, `{"players":[]}`).problem(http.StatusUnprocessableEntity, "request.invalid")
}
