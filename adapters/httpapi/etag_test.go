package httpapi

import (
	"strings"
	"testing"
)

func TestReadTags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		ok    bool
		want  string // weak tags with W/
	}{
		{`*`, true, "*"},
		{` * `, true, "*"},
		{`"1"`, true, `"1"`},
		{`"1","2"`, true, `"1" "2"`},
		{` "1" , W/"2" ,, "a,b",`, true, `"1" W/"2" "a,b"`},
		{`""`, true, `""`},
		{``, false, ""},
		{`,`, false, ""},
		{`1`, false, ""},
		{`"1`, false, ""},
		{`1"`, false, ""},
		{`"1" "2"`, false, ""},
		{`"1"x`, false, ""},
		{`w/"1"`, false, ""},
		{`W/1`, false, ""},
		{`*, "1"`, false, ""},
		{`"1", *`, false, ""},
		{`"a b"`, false, ""},
		{"\"a\x00\"", false, ""},
	} {
		got, ok := readTags(c.field)
		if ok != c.ok || ok && tagsText(got) != c.want {
			t.Errorf("%q: %s, %v", c.field, tagsText(got), ok)
		}
	}
}

func tagsText(t tags) string {
	if t.any {
		return "*"
	}
	var parts []string
	for _, one := range t.listed {
		text := `"` + one.opaque + `"`
		if one.weak {
			text = "W/" + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// What is no version, or only weakly one, must make a writer miss, and never pass as no condition at all.
func TestVersionsOfTags(t *testing.T) {
	t.Parallel()
	got, ok := readTags(`"7", W/"7", "07", "+7", "abc", "", "9223372036854775807", "9223372036854775808"`)
	want := []int64{7, 0, 0, 0, 0, 0, 1<<63 - 1, 0}
	versions := got.versions()
	if !ok || len(versions) != len(want) {
		t.Fatalf("%v, %v", versions, ok)
	}
	for i := range want {
		if versions[i] != want[i] {
			t.Errorf("%v, want %v", versions, want)
		}
	}
	if !got.matchWeakly("7") || !got.matchWeakly("abc") || got.matchWeakly("8") || !(tags{any: true}).matchWeakly("8") {
		t.Error("weak comparison is off")
	}
}

func TestPreconditionsOfRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const path = "/v1/players/me/documents/a/b"
	for _, c := range []struct {
		method string
		h      header
		want   string
	}{
		{"PUT", header{"If-Match", `1`}, "header /If-Match malformed"},
		{"PUT", header{"If-None-Match", `"1"`}, "header /If-None-Match malformed"},
		{"PUT", header{"If-None-Match", `x`}, "header /If-None-Match malformed"},
		{"DELETE", header{"If-Match", `x`}, "header /If-Match malformed"},
	} {
		if got := f.do(c.method, path, token, `{"value":{}}`, c.h).faults(400, "request.malformed_parameter"); strings.Join(got, ",") != c.want {
			t.Errorf("%s %q: %q", c.method, c.h, got)
		}
	}
	f.do("PUT", path, token, `{"value":{}}`, header{"If-Match", `*`}).problem(412, "storage.version_mismatch")
	f.do("PUT", path, token, `{"value":{}}`).is(201)
	f.do("GET", path, token, "", header{"If-None-Match", `x`}).problem(400, "request.malformed_parameter")
	// Two lines are one list.
	f.do("PUT", path, token, `{"value":{}}`, header{"If-Match", `"8"`}, header{"If-Match", `"1"`}).is(200)
}

// What a route would not look at it refuses, so that nothing is done whose condition may have failed.
func TestPreconditionsThatARouteDoesNotTake(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	f.do("PUT", "/v1/players/me/documents/a/b", token, `{"value":{}}`).is(201)
	for _, c := range []struct {
		method, path, body string
		h                  header
	}{
		{"PATCH", "/v1/players/me", `{"display_name":"Eve"}`, header{"If-None-Match", `*`}},
		{"POST", "/v1/players/me/documents:batch", `{"operations":[{"collection":"a","key":"b","delete":true}]}`, header{"If-Match", `"9"`}},
		{"POST", "/v1/auth/logout", "", header{"If-Match", `*`}},
	} {
		if got := f.do(c.method, c.path, token, c.body, c.h).faults(400, "request.malformed_parameter"); strings.Join(got, ",") != "header /"+c.h[0]+" unknown" {
			t.Errorf("%s %s, %q: %q", c.method, c.path, c.h, got)
		}
	}
	f.do("GET", "/v1/players/me/documents/a/b", token, "", header{"If-Match", `"9"`}).is(200)
}

func FuzzPreconditions(f *testing.F) {
	for _, seed := range []string{`*`, `"1"`, `W/"1", "2"`, `"1" "2"`, `,,"a"`, `"`, `W/`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := readTags(field)
		if !ok {
			return
		}
		if got.any == (len(got.listed) > 0) {
			t.Fatalf("%q is %+v", field, got)
		}
		if len(got.versions()) != len(got.listed) {
			t.Fatalf("%q: a tag vanished", field)
		}
		again, ok := readTags(strings.ReplaceAll(tagsText(got), `" `, `",`))
		if !ok || tagsText(again) != tagsText(got) {
			t.Fatalf("%q reads as %s, and that as %s", field, tagsText(got), tagsText(again))
		}
	})
}
