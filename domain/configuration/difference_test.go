package configuration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/storage"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{`{"a":1}`, `{ "a" : 1 }`, ""},
		{`{"a":1,"b":2}`, `{"b":3,"c":[]}`, "- /a: 1\n~ /b: 2 -> 3\n+ /c: []"},
		{`{"a/b":{"~":1}}`, `{"a/b":{"~":2}}`, "~ /a~1b/~0: 1 -> 2"},
		{`[1,2,3,4]`, `[1,9,4]`, "~ /1: 2 -> 9\n- /2: 3"},
		{`[1,4]`, `[1,2,3,4]`, "+ /1: 2\n+ /2: 3"},
		{`[1,2,3]`, `[]`, "- /2: 3\n- /1: 2\n- /0: 1"},
		{`{"n":9007199254740993}`, `{"n":9007199254740992}`, "~ /n: 9007199254740993 -> 9007199254740992"},
		{`{"x":{"y":1}}`, `{"x":[1]}`, `~ /x: {"y":1} -> [1]`},
		{`null`, `"<&>"`, `~ : null -> "<&>"`},
		{`{"":1}`, `{"":null}`, "~ /: 1 -> null"},
	} {
		found, whole, err := Compare([]byte(c.from), []byte(c.to))
		if err != nil || !whole {
			t.Fatalf("%s to %s: whole %t, %v", c.from, c.to, whole, err)
		}
		var lines []string
		for _, d := range found {
			lines = append(lines, d.Line())
		}
		if got := strings.Join(lines, "\n"); got != c.want {
			t.Errorf("%s to %s:\n%s\nwant\n%s", c.from, c.to, got, c.want)
		}
	}
	for _, bad := range []string{"", "{", "1 2"} {
		if _, _, err := Compare([]byte(bad), []byte("1")); err == nil {
			t.Errorf("%q was read", bad)
		}
		if _, _, err := Compare([]byte("1"), []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestALongLineIsCut(t *testing.T) {
	t.Parallel()
	found, _, err := Compare([]byte(`"a"`), []byte(`"`+strings.Repeat("é", 5000)+`"`))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if line := found[0].Line(); len(line) > 250 || !strings.HasSuffix(line, "é…") {
		t.Errorf("%d bytes: %s", len(line), line)
	}
}

// What is told stays small, however many differences there are and however long their paths.
func TestCompareIsBounded(t *testing.T) {
	t.Parallel()
	list := func(element string, n int) []byte {
		return []byte("[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]")
	}
	under := func(name string, value []byte) []byte { return fmt.Appendf(nil, "{%q:%s}", name, value) }
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		from, to []byte
		told     int
		whole    bool
	}{
		"as many as are told": {list("1", MaxDifferences), list("2", MaxDifferences), MaxDifferences, true},
		"one more":            {list("1", MaxDifferences+1), list("2", MaxDifferences+1), MaxDifferences, false},
		"added":               {[]byte("[]"), list("2", MaxDifferences+1), MaxDifferences, false},
		"removed":             {list("2", MaxDifferences+1), []byte("[]"), MaxDifferences, false},
		"long paths":          {under(long, list("1", 100)), under(long, list("2", 100)), maxDifferenceBytes / 100_005, false},
		"large values":        {[]byte(`"` + strings.Repeat("x", maxDifferenceBytes) + `"`), []byte("1"), 0, false},
	} {
		found, whole, err := Compare(c.from, c.to)
		if err != nil || len(found) != c.told || whole != c.whole {
			t.Errorf("%s: %d are told, whole %t, %v", name, len(found), whole, err)
		}
	}
}

// FuzzCompare: the steps, done by the patches of documents, make the one value of the other.
func FuzzCompare(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"a":1}`, `{"a":2,"b":[1,2,{"c":null}]}`}, {`[1,2,3,4,5]`, `[0,2,5]`}, {`[5]`, `[1,{"~/":1},5]`}, {`{"":{"":[]}}`, `{"":{"":[[]]}}`}, {`1`, `{}`}, {`{}`, `[]`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	limits := storage.EditLimits{Limits: storage.Limits{ValueBytes: 1 << 20}, Depth: 40, Operations: MaxDifferences}
	f.Fuzz(func(t *testing.T, from, to []byte) {
		found, whole, err := Compare(from, to)
		if err != nil || !whole || len(from)+len(to) > 4096 || bytes.ContainsAny(from, "\\") || bytes.ContainsAny(to, "\\") ||
			doubled(from) || doubled(to) || strings.ToValidUTF8(string(from)+string(to), "") != string(from)+string(to) {
			return // not JSON as it may be uploaded
		}
		type operation struct {
			Op    string          `json:"op"`
			Path  string          `json:"path"`
			Value json.RawMessage `json:"value,omitempty"`
		}
		patch := []operation{}
		for _, d := range found {
			patch = append(patch, operation{d.Op, "/v" + d.Path, d.After})
		}
		text, err := json.Marshal(patch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := storage.Patch(fmt.Appendf(nil, `{"v":%s}`, from), text, limits)
		if err != nil {
			if strings.Count(string(from)+string(to), "[")+strings.Count(string(from)+string(to), "{") > 30 {
				return // too deep for a document
			}
			t.Fatalf("%s to %s by %s: %v", from, to, text, err)
		}
		if left, _, err := Compare(got, fmt.Appendf(nil, `{"v":%s}`, to)); err != nil || len(left) > 0 {
			t.Fatalf("%s to %s by %s made %s: %v, %v", from, to, text, got, left, err)
		}
	})
}

// doubled tells whether a value has a member twice: then it has fewer bytes once it was read.
func doubled(text []byte) bool {
	value, err := decode(text)
	if err != nil {
		return true
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return true
	}
	again := (&comparison{}).text(value)
	return len(again) != compact.Len()
}
