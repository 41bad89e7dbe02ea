package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const rewinding = "/v1/projects/game/environments/development/players/%s/documents:restore"

// fates writes the items of a step as "key status version from code".
func fates(r reply) (all []string) {
	r.t.Helper()
	for _, one := range r.json()["items"].([]any) {
		item := one.(map[string]any)
		line := fmt.Sprint(item["key"], " ", item["status"], " ", item["version"])
		if from, ok := item["from_version"]; ok {
			line += fmt.Sprint(" ", from)
		}
		if code, ok := item["code"]; ok {
			line += fmt.Sprint(" ", code)
		}
		all = append(all, line)
	}
	return all
}

func TestBackToAMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	_, other := f.guest()
	const saves = "/v1/players/me/documents/saves/"
	put := func(token, key, value string) {
		f.do("PUT", saves+key, token, `{"value":`+value+`}`)
	}
	for _, key := range []string{"changed", "deleted", "forgotten", "refused", "same", "toggled"} {
		put(token, key, `{"level":0}`)
	}
	put(other, "changed", `{"level":0}`)
	f.do("PUT", saves+"changed", token, `{"value":{"level":0},"read":"public"}`)
	at := f.clock.Now()
	f.clock.advance(time.Minute)
	put(token, "changed", `{"level":5}`)
	f.do("PUT", saves+"changed", token, `{"value":{"level":6},"read":"owner"}`)
	f.do("DELETE", saves+"deleted", token, "")
	for n := range 12 {
		put(token, "forgotten", fmt.Sprintf(`{"level":%d}`, n))
	}
	put(token, "made", `{"level":1}`)
	put(token, "refused", `{"level":7}`)
	put(token, "toggled", `{"level":1}`)
	put(token, "toggled", `{"level":0}`)
	put(other, "changed", `{"level":9}`)
	f.do("PUT", declarations+"/saves", f.operator, `{"schema":{"if":{"required":["guard"]},"properties":{"level":{"not":{"const":-1}}}}}`).is(http.StatusCreated)

	path := fmt.Sprintf(rewinding, id)
	body := func(preview bool) string {
		return fmt.Sprintf(`{"at":%q,"preview":%t}`, at.Format(time.RFC3339Nano), preview)
	}
	want := []string{
		"changed restored 5 2", "deleted restored 3 1", "forgotten impossible 13 storage.history_too_short", "made deleted 2",
		"refused restored 3 1", "same unchanged 1", "toggled unchanged 3",
	}
	for range 2 {
		if r := f.do("POST", path, f.operator, body(true)).is(http.StatusOK); !slices.Equal(fates(r), want) || !strings.Contains(r.Body.String(), `"preview":true,"complete":true`) {
			t.Errorf("preview: %s", r.Body)
		}
	}
	// What the collection forbids now can't come back.
	f.do("PUT", declarations+"/saves", f.operator, `{"schema":{"properties":{"level":{"minimum":1}}}}`).is(http.StatusOK)
	r := f.do("POST", path, f.operator, body(true)).is(http.StatusOK)
	if got := fates(r); got[4] != "refused impossible 2 storage.schema_violation" || got[0] != "changed impossible 4 storage.schema_violation" || !strings.Contains(r.Body.String(), `"errors":[{"in":"document","pointer":"/value/level","code":"minimum","detail":"At least 1."}]`) {
		t.Errorf("with a schema: %s", r.Body)
	}
	f.do("DELETE", declarations+"/saves", f.operator, "").is(http.StatusNoContent)

	done := f.do("POST", path, f.whole, body(false), header{"Idempotency-Key", "rewind"}).is(http.StatusOK)
	if !slices.Equal(fates(done), want) {
		t.Errorf("done: %s", done.Body)
	}
	if again := f.do("POST", path, f.whole, body(false), header{"Idempotency-Key", "rewind"}).is(http.StatusOK); again.Body.String() != done.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %s", again.Body)
	}
	if d := f.do("GET", saves+"changed", token, "").is(http.StatusOK); !strings.Contains(d.Body.String(), `"value":{"level":0},"version":5,"read":"public"`) {
		t.Errorf("changed: %s", d.Body)
	}
	f.do("GET", saves+"made", token, "").is(http.StatusNotFound)
	f.do("GET", saves+"deleted", token, "").is(http.StatusOK)
	if d := f.do("GET", saves+"changed", other, "").is(http.StatusOK); !strings.Contains(d.Body.String(), `"level":9`) {
		t.Errorf("another player's: %s", d.Body)
	}
	// Once more does nothing more.
	want = []string{
		"changed unchanged 5", "deleted unchanged 3", "forgotten impossible 13 storage.history_too_short", "made unchanged 2",
		"refused unchanged 3", "same unchanged 1", "toggled unchanged 3",
	}
	if r := f.do("POST", path, f.operator, body(false)).is(http.StatusOK); !slices.Equal(fates(r), want) {
		t.Errorf("again: %s", r.Body)
	}
	log := f.do("GET", "/v1/projects/game/environments/development/audit?action=player.documents_restored", f.operator, "").is(http.StatusOK)
	if events := log.json()["items"].([]any); len(events) != 2 || !strings.Contains(log.Body.String(), `"restored":"3"`) || !strings.Contains(log.Body.String(), `"impossible":"1"`) {
		t.Errorf("audited: %s", log.Body)
	}
	// And back again.
	f.clock.advance(time.Minute)
	undo := fmt.Sprintf(`{"at":%q}`, at.Add(time.Minute-time.Microsecond).Format(time.RFC3339Nano))
	f.do("POST", path, f.operator, undo).is(http.StatusOK)

	for bad, want := range map[string]string{
		`{"at":"2999-01-01T00:00:00Z"}`: "/at out_of_range", `{"at":"0001-01-01T00:00:00Z"}`: "/at malformed", `{}`: "/at required",
	} {
		if got := f.do("POST", path, f.operator, bad).faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", bad, got)
		}
	}
	f.do("POST", fmt.Sprintf(rewinding, "019a0000-0000-7000-8000-000000000000"), f.operator, body(true)).problem(http.StatusNotFound, "identity.player_not_found")
}

