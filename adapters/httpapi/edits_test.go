package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

var (
	asMerge = []header{{"Content-Type", ""}, {"Content-Type", mergePatch}}
	asPatch = []header{{"Content-Type", ""}, {"Content-Type", jsonPatch}}
)

func TestPartsOfADocument(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const path = "/v1/players/me/documents/saves/slot"

	made := f.do("PATCH", path, token, `{"coins": 9007199254740993, "gone": null}`, asMerge...).is(http.StatusCreated)
	if !strings.Contains(made.Body.String(), `"value":{"coins":9007199254740993},"version":1`) || made.Header().Get("ETag") != `"1"` {
		t.Errorf("made: %s", made.Body)
	}
	f.do("PATCH", path, token, `{}`, append(asMerge, header{"If-None-Match", "*"})...).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	f.do("PATCH", path, token, `[{"op":"test","path":"/coins","value":9007199254740993},{"op":"add","path":"/items","value":["a"]}]`, append(asPatch, header{"If-Match", `"1"`})...).is(http.StatusOK)
	sums := f.do("POST", path+"/increment", token, `{"increments":[{"path":"/coins","by":"7"},{"path":"/spent","by":-1,"max":0}]}`).is(http.StatusOK)
	if !strings.Contains(sums.Body.String(), `"values":[9007199254741000,-1]`) || !strings.Contains(sums.Body.String(), `"value":{"coins":9007199254741000,"items":["a"],"spent":-1},"version":3`) || sums.Header().Get("ETag") != `"3"` {
		t.Errorf("sums: %s", sums.Body)
	}
	texts := f.do("POST", path+"/increment?int64=string", token, `{"increments":[{"path":"/coins","by":0}]}`).is(http.StatusOK)
	if !strings.Contains(texts.Body.String(), `"values":["9007199254741000"]`) || !strings.Contains(texts.Body.String(), `"coins":9007199254741000`) {
		t.Errorf("as strings: %s", texts.Body)
	}
	stale := f.do("PATCH", path, token, `{}`, append(asMerge, header{"If-Match", `"1"`})...).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	if current, _ := stale["current"].(map[string]any); current["version"] != json.Number("4") {
		t.Errorf("current: %v", stale["current"])
	}

	f.do("PATCH", path+"2", token, `[]`, asPatch...).problem(http.StatusNotFound, "storage.document_not_found")
	f.do("POST", path+"2/increment", token, `{"increments":[{"path":"/n","by":1}]}`).is(http.StatusCreated)
	f.do("PATCH", "/v1/documents/news/today", token, `{}`, asMerge...).problem(http.StatusForbidden, "storage.write_denied")
	f.do("PATCH", "/v1/documents/news/today", f.server, `{"a":1}`, asMerge...).is(http.StatusCreated)
	f.do("PATCH", "/v1/documents/news/today", f.operator, `[{"op":"replace","path":"/a","value":2}]`, asPatch...).is(http.StatusOK)
	f.do("POST", "/v1/documents/news/today/increment", f.server, `{"increments":[{"path":"/a","by":1}]}`).is(http.StatusOK)
}

func TestPatchesAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const path = "/v1/players/me/documents/saves/slot"
	f.do("PUT", path, token, `{"value":{"n":1,"s":"x"}}`).is(http.StatusCreated)

	f.do("PATCH", path, token, `{}`).problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type")
	f.do("PUT", path, token, `{"value":{}}`, asMerge...).problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type")
	f.do("PATCH", path, token, `{"a":1}`, header{"Content-Type", ""}, header{"Content-Type", mergePatch + "; charset=utf-8"}).is(http.StatusOK)
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, c := range []struct {
		as     []header
		body   string
		status int
		code   string
		want   string
	}{
		{asMerge, `{"a":1,"a":2}`, 400, "request.malformed_json", "/a duplicate_member"},
		{asMerge, `{"a":{"b":1,"b":2}}`, 400, "request.malformed_json", "/a/b duplicate_member"},
		{asMerge, `{"a":1} x`, 400, "request.malformed_json", " trailing_data"},
		{asMerge, `{"a":`, 400, "request.malformed_json", "/a truncated"},
		{asMerge, `{"a":` + deep + `}`, 400, "request.malformed_json", " too_deep"},
		{asMerge, `{"a":` + deep[10:120] + `}`, 422, "storage.patch_invalid", " too_deep"},
		{asMerge, "", 400, "request.malformed_json", " required"},
		{asMerge, `[]`, 422, "request.invalid", " not_an_object"},
		{asPatch, `{}`, 422, "storage.patch_invalid", " wrong_type"},
		{asPatch, `[{"op":"add","path":"a"},{"op":"put"}]`, 422, "storage.patch_invalid", "/0/path malformed, /0/value required, /1/op not_allowed"},
		{asPatch, `[{"op":"test","path":"/n","value":2}]`, 409, "storage.patch_test_failed", "/0 test_failed"},
		{asPatch, `[{"op":"remove","path":"/x"}]`, 409, "storage.patch_path_not_found", "/0/path not_found"},
	} {
		got := f.do("PATCH", path, token, c.body, c.as...).faults(c.status, c.code)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
	for body, want := range map[string]string{
		`{"increments":[{"path":"n","by":1}]}`:                                                       "422 request.invalid /increments/0/path malformed",
		`{"increments":[{"path":"/n","by":1,"min":2,"max":1}]}`:                                      "422 request.invalid /increments/0/min out_of_range",
		`{"increments":[{"path":"/n","by":1},{"path":"/n","by":-9,"min":0}]}`:                        "409 storage.increment_out_of_bounds /increments/1/min out_of_bounds",
		`{"increments":[{"path":"/s","by":1}]}`:                                                      "409 storage.increment_not_integer /increments/0/path not_integer",
		`{"increments":[{"path":"/n","by":9223372036854775807}]}`:                                    "422 storage.increment_overflow /increments/0/by overflow",
		`{"increments":[` + strings.Repeat(`{"path":"/n","by":1},`, 1000) + `{"path":"/n","by":1}]}`: "422 request.invalid /increments too_many",
	} {
		r := f.do("POST", path+"/increment", token, body)
		members := r.json()
		field := members["errors"].([]any)[0].(map[string]any)
		if got := fmt.Sprintf("%d %s %s %s", r.Code, members["code"], field["pointer"], field["code"]); got != want {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
	if r := f.do("GET", path, token, ""); !strings.Contains(r.Body.String(), `"value":{"n":1,"s":"x","a":1},"version":2`) {
		t.Errorf("what was refused changed it: %s", r.Body)
	}
}
