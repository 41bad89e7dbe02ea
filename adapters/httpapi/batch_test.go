package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, token := f.guest()
	bob, _ := f.guest()
	const mine = "/v1/players/me/documents:batch"
	f.do("PUT", "/v1/players/me/documents/saves/old", token, `{"value":{"n":1}}`).is(http.StatusCreated)

	r := f.do("POST", mine, token, `{"operations":[
		{"collection":"saves","key":"a","put":{"value":{"z":1,"a":2},"read":"public"},"if_none_match":"*"},
		{"collection":"saves","key":"a","patch":[{"op":"remove","path":"/z"}],"if_match":1},
		{"collection":"saves","key":"a","merge":{"b":3}},
		{"collection":"saves","key":"a","increments":[{"path":"/b","by":"4"}]},
		{"collection":"saves","key":"old","delete":true,"if_match":"1"}]}`).is(http.StatusOK)
	var got []string
	for _, one := range r.json()["items"].([]any) {
		item := one.(map[string]any)
		got = append(got, fmt.Sprintf("%s %s %v", item["status"], item["version"], item["values"]))
		if document, ok := item["document"].(map[string]any); ok == (item["status"] == "deleted") || document["value"] != nil {
			t.Errorf("item %v", item)
		}
	}
	if want := "created 1 <nil>, updated 2 <nil>, updated 3 <nil>, updated 4 [7], deleted 2 <nil>"; strings.Join(got, ", ") != want {
		t.Errorf("got %q", got)
	}
	if r := f.do("GET", "/v1/players/me/documents/saves/a", token, ""); !strings.Contains(r.Body.String(), `"value":{"a":2,"b":7},"version":4,"read":"public"`) {
		t.Errorf("after it: %s", r.Body)
	}
	f.do("GET", "/v1/players/me/documents/saves/old", token, "").is(http.StatusNotFound)

	// A server writes for several players and everybody at once, or not at all.
	several := func(ifMatch int) string {
		return fmt.Sprintf(`{"operations":[{"player":%q,"collection":"wallet","key":"w","increments":[{"path":"/coins","by":5}]},
			{"player":%q,"collection":"wallet","key":"w","increments":[{"path":"/coins","by":1}]},
			{"collection":"news","key":"w","put":{"value":{}}},
			{"player":%q,"collection":"saves","key":"a","merge":{"b":null},"if_match":%d}]}`, ada, bob, strings.ToUpper(ada), ifMatch)
	}
	stale := f.do("POST", "/v1/documents:batch", f.server, several(3)).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	field := stale["errors"].([]any)[0].(map[string]any)
	if field["pointer"] != "/operations/3" || field["code"] != "version_mismatch" || stale["current"].(map[string]any)["version"] != json.Number("4") {
		t.Errorf("stale: %v", stale)
	}
	f.do("GET", "/v1/players/"+bob+"/documents/wallet/w", f.server, "").is(http.StatusNotFound)
	f.do("GET", "/v1/documents/news/w", f.server, "").is(http.StatusNotFound)
	done := f.do("POST", "/v1/documents:batch?values=true", f.operator, several(4)).is(http.StatusOK)
	if !strings.Contains(done.Body.String(), `"value":{"coins":5}`) || !strings.Contains(done.Body.String(), `"value":{"a":2}`) {
		t.Errorf("done: %s", done.Body)
	}
	events := f.do("GET", "/v1/projects/game/environments/development/audit?action=document.written", f.operator, "").is(http.StatusOK)
	if n := len(events.json()["items"].([]any)); n != 4 {
		t.Errorf("%d events", n)
	}
}

func TestBatchesAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const mine = "/v1/players/me/documents:batch"
	for _, c := range []struct {
		body   string
		status int
		code   string
		want   string
	}{
		{`{"operations":[]}`, 422, "request.invalid", "/operations out_of_range"},
		{`{"operations":[` + strings.Repeat(`{"collection":"c","key":"k","delete":true},`, 100) + `{"collection":"c","key":"k","delete":true}]}`, 422, "request.invalid", "/operations out_of_range"},
		{`{"operations":[{"collection":"c","key":"k"},{"collection":"","key":"/","put":{"value":{}},"delete":true,"if_none_match":"1"},{"player":"x","collection":"c","key":"k","merge":{}}]}`, 422, "request.invalid",
			"/operations/0 exactly_one, /operations/1/collection malformed, /operations/1/key malformed, /operations/1 exactly_one, /operations/1/if_none_match malformed, /operations/2/player not_allowed"},
		{`{"operations":[{"collection":"c","key":"k","put":{},"more":1}]}`, 422, "request.invalid", "/operations/0/put/value required, /operations/0/more unknown"},
		{`{"operations":[{"collection":"c","key":"k","put":{"value":{}}},{"collection":"c","key":"k","put":{"value":[]}}]}`, 422, "request.invalid", "/operations/1/put/value not_an_object"},
		{`{"operations":[{"collection":"c","key":"k","merge":[]}]}`, 422, "request.invalid", "/operations/0/merge not_an_object"},
		{`{"operations":[{"collection":"c","key":"k","put":{"value":{}}},{"collection":"c","key":"k","patch":[{"op":"x"}]}]}`, 422, "storage.patch_invalid", "/operations/1/patch/0/op not_allowed"},
		{`{"operations":[{"collection":"c","key":"k","increments":[{"path":"/n","by":-1,"min":0}]}]}`, 409, "storage.increment_out_of_bounds", "/operations/0/increments/0/min out_of_bounds"},
		{`{"operations":[{"collection":"c","key":"k","put":{"value":{}}},{"collection":"c","key":"none","delete":true}]}`, 404, "storage.document_not_found", "/operations/1 document_not_found"},
	} {
		if got := f.do("POST", mine, token, c.body).faults(c.status, c.code); strings.Join(got, ", ") != c.want {
			t.Errorf("%.120s: %q", c.body, got)
		}
	}
	f.do("GET", "/v1/players/me/documents/c/k", token, "").is(http.StatusNotFound)
	f.do("POST", "/v1/documents:batch", token, `{"operations":[{"collection":"c","key":"k","delete":true}]}`).problem(http.StatusForbidden, "auth.wrong_credential_kind")
	if got := f.do("POST", "/v1/documents:batch", f.server, `{"operations":[{"player":"me","collection":"c","key":"k","put":{"value":{}}}]}`).faults(422, "request.invalid"); strings.Join(got, ", ") != "/operations/0/player malformed" {
		t.Errorf("got %q", got)
	}
	f.do("POST", "/v1/documents:batch", f.server, `{"operations":[{"player":"`+f.options.IDs.New()+`","collection":"c","key":"k","put":{"value":{}}}]}`).problem(http.StatusNotFound, "identity.player_not_found")
}