func TestBackToAMomentInSteps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	at := f.clock.Now()
	f.clock.advance(time.Minute)
	const all = 430
	for first := 0; first < all; first += 100 {
		var operations []string
		for n := first; n < min(all, first+100); n++ {
			operations = append(operations, fmt.Sprintf(`{"collection":"saves","key":"k%03d","put":{"value":{}}}`, n))
		}
		f.do("POST", "/v1/players/me/documents:batch", token, `{"operations":[`+strings.Join(operations, ",")+`]}`).is(http.StatusOK)
	}
	path, body := fmt.Sprintf(rewinding, id), fmt.Sprintf(`{"at":%q}`, at.Format(time.RFC3339Nano))
	var got []string
	for cursor := ""; ; {
		r := f.do("POST", path+cursor, f.operator, body).is(http.StatusOK)
		got = append(got, fates(r)...)
		next, more := r.json()["next_cursor"].(string)
		if more == (r.json()["complete"] == true) {
			t.Fatalf("complete, and more: %.100s", r.Body)
		}
		if !more {
			break
		}
		cursor = "?cursor=" + next
		f.do("POST", path+cursor, f.operator, `{"at":"2026-01-01T00:00:00Z"}`).problem(http.StatusBadRequest, "request.invalid_cursor")
	}
	if len(got) != all || got[0] != "k000 deleted 2" || got[all-1] != "k429 deleted 2" {
		t.Errorf("%d documents: %s … %s", len(got), got[0], got[len(got)-1])
	}
	if r := f.do("GET", "/v1/players/me/documents", token, "").is(http.StatusOK); len(r.json()["items"].([]any)) != 0 {
		t.Errorf("left: %.200s", r.Body)
	}
	big := `{"value":{"a":"` + strings.Repeat("x", 200<<10) + `"}}`
	for n := range 45 { // more than a step restores
		f.do("PUT", fmt.Sprintf("/v1/players/me/documents/big/%02d", n), token, big).is(http.StatusCreated)
	}
	at = f.clock.Now()
	f.clock.advance(time.Minute)
	for n := range 45 {
		f.do("DELETE", fmt.Sprintf("/v1/players/me/documents/big/%02d", n), token, "").is(http.StatusNoContent)
	}
	first := f.do("POST", path, f.operator, fmt.Sprintf(`{"at":%q}`, at.Format(time.RFC3339Nano))).is(http.StatusOK)
	if got := fates(first); len(got) != 41 || first.json()["complete"] != false {
		t.Errorf("%d of 45 restored", len(got))
	}
}
