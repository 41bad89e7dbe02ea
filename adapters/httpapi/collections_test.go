package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	declarations = "/v1/projects/game/environments/development/collections"
	levels       = `{"schema":{"type":"object","properties":{"level":{"type":"integer","minimum":1,"maximum":9007199254740993},"tags":{"items":{"type":"string"}}},"required":["level"]}}`
)

func TestDeclarations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.do("GET", declarations+"/saves", f.operator, "").problem(http.StatusNotFound, "storage.collection_not_found")
	f.do("PUT", declarations+"/saves", f.operator, levels, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "storage.collection_changed")
	first := f.do("PUT", declarations+"/saves", f.operator, levels, header{"If-None-Match", "*"}).is(http.StatusCreated)
	if first.Header().Get("ETag") != `"1"` || !strings.Contains(first.Body.String(), `"existing":{"checked":0,"broken":0,"complete":true,"items":[]}`) || !strings.Contains(first.Body.String(), "9007199254740993") {
		t.Errorf("declared %s", first.Body)
	}
	if r := f.do("PUT", declarations+"/saves", f.operator, `{}`, header{"If-None-Match", "*"}).problem(http.StatusPreconditionFailed, "storage.collection_changed"); r["current"].(map[string]any)["collection"] != "saves" {
		t.Errorf("stale: %v", r)
	}
	f.do("PUT", declarations+"/rewards", f.operator, `{"read":"public","write":"server","document_bytes":100,"revisions":1}`).is(http.StatusCreated)
	if r := f.do("PUT", declarations+"/saves", f.operator, `{"revisions":100}`, header{"If-Match", `"1"`}).is(http.StatusOK); r.Header().Get("ETag") != `"3"` || strings.Contains(r.Body.String(), "schema") {
		t.Errorf("replaced: %s", r.Body)
	}
	page := f.do("GET", declarations+"?limit=1", f.operator, "").is(http.StatusOK)
	next := f.do("GET", declarations+"?limit=1&cursor="+page.text("next_cursor"), f.operator, "").is(http.StatusOK)
	if !strings.Contains(page.Body.String(), `"collection":"rewards","read":"public","write":"server","document_bytes":100,"revisions":1,"version":2`) || !strings.Contains(next.Body.String(), `"collection":"saves"`) {
		t.Errorf("listed %s %s", page.Body, next.Body)
	}
	if r := f.do("GET", declarations+"/saves", f.operator, "").is(http.StatusOK); r.Header().Get("ETag") != `"3"` {
		t.Errorf("read %s", r.Header())
	}
	f.do("GET", declarations+"/saves", f.operator, "", header{"If-None-Match", `"3"`}).is(http.StatusNotModified)
	f.do("DELETE", declarations+"/saves", f.operator, "", header{"If-Match", `"2"`}).problem(http.StatusPreconditionFailed, "storage.collection_changed")
	f.do("DELETE", declarations+"/saves", f.operator, "", header{"If-Match", `"3"`}).is(http.StatusNoContent)
	f.do("DELETE", declarations+"/saves", f.operator, "").problem(http.StatusNotFound, "storage.collection_not_found")
	if r := f.do("PUT", declarations+"/saves", f.operator, `{}`).is(http.StatusCreated); r.Header().Get("ETag") != `"5"` {
		t.Errorf("made again: %s", r.Header())
	}
}

func TestDeclarationsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for body, want := range map[string]string{
		`{"schema":[],"read":"all","write":"public","document_bytes":0,"revisions":0}`: "/schema not_an_object, /read not_allowed, /write not_allowed, /document_bytes out_of_range, /revisions out_of_range",
		`{"document_bytes":262145,"revisions":101}`:                                    "/document_bytes out_of_range, /revisions out_of_range",
		`{"document_bytes":9223372036854775807,"revisions":-9223372036854775808}`:      "/document_bytes out_of_range, /revisions out_of_range",
		`{"schema":{"properties":{"a/b":{"type":"strin"}},"required":"a"}}`:            "/schema/properties/a~1b/type any_of, /schema/required type",
		`{"schema":{"$ref":"https://evil.example"}}`:                                   "/schema $ref",
		`{"schema":{"description":"` + strings.Repeat("x", 64<<10) + `"}}`:             "/schema too_large",
		`{"scheme":{}}`: "/scheme unknown",
	} {
		for _, path := range []string{declarations + "/saves", declarations + "/saves/check"} {
			method := "PUT"
			if strings.HasSuffix(path, "check") {
				method = "POST"
			}
			if got := strings.Join(f.do(method, path, f.operator, body).faults(http.StatusUnprocessableEntity, "request.invalid"), ", "); got != want {
				t.Errorf("%s %.80s: %s, want %s", method, body, got, want)
			}
		}
	}
	if got := f.do("PUT", declarations+"/no!name", f.operator, `{}`).faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{"path /collection malformed"}) {
		t.Errorf("name: %v", got)
	}
	f.do("GET", declarations, f.operator, "").is(http.StatusOK)
}

