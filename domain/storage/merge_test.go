package storage_test

import (
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/storage"
)

func runMerges(t *testing.T, cases []patchCase) {
	t.Helper()
	for _, c := range cases {
		value := []byte(c.value)
		got, err := storage.Merge(value, []byte(c.patch), roomy)
		answer := string(got)
		if err != nil {
			answer = told(err)
		}
		if answer != c.want {
			t.Errorf("%s: %s merged with %s\n got %s\nwant %s", c.name, c.value, c.patch, answer, c.want)
		}
		if string(value) != c.value || err != nil && got != nil {
			t.Errorf("%s: the value is now %s", c.name, value)
		}
	}
}

// The table of RFC 7396, appendix A. Where its two sides are no objects, which
// no document is, both are a member here.
func TestMergeTableOfTheRFC(t *testing.T) {
	runMerges(t, []patchCase{
		{"1", `{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{"2", `{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{"3", `{"a":"b"}`, `{"a":null}`, `{}`},
		{"4", `{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{"5", `{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{"6", `{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{"7", `{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{"8", `{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{"9", `{"v":["a","b"]}`, `{"v":["c","d"]}`, `{"v":["c","d"]}`},
		{"10", `{"v":{"a":"b"}}`, `{"v":["c"]}`, `{"v":["c"]}`},
		{"11: null is no value to set", `{"v":{"a":"foo"}}`, `{"v":null}`, `{}`},
		{"12", `{"v":{"a":"foo"}}`, `{"v":"bar"}`, `{"v":"bar"}`},
		{"13", `{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{"14", `{"v":[1,2]}`, `{"v":{"a":"b","c":null}}`, `{"v":{"a":"b"}}`},
		{"15", `{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{"the whole by an array", `{"a":"b"}`, `["c"]`, breaksRule + ":not_an_object"},
		{"the whole by null", `{"a":"foo"}`, `null`, breaksRule + ":not_an_object"},
		{"the whole by a string", `{"a":"foo"}`, `"bar"`, breaksRule + ":not_an_object"},
	})
}

func TestMerges(t *testing.T) {
	runMerges(t, []patchCase{
		{"nothing", `{"z":1.00,"a":[ ]}`, ` { } `, `{"z":1.00,"a":[]}`},
		{"places stay, new ones come last", `{"c":1,"a":2,"b":3}`, `{"e":5,"a":4,"d":6}`, `{"c":1,"a":4,"b":3,"e":5,"d":6}`},
		{"untouched parts keep every byte", `{"z":1.00,"a":{"q":1E+2,"\u0062":"\u00e9\/"},"n":12345678901234567890.10,"m":-0}`, `{"a":{"x":1.0e1}}`, `{"z":1.00,"a":{"q":1E+2,"\u0062":"\u00e9\/","x":1.0e1},"n":12345678901234567890.10,"m":-0}`},
		{"names are what they spell", `{"\u0061":1,"b":2}`, `{"a":3,"\u0062":null}`, `{"\u0061":3}`},
		{"nulls in arrays stay", `{}`, `{"l":[null,{"a":null}]}`, `{"l":[null,{"a":null}]}`},
		{"nulls in new objects don't", `{"a":1}`, `{"a":{"b":null,"c":{"d":null,"e":1}}}`, `{"a":{"c":{"e":1}}}`},
		{"to remove what isn't there", `{"a":{}}`, `{"b":null,"a":{"c":null}}`, `{"a":{}}`},
		{"stored null becomes an object", `{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		{"a string that says null", `{"a":1}`, `{"a":"null"}`, `{"a":"null"}`},
		{"many members", many(40), `{"k7":null,"k39":"x","k40":1}`, strings.Replace(strings.Replace(strings.Replace(many(40), `"k7":7,`, "", 1), `"k39":39`, `"k39":"x"`, 1), "}", `,"k40":1}`, 1)},
		{"no JSON", `{}`, `{"a":}`, invalid + ":syntax"},
		{"no UTF-8", `{}`, "{\"a\":\"\xc0\"}", invalid + ":invalid_utf8"},
	})
	small := storage.EditLimits{Limits: storage.Limits{ValueBytes: 18}, Depth: 3}
	for _, c := range []struct{ name, value, patch, want string }{
		{"as large as may be", `{"a":1}`, `{"b":"1234"}`, ""},
		{"larger", `{"a":1}`, `{"b":"12345"}`, "storage.value_too_large"},
		{"as deep as may be", `{}`, `{"a":[[]]}`, ""},
		{"deeper", `{}`, `{"a":[[[]]]}`, invalid + ":too_deep"},
	} {
		if _, err := storage.Merge([]byte(c.value), []byte(c.patch), small); told(err) != c.want {
			t.Errorf("%s: %q, want %q", c.name, told(err), c.want)
		}
	}
	if _, err := storage.Merge([]byte(`"x"`), []byte(`{}`), roomy); err == nil {
		t.Error("a stored value that is no object is taken")
	}
}