func TestASchemaRefusesEveryKindOfWrite(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const path = "/v1/players/me/documents/saves/slot"
	f.do("PUT", path, token, `{"value":{"level":"old"}}`).is(http.StatusCreated)
	f.do("PUT", path, token, `{"value":{"level":1,"tags":[]}}`).is(http.StatusOK)
	f.do("PUT", declarations+"/saves", f.operator, levels).is(http.StatusCreated)
	merging, patching := header{"Content-Type", "application/merge-patch+json"}, header{"Content-Type", "application/json-patch+json"}
	for name, c := range map[string]struct {
		method, path, body string
		media              header
		want               string
	}{
		"put":       {"PUT", path, `{"value":{"level":0,"tags":["a",1]}}`, header{}, "/value/level minimum, /value/tags/1 type"},
		"exact":     {"PUT", path, `{"value":{"level":9007199254740994}}`, header{}, "/value/level maximum"},
		"new":       {"PUT", path + "2", `{"value":{}}`, header{}, "/value/level required"},
		"merge":     {"PATCH", path, `{"level":null}`, merging, "document /value/level required"},
		"patch":     {"PATCH", path, `[{"op":"add","path":"/tags/-","value":7}]`, patching, "document /value/tags/0 type"},
		"increment": {"POST", path + "/increment", `{"increments":[{"path":"/level","by":-1}]}`, header{}, "document /value/level minimum"},
		"restore":   {"POST", path + "/revisions/1/restore", "", header{}, "document /value/level type"},
		"batched put": {"POST", "/v1/players/me/documents:batch", `{"operations":[{"collection":"saves","key":"a","put":{"value":{"level":1}}},{"collection":"saves","key":"b","put":{"value":{"level":-1}}}]}`, header{},
			"/operations/1/put/value/level minimum"},
		"batched merge": {"POST", "/v1/players/me/documents:batch", `{"operations":[{"collection":"saves","key":"a","put":{"value":{"level":1}}},{"collection":"saves","key":"a","merge":{"tags":[1]}}]}`, header{},
			"document /operations/1/value/tags/0 type"},
		"batched increment": {"POST", "/v1/players/me/documents:batch", `{"operations":[{"collection":"saves","key":"slot","increments":[{"path":"/level","by":-5}]}]}`, header{},
			"document /operations/0/value/level minimum"},
	} {
		var headers []header
		if c.media[0] != "" {
			headers = append(headers, header{"Content-Type", ""}, c.media)
		}
		if got := strings.Join(f.do(c.method, c.path, token, c.body, headers...).faults(http.StatusUnprocessableEntity, "storage.schema_violation"), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if r := f.do("GET", path, token, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"value":{"level":1,"tags":[]},"version":2`) {
		t.Errorf("after all that: %s", r.Body)
	}
	f.do("GET", path+"2", token, "").is(http.StatusNotFound)
	f.do("POST", path+"/increment", token, `{"increments":[{"path":"/level","by":1}]}`).is(http.StatusOK)
	f.do("POST", path+"/revisions/2/restore", token, "").is(http.StatusOK)
	f.do("DELETE", path, token, "").is(http.StatusNoContent)
}

func TestTighteningReportsAndBreaksNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	for n := range 5 {
		f.do("PUT", fmt.Sprintf("/v1/players/me/documents/saves/%d", n), token, fmt.Sprintf(`{"value":{"level":%d}}`, n-1)).is(http.StatusCreated)
	}
	f.do("PUT", "/v1/documents/saves/shared", f.server, `{"value":{"level":"secret"}}`).is(http.StatusCreated)
	want := `{"checked":6,"broken":3,"complete":true,"items":[` +
		`{"shared":true,"key":"shared","version":1,"errors":[{"in":"document","pointer":"/value/level","code":"type","detail":"Of type integer."}]},` +
		`{"owner":"` + id + `","key":"0","version":1,"errors":[{"in":"document","pointer":"/value/level","code":"minimum","detail":"At least 1."}]},` +
		`{"owner":"` + id + `","key":"1","version":1,"errors":[{"in":"document","pointer":"/value/level","code":"minimum","detail":"At least 1."}]}]}`
	if r := f.do("POST", declarations+"/saves/check", f.operator, levels).is(http.StatusOK); strings.TrimSpace(r.Body.String()) != want {
		t.Errorf("dry run: %s", r.Body)
	}
	f.do("GET", declarations+"/saves", f.operator, "").is(http.StatusNotFound)
	if r := f.do("PUT", declarations+"/saves", f.operator, levels).is(http.StatusCreated); !strings.Contains(r.Body.String(), `"existing":`+want) {
		t.Errorf("declared: %s", r.Body)
	}
	const broken = "/v1/players/me/documents/saves/0"
	if r := f.do("GET", broken, token, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"value":{"level":-1}`) {
		t.Errorf("read: %s", r.Body)
	}
	if got := f.do("POST", broken+"/increment", token, `{"increments":[{"path":"/level","by":1}]}`).faults(http.StatusUnprocessableEntity, "storage.schema_violation"); !slices.Equal(got, []string{"document /value/level minimum"}) {
		t.Errorf("still broken: %v", got)
	}
	f.do("POST", broken+"/increment", token, `{"increments":[{"path":"/level","by":2}]}`).is(http.StatusOK)
	f.do("DELETE", "/v1/players/me/documents/saves/1", token, "").is(http.StatusNoContent)
	if r := f.do("POST", declarations+"/saves/check", f.operator, `{"document_bytes":12}`, header{"Idempotency-Key", "check"}).is(http.StatusOK); !strings.Contains(r.Body.String(), `"checked":5,"broken":1`) || !strings.Contains(r.Body.String(), `"pointer":"/value","code":"too_large"`) {
		t.Errorf("by size: %s", r.Body)
	}
}

func TestAReportGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const all, batch = 1030, 100
	for first := 0; first < all; first += batch {
		var operations []string
		for n := first; n < min(all, first+batch); n++ {
			operations = append(operations, fmt.Sprintf(`{"collection":"saves","key":"k%04d","put":{"value":{"level":%d}}}`, n, n%2))
		}
		f.do("POST", "/v1/documents:batch", f.server, `{"operations":[`+strings.Join(operations, ",")+`]}`).is(http.StatusOK)
	}
	r := f.do("PUT", declarations+"/saves", f.operator, levels).is(http.StatusCreated)
	report := r.json()["existing"].(map[string]any)
	if !strings.Contains(r.Body.String(), `"checked":1000,"broken":500,"complete":false`) || len(report["items"].([]any)) != 20 {
		t.Errorf("declared: %.300s", r.Body)
	}
	cursor := "?cursor=" + report["next_cursor"].(string)
	f.do("POST", declarations+"/others/check"+cursor, f.operator, levels).problem(http.StatusBadRequest, "request.invalid_cursor")
	rest := f.do("POST", declarations+"/saves/check"+cursor, f.operator, levels).is(http.StatusOK)
	if !strings.Contains(rest.Body.String(), `"checked":30,"broken":15,"complete":true`) || strings.Contains(rest.Body.String(), "next_cursor") {
		t.Errorf("the rest: %.300s", rest.Body)
	}
}
