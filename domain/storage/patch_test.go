package storage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
)

var roomy = storage.EditLimits{Limits: storage.Limits{ValueBytes: 1 << 16}, Depth: 16, Operations: 100}

// told is the code of a fault with the pointers of its fields, or the error's text.
func told(err error) string {
	var f *fault.Fault
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &f):
		return err.Error()
	}
	words := []string{f.Code}
	for _, field := range f.Fields {
		words = append(words, field.Pointer+":"+field.Code)
	}
	return strings.Join(words, " ")
}

const (
	notThere   = "storage.patch_path_not_found "
	testFailed = "storage.patch_test_failed "
	invalid    = "storage.patch_invalid "
	breaksRule = "request.invalid "
)

type patchCase struct {
	name, value, patch string
	want               string // the value, or else what is told
}

func runPatches(t *testing.T, cases []patchCase) {
	t.Helper()
	for _, c := range cases {
		value := []byte(c.value)
		got, err := storage.Patch(value, []byte(c.patch), roomy)
		answer := string(got)
		if err != nil {
			answer = told(err)
		}
		if answer != c.want {
			t.Errorf("%s: %s patched with %s\n got %s\nwant %s", c.name, c.value, c.patch, answer, c.want)
		}
		if string(value) != c.value || err != nil && got != nil {
			t.Errorf("%s: the value is now %s", c.name, value)
		}
	}
}

func TestPatchAdds(t *testing.T) {
	runPatches(t, []patchCase{
		{"nothing to do", `{"hp":10}`, `[]`, `{"hp":10}`},
		{"nothing to do in nothing", `{}`, `[]`, `{}`},
		{"a member", `{"hp":10}`, `[{"op":"add","path":"/mp","value":3}]`, `{"hp":10,"mp":3}`},
		{"a member to nothing", `{}`, `[{"op":"add","path":"/mp","value":3}]`, `{"mp":3}`},
		{"over a member, in its place", `{"hp":10,"mp":3}`, `[{"op":"add","path":"/hp","value":[1]}]`, `{"hp":[1],"mp":3}`},
		{"over a member of the same value", `{"hp":null}`, `[{"op":"add","path":"/hp","value":1}]`, `{"hp":1}`},
		{"null", `{}`, `[{"op":"add","path":"/hp","value":null}]`, `{"hp":null}`},
		{"booleans", `{}`, `[{"op":"add","path":"/a","value":true},{"op":"add","path":"/b","value":false}]`, `{"a":true,"b":false}`},
		{"a string", `{}`, `[{"op":"add","path":"/name","value":"Ada"}]`, `{"name":"Ada"}`},
		{"an object within", `{"bag":{"gold":1}}`, `[{"op":"add","path":"/bag/gems","value":{"red":2}}]`, `{"bag":{"gold":1,"gems":{"red":2}}}`},
		{"the empty name", `{"hp":1}`, `[{"op":"add","path":"/","value":2}]`, `{"hp":1,"":2}`},
		{"the empty name within", `{"bag":{}}`, `[{"op":"add","path":"/bag/","value":2}]`, `{"bag":{"":2}}`},
		{"a name of digits", `{}`, `[{"op":"add","path":"/0","value":"x"}]`, `{"0":"x"}`},
		{"a name with leading zeros", `{}`, `[{"op":"add","path":"/007","value":"x"}]`, `{"007":"x"}`},
		{"a name that is a dash", `{}`, `[{"op":"add","path":"/-","value":"x"}]`, `{"-":"x"}`},
		{"a name with an escape", `{}`, `[{"op":"add","path":"/a~1b~0c","value":1}]`, `{"a/b~c":1}`},
		{"a name that needs quoting", `{}`, `[{"op":"add","path":"/<\"\\\n&é\u0001>","value":1}]`, `{"<\"\\\n&é\u0001>":1}`},
		{"a name spelt another way", `{"\u0068p":1}`, `[{"op":"add","path":"/hp","value":2}]`, `{"\u0068p":2}`},
		{"the whole value", `{"hp":1}`, `[{"op":"add","path":"","value":{"mp":2}}]`, `{"mp":2}`},

		{"first", `{"l":["b","c"]}`, `[{"op":"add","path":"/l/0","value":"a"}]`, `{"l":["a","b","c"]}`},
		{"between", `{"l":["a","c"]}`, `[{"op":"add","path":"/l/1","value":"b"}]`, `{"l":["a","b","c"]}`},
		{"last by index", `{"l":["a","b"]}`, `[{"op":"add","path":"/l/2","value":"c"}]`, `{"l":["a","b","c"]}`},
		{"last by dash", `{"l":["a","b"]}`, `[{"op":"add","path":"/l/-","value":"c"}]`, `{"l":["a","b","c"]}`},
		{"to an empty array", `{"l":[]}`, `[{"op":"add","path":"/l/0","value":1},{"op":"add","path":"/l/-","value":2}]`, `{"l":[1,2]}`},
		{"an array stays one element", `{"l":["a"]}`, `[{"op":"add","path":"/l/1","value":["b",["c"]]}]`, `{"l":["a",["b",["c"]]]}`},
		{"a boolean as an element", `{"l":["a"]}`, `[{"op":"add","path":"/l/0","value":false}]`, `{"l":[false,"a"]}`},
		{"into an element", `{"l":[1,2,[3,[4]]]}`, `[{"op":"add","path":"/l/2/1/-","value":{"k":"v"}}]`, `{"l":[1,2,[3,[4,{"k":"v"}]]]}`},
		{"an index of several digits", `{"l":[0,1,2,3,4,5,6,7,8,9,10]}`, `[{"op":"add","path":"/l/10","value":"x"}]`, `{"l":[0,1,2,3,4,5,6,7,8,9,"x",10]}`},

		{"without a parent", `{"a":1}`, `[{"op":"add","path":"/bag/gold","value":1}]`, notThere + "/0/path:not_found"},
		{"into a scalar", `{"a":1}`, `[{"op":"add","path":"/a/b","value":1}]`, notThere + "/0/path:not_found"},
		{"into a string", `{"a":"xyz"}`, `[{"op":"add","path":"/a/0","value":1}]`, notThere + "/0/path:not_found"},
		{"into null", `{"a":null}`, `[{"op":"add","path":"/a/b","value":1}]`, notThere + "/0/path:not_found"},
		{"beyond the end", `{"l":[1,2]}`, `[{"op":"add","path":"/l/3","value":3}]`, notThere + "/0/path:not_found"},
		{"far beyond the end", `{"l":[1,2]}`, `[{"op":"add","path":"/l/99999999999999999999999","value":3}]`, notThere + "/0/path:not_found"},
		{"before the start", `{"l":[1,2]}`, `[{"op":"add","path":"/l/-1","value":3}]`, notThere + "/0/path:not_found"},
		{"at a name in an array", `{"l":[1,2]}`, `[{"op":"add","path":"/l/one","value":3}]`, notThere + "/0/path:not_found"},
		{"at no name in an array", `{"l":[1,2]}`, `[{"op":"add","path":"/l/","value":3}]`, notThere + "/0/path:not_found"},
		{"at a name of an array of objects", `{"l":[{"hp":1}]}`, `[{"op":"add","path":"/l/hp","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index with an exponent", `{"l":[1,2]}`, `[{"op":"add","path":"/l/1e0","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index with leading zeros", `{"l":[1,2]}`, `[{"op":"add","path":"/l/01","value":3}]`, notThere + "/0/path:not_found"},
		{"at two zeros", `{"l":[1,2]}`, `[{"op":"add","path":"/l/00","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index with a plus", `{"l":[1,2]}`, `[{"op":"add","path":"/l/+1","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index with a fraction", `{"l":[1,2]}`, `[{"op":"add","path":"/l/1.0","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index with a space", `{"l":[1,2]}`, `[{"op":"add","path":"/l/1 ","value":3}]`, notThere + "/0/path:not_found"},
		{"at an index in other digits", `{"l":[1,2]}`, `[{"op":"add","path":"/l/١","value":3}]`, notThere + "/0/path:not_found"},
		{"at two dashes", `{"l":[1,2]}`, `[{"op":"add","path":"/l/--","value":3}]`, notThere + "/0/path:not_found"},
		{"through a dash", `{"l":[[]]}`, `[{"op":"add","path":"/l/-/0","value":3}]`, notThere + "/0/path:not_found"},
	})
}

func TestPatchRemovesAndReplaces(t *testing.T) {
	runPatches(t, []patchCase{
		{"a member", `{"a":1,"b":[2],"c":3}`, `[{"op":"remove","path":"/b"}]`, `{"a":1,"c":3}`},
		{"the last member", `{"a":1}`, `[{"op":"remove","path":"/a"}]`, `{}`},
		{"null is there", `{"a":null}`, `[{"op":"remove","path":"/a"}]`, `{}`},
		{"a member within", `{"l":[{"a":[1,2]}]}`, `[{"op":"remove","path":"/l/0/a"}]`, `{"l":[{}]}`},
		{"elements shift", `{"l":[1,2,3,4]}`, `[{"op":"remove","path":"/l/1"},{"op":"remove","path":"/l/1"}]`, `{"l":[1,4]}`},
		{"the only element", `{"l":[1]}`, `[{"op":"remove","path":"/l/0"}]`, `{"l":[]}`},
		{"the empty name", `{"":1,"a":2}`, `[{"op":"remove","path":"/"}]`, `{"a":2}`},
		{"among many members", many(20), `[{"op":"remove","path":"/k0"},{"op":"test","path":"/k19","value":19},{"op":"add","path":"/k0","value":1},{"op":"test","path":"/k0","value":1},{"op":"replace","path":"","value":{}}]`, `{}`},
		{"among many members, twice", many(20), `[{"op":"remove","path":"/k3"},{"op":"remove","path":"/k3"}]`, notThere + "/1/path:not_found"},
		{"and added again it is last", `{"a":1,"b":2}`, `[{"op":"remove","path":"/a"},{"op":"add","path":"/a","value":3}]`, `{"b":2,"a":3}`},
		{"twice", `{"a":1}`, `[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]`, notThere + "/1/path:not_found"},
		{"what is not there", `{"a":1}`, `[{"op":"remove","path":"/b"}]`, notThere + "/0/path:not_found"},
		{"in what is not there", `{"a":1}`, `[{"op":"remove","path":"/b/c"}]`, notThere + "/0/path:not_found"},
		{"the element after the last", `{"l":[1]}`, `[{"op":"remove","path":"/l/1"}]`, notThere + "/0/path:not_found"},
		{"a dash names no element", `{"l":[1]}`, `[{"op":"remove","path":"/l/-"}]`, notThere + "/0/path:not_found"},
		{"an index with an exponent", `{"l":[1,2]}`, `[{"op":"remove","path":"/l/1e0"}]`, notThere + "/0/path:not_found"},
		{"a name differs in case", `{"a":1}`, `[{"op":"remove","path":"/A"}]`, notThere + "/0/path:not_found"},
		{"everything", `{"a":1}`, `[{"op":"remove","path":""}]`, breaksRule + "/0:not_an_object"},
		{"everything, then a new value", `{"a":1}`, `[{"op":"remove","path":""},{"op":"add","path":"","value":{"b":2}}]`, `{"b":2}`},
		{"everything, then a member", `{"a":1}`, `[{"op":"remove","path":""},{"op":"add","path":"/b","value":2}]`, notThere + "/1/path:not_found"},
		{"everything twice", `{"a":1}`, `[{"op":"remove","path":""},{"op":"remove","path":""}]`, notThere + "/1/path:not_found"},

		{"replace a member", `{"a":1,"b":2}`, `[{"op":"replace","path":"/a","value":{"c":[]}}]`, `{"a":{"c":[]},"b":2}`},
		{"replace by null", `{"a":1}`, `[{"op":"replace","path":"/a","value":null}]`, `{"a":null}`},
		{"replace null", `{"a":null}`, `[{"op":"replace","path":"/a","value":"x"}]`, `{"a":"x"}`},
		{"replace an element", `{"l":["a",{"b":[1]},"c"]}`, `[{"op":"replace","path":"/l/1","value":"b"}]`, `{"l":["a","b","c"]}`},
		{"replace within an element", `{"l":[{"hp":1,"mp":2}]}`, `[{"op":"replace","path":"/l/0/hp","value":9}]`, `{"l":[{"hp":9,"mp":2}]}`},
		{"replace what was opened", `{"a":{"b":1}}`, `[{"op":"add","path":"/a/c","value":2},{"op":"replace","path":"/a","value":[3]}]`, `{"a":[3]}`},
		{"replace the whole value", `{"a":1}`, `[{"op":"replace","path":"","value":{"b":2}}]`, `{"b":2}`},
		{"replace the whole value twice", `{"a":1}`, `[{"op":"replace","path":"","value":[1]},{"op":"replace","path":"","value":{"b":2}}]`, `{"b":2}`},
		{"an array on the way", `{"a":1}`, `[{"op":"replace","path":"","value":[1]},{"op":"add","path":"/-","value":2},{"op":"test","path":"","value":[1,2]},{"op":"add","path":"","value":{"b":2}}]`, `{"b":2}`},
		{"the whole value by an array", `{"a":1}`, `[{"op":"test","path":"/a","value":1},{"op":"replace","path":"","value":[1]}]`, breaksRule + "/1:not_an_object"},
		{"the whole value by a string", `{"a":1}`, `[{"op":"add","path":"","value":"x"}]`, breaksRule + "/0:not_an_object"},
		{"the whole value by null", `{"a":1}`, `[{"op":"replace","path":"","value":null}]`, breaksRule + "/0:not_an_object"},
		{"the whole value by a part", `{"a":{"b":1}}`, `[{"op":"copy","from":"/a","path":""}]`, `{"b":1}`},
		{"replace what is not there", `{"a":1}`, `[{"op":"replace","path":"/b","value":2}]`, notThere + "/0/path:not_found"},
		{"replace in what is not there", `{"a":1}`, `[{"op":"replace","path":"/b/c","value":2}]`, notThere + "/0/path:not_found"},
		{"replace the element after the last", `{"l":[1]}`, `[{"op":"replace","path":"/l/1","value":2}]`, notThere + "/0/path:not_found"},
		{"replace at a dash", `{"l":[1]}`, `[{"op":"replace","path":"/l/-","value":2}]`, notThere + "/0/path:not_found"},
		{"replace at leading zeros", `{"l":[1,2]}`, `[{"op":"replace","path":"/l/01","value":2}]`, notThere + "/0/path:not_found"},
	})
}

func TestPatchMovesAndCopies(t *testing.T) {
	runPatches(t, []patchCase{
		{"rename", `{"a":1,"b":2}`, `[{"op":"move","from":"/a","path":"/c"}]`, `{"b":2,"c":1}`},
		{"over another", `{"a":1,"b":2}`, `[{"op":"move","from":"/b","path":"/a"}]`, `{"a":2}`},
		{"to where it is", `{"a":[1],"b":2}`, `[{"op":"move","from":"/a","path":"/a"}]`, `{"a":[1],"b":2}`},
		{"null", `{"a":null}`, `[{"op":"move","from":"/a","path":"/b"}]`, `{"b":null}`},
		{"an element back", `{"l":["a","b","c","d"]}`, `[{"op":"move","from":"/l/1","path":"/l/3"}]`, `{"l":["a","c","d","b"]}`},
		{"an element forth", `{"l":["a","b","c","d"]}`, `[{"op":"move","from":"/l/2","path":"/l/0"}]`, `{"l":["c","a","b","d"]}`},
		{"an element to the end", `{"l":["a","b","c"]}`, `[{"op":"move","from":"/l/0","path":"/l/-"}]`, `{"l":["b","c","a"]}`},
		{"the index counts after the removal", `{"l":["a","b"]}`, `[{"op":"move","from":"/l/0","path":"/l/2"}]`, notThere + "/0/path:not_found"},
		{"out of an array", `{"l":["a",{"b":[1]}]}`, `[{"op":"move","from":"/l/1/b","path":"/b"}]`, `{"l":["a",{}],"b":[1]}`},
		{"between arrays", `{"l":[1,2],"m":[3]}`, `[{"op":"move","from":"/l/0","path":"/m/0"}]`, `{"l":[2],"m":[1,3]}`},
		{"up, over its own parent", `{"a":{"b":{"c":1}}}`, `[{"op":"move","from":"/a/b","path":"/a"}]`, `{"a":{"c":1}}`},
		{"a part becomes the whole", `{"a":{"b":1},"c":2}`, `[{"op":"move","from":"/a","path":""}]`, `{"b":1}`},
		{"the whole to where it is", `{"a":1}`, `[{"op":"move","from":"","path":""}]`, `{"a":1}`},
		{"what was patched before", `{"a":{}}`, `[{"op":"add","path":"/a/x","value":1},{"op":"move","from":"/a","path":"/b"},{"op":"add","path":"/b/y","value":2}]`, `{"b":{"x":1,"y":2}}`},
		{"into itself", `{"a":{"b":1}}`, `[{"op":"move","from":"/a","path":"/a/b"}]`, invalid + "/0/path:within_from"},
		{"the whole into itself", `{"a":{"b":1}}`, `[{"op":"move","from":"","path":"/a"}]`, invalid + "/0/path:within_from"},
		{"a name that only begins alike", `{"a":1}`, `[{"op":"move","from":"/a","path":"/ab"}]`, `{"ab":1}`},
		{"what is not there", `{"a":1}`, `[{"op":"move","from":"/b","path":"/a"}]`, notThere + "/0/from:not_found"},
		{"what is not there to itself", `{"a":1}`, `[{"op":"move","from":"/b","path":"/b"}]`, notThere + "/0/from:not_found"},
		{"from a dash", `{"l":[1]}`, `[{"op":"move","from":"/l/-","path":"/a"}]`, notThere + "/0/from:not_found"},
		{"from an index with an exponent", `{"l":[1,2]}`, `[{"op":"move","from":"/l/1e0","path":"/a"}]`, notThere + "/0/from:not_found"},
		{"to nowhere", `{"a":1}`, `[{"op":"move","from":"/a","path":"/b/c"}]`, notThere + "/0/path:not_found"},

		{"copy a member", `{"a":{"b":1}}`, `[{"op":"copy","from":"/a","path":"/c"}]`, `{"a":{"b":1},"c":{"b":1}}`},
		{"copy null", `{"a":null}`, `[{"op":"copy","from":"/a","path":"/c"}]`, `{"a":null,"c":null}`},
		{"copies part ways", `{"a":{"b":1}}`, `[{"op":"copy","from":"/a","path":"/c"},{"op":"replace","path":"/c/b","value":2},{"op":"add","path":"/a/d","value":3}]`, `{"a":{"b":1,"d":3},"c":{"b":2}}`},
		{"copy an element", `{"l":["a","b"]}`, `[{"op":"copy","from":"/l/1","path":"/l/0"}]`, `{"l":["b","a","b"]}`},
		{"copy to the end", `{"l":["a","b"]}`, `[{"op":"copy","from":"/l/0","path":"/l/-"}]`, `{"l":["a","b","a"]}`},
		{"copy over another", `{"a":1,"b":2}`, `[{"op":"copy","from":"/b","path":"/a"}]`, `{"a":2,"b":2}`},
		{"copy into itself", `{"a":{"b":1}}`, `[{"op":"copy","from":"/a","path":"/a/c"}]`, `{"a":{"b":1,"c":{"b":1}}}`},
		{"copy the whole into itself", `{"a":1}`, `[{"op":"copy","from":"","path":"/b"}]`, `{"a":1,"b":{"a":1}}`},
		{"copy what is not there", `{"a":1}`, `[{"op":"copy","from":"/b","path":"/a"}]`, notThere + "/0/from:not_found"},
		{"copy to nowhere", `{"a":1}`, `[{"op":"copy","from":"/a","path":"/b/c"}]`, notThere + "/0/path:not_found"},
		{"copy from an index with an exponent", `{"l":[1,2]}`, `[{"op":"copy","from":"/l/1e0","path":"/a"}]`, notThere + "/0/from:not_found"},
	})
}

func TestPatchTests(t *testing.T) {
	// Each pair is compared both ways, at the root of a member and inside of an array.
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`1`, `1`, true}, {`1`, `1.0`, true}, {`1`, `1e0`, true}, {`1`, `10E-1`, true}, {`100`, `1e+2`, true}, {`1.50`, `15e-1`, true},
		{`0`, `-0`, true}, {`0`, `0.0e7`, true}, {`0`, `0e999999999999999999999999`, true}, {`-0.0`, `0E-5`, true},
		{`1`, `2`, false}, {`1`, `-1`, false}, {`1`, `10`, false}, {`0`, `1e-999`, false}, {`12`, `1.2`, false}, {`0.1`, `0.01`, false},
		{`9007199254740993`, `9007199254740992`, false}, {`9007199254740993`, `9007199254740993.000`, true},
		{`9223372036854775807`, `9223372036854775807.0`, true}, {`9223372036854775807`, `9223372036854775808`, false},
		{`123456789012345678901234567890`, `12345678901234567890123456789e1`, true}, {`123456789012345678901234567890`, `123456789012345678901234567891`, false},
		{`0.1`, `0.1000000000000000055511151231257827`, false}, {`1e400`, `10e399`, true}, {`1e400`, `1e401`, false}, {`1e-400`, `0`, false},
		{`1e1000000000000000000`, `10e999999999999999999`, true}, {`1e1000000000000000000`, `1e999999999999999999`, false},
		{`1e-1000000000000000000`, `0.1e-999999999999999999`, true}, {`1e9`, `1e-9`, false}, {`1e9223372036854775807`, `1e-9223372036854775808`, false},
		{`1e1` + strings.Repeat("0", 1000), `1e+1` + strings.Repeat("0", 1000), true}, {`1e1` + strings.Repeat("0", 1000), `1e9`, false}, {`1e00009`, `1000000000`, true}, {`1`, `"1"`, false}, {`1`, `true`, false}, {`0`, `false`, false}, {`0`, `null`, false},
		{`"a"`, `"a"`, true}, {`"a"`, `"\u0061"`, true}, {`"a"`, `"A"`, false}, {`"a"`, `"a "`, false}, {`"/"`, `"\/"`, true}, {`"\n"`, `"\u000a"`, true},
		{`"\ud83d\ude00"`, `"😀"`, true}, {`"é"`, `"e\u0301"`, false}, {`""`, `null`, false}, {`""`, `[]`, false}, {`"[]"`, `[]`, false},
		{`null`, `null`, true}, {`null`, `false`, false}, {`null`, `{}`, false}, {`null`, `[]`, false}, {`true`, `true`, true}, {`true`, `false`, false},
		{`[]`, `[]`, true}, {`[]`, `{}`, false}, {`[]`, `[null]`, false}, {`[1,2]`, `[1,2]`, true}, {`[1,2]`, `[1.0,2e0]`, true}, {`[1,2]`, `[2,1]`, false}, {`[1,2]`, `[1]`, false}, {`[[1]]`, `[1]`, false},
		{`{}`, `{}`, true}, {`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`{"a":1,"b":2}`, `{"a":1}`, false}, {`{"a":1}`, `{"b":1}`, false}, {`{"a":null}`, `{}`, false}, {`{"a":null}`, `{"b":null}`, false},
		{`{"a":1}`, `{"\u0061":1}`, true}, {`{"a":[{"b":{"c":1.0}}]}`, `{"a":[{"b":{"c":1}}]}`, true}, {`{"a":[{"b":{"c":1}}]}`, `{"a":[{"b":{"c":2}}]}`, false},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			want := testFailed + "/0:test_failed"
			if c.same {
				want = ""
			}
			_, err := storage.Patch([]byte(`{"v":`+pair[0]+`}`), []byte(`[{"op":"test","path":"/v","value":`+pair[1]+`}]`), roomy)
			if told(err) != want {
				t.Errorf("%s against %s: %v", pair[0], pair[1], err)
			}
			_, err = storage.Patch([]byte(`{"v":[`+pair[0]+`]}`), []byte(`[{"op":"test","path":"","value":{"v":[`+pair[1]+`]}}]`), roomy)
			if told(err) != want {
				t.Errorf("within the whole, %s against %s: %v", pair[0], pair[1], err)
			}
		}
	}

	pointers := `{"hero":["a","b"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"z":{"":{"":10}}}`
	runPatches(t, []patchCase{
		{"every kind of pointer", pointers, `[{"op":"test","path":"/hero","value":["a","b"]},{"op":"test","path":"/hero/0","value":"a"},{"op":"test","path":"/","value":0},{"op":"test","path":"/a~1b","value":1},{"op":"test","path":"/c%d","value":2},{"op":"test","path":"/e^f","value":3},{"op":"test","path":"/g|h","value":4},{"op":"test","path":"/i\\j","value":5},{"op":"test","path":"/k\"l","value":6},{"op":"test","path":"/ ","value":7},{"op":"test","path":"/m~0n","value":8},{"op":"test","path":"/~01","value":9},{"op":"test","path":"/z//","value":10}]`, pointers},
		{"changes nothing, not even spelling", `{"v":1.00,"l":[{"a":"\u0062"}]}`, `[{"op":"test","path":"","value":{"l":[{"a":"b"}],"v":1}}]`, `{"v":1.00,"l":[{"a":"\u0062"}]}`},
		{"sees what came before", `{"v":1}`, `[{"op":"replace","path":"/v","value":2},{"op":"test","path":"/v","value":2}]`, `{"v":2}`},
		{"undoes what came before", `{"v":1}`, `[{"op":"replace","path":"/v","value":2},{"op":"test","path":"/v","value":1}]`, testFailed + "/1:test_failed"},
		{"removed members don't count", `{"v":{"a":1,"b":2}}`, `[{"op":"remove","path":"/v/a"},{"op":"test","path":"/v","value":{"b":2}}]`, `{"v":{"b":2}}`},
		{"nothing is not null", `{"v":1}`, `[{"op":"test","path":"/w","value":null}]`, notThere + "/0/path:not_found"},
		{"nor is the end of an array", `{"l":[null]}`, `[{"op":"test","path":"/l/1","value":null}]`, notThere + "/0/path:not_found"},
		{"a dash", `{"l":[1]}`, `[{"op":"test","path":"/l/-","value":1}]`, notThere + "/0/path:not_found"},
		{"leading zeros", `{"l":[1]}`, `[{"op":"test","path":"/l/00","value":1}]`, notThere + "/0/path:not_found"},
		{"an exponent", `{"l":[1,2]}`, `[{"op":"test","path":"/l/1e0","value":2}]`, notThere + "/0/path:not_found"},
		{"not decoded as a URL is", `{"a b":1}`, `[{"op":"test","path":"/a%20b","value":1}]`, notThere + "/0/path:not_found"},
	})
}

func TestPatchForms(t *testing.T) {
	runPatches(t, []patchCase{
		{"white space", `{"a":1}`, " [ {\n\"op\" : \"add\" ,\t\"path\":\"/b\",\"value\": { \"c\" : [ 1 , 2 ] } } ] ", `{"a":1,"b":{"c":[1,2]}}`},
		{"members in any order", `{"a":1}`, `[{"value":2,"path":"/a","op":"replace"}]`, `{"a":2}`},
		{"unused members are ignored", `{"a":1}`, `[{"op":"remove","path":"/a","value":3,"from":7,"comment":[{}],"xyz":null}]`, `{}`},
		{"escapes in names and words", `{"a":1}`, `[{"\u006fp":"\u0061dd","path":"\u002fb","value":2}]`, `{"a":1,"b":2}`},
		{"no JSON", `{}`, `[{"op":"add",]`, invalid + ":syntax"},
		{"nothing at all", `{}`, ``, invalid + ":syntax"},
		{"two values", `{}`, `[] []`, invalid + ":syntax"},
		{"no UTF-8", `{}`, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":\"\xff\"}]", invalid + ":invalid_utf8"},
		{"an object", `{}`, `{"op":"add","path":"/a","value":1}`, invalid + ":wrong_type"},
		{"null", `{}`, `null`, invalid + ":wrong_type"},
		{"operations of every other type", `{}`, `[null,1,"add",[],true]`, invalid + "/0:wrong_type /1:wrong_type /2:wrong_type /3:wrong_type /4:wrong_type"},
		{"no op", `{}`, `[{"path":"/a","value":1}]`, invalid + "/0/op:required"},
		{"an empty operation", `{}`, `[{}]`, invalid + "/0/op:required"},
		{"an unknown op", `{}`, `[{"op":"spam","path":"/a","value":1}]`, invalid + "/0/op:not_allowed"},
		{"an op in capitals", `{}`, `[{"op":"ADD","path":"/a","value":1}]`, invalid + "/0/op:not_allowed"},
		{"an op of another type", `{}`, `[{"op":1,"path":"/a","value":1}]`, invalid + "/0/op:wrong_type"},
		{"two ops", `{}`, `[{"op":"add","path":"/a","value":1,"op":"remove"}]`, invalid + "/0:duplicate_member"},
		{"no path", `{}`, `[{"op":"add","value":1}]`, invalid + "/0/path:required"},
		{"a null path", `{}`, `[{"op":"remove","path":null}]`, invalid + "/0/path:wrong_type"},
		{"a path of another type", `{}`, `[{"op":"remove","path":["a"]}]`, invalid + "/0/path:wrong_type"},
		{"a path without its slash", `{"a":1}`, `[{"op":"remove","path":"a"}]`, invalid + "/0/path:malformed"},
		{"a path as a URL fragment", `{"a":1}`, `[{"op":"remove","path":"#/a"}]`, invalid + "/0/path:malformed"},
		{"a path with a lone tilde", `{"~":1}`, `[{"op":"remove","path":"/~"}]`, invalid + "/0/path:malformed"},
		{"a path with an unknown escape", `{"~2":1}`, `[{"op":"remove","path":"/~2"}]`, invalid + "/0/path:malformed"},
		{"a path with an escape cut off", `{"a":1}`, `[{"op":"remove","path":"/a~1b~"}]`, invalid + "/0/path:malformed"},
		{"no value", `{"a":1}`, `[{"op":"add","path":"/a"},{"op":"replace","path":"/a"},{"op":"test","path":"/a"}]`, invalid + "/0/value:required /1/value:required /2/value:required"},
		{"no from", `{"a":1}`, `[{"op":"move","path":"/a"},{"op":"copy","path":"/a"}]`, invalid + "/0/from:required /1/from:required"},
		{"a malformed from", `{"a":1}`, `[{"op":"move","path":"/a","from":"b"},{"op":"copy","path":"/a","from":3}]`, invalid + "/0/from:malformed /1/from:wrong_type"},
		{"every fault at once", `{}`, `[{"op":"add"},{"op":"test","path":"/x","value":1},{"op":"copy","path":"a","from":"b"}]`, invalid + "/0/path:required /0/value:required /2/path:malformed /2/from:malformed"},
		{"a bad form is found before a bad path", `{}`, `[{"op":"remove","path":"/nowhere"},{"op":"spam"}]`, invalid + "/1/op:not_allowed"},
		{"all or nothing", `{"a":1,"l":[1]}`, `[{"op":"remove","path":"/a"},{"op":"add","path":"/l/-","value":2},{"op":"remove","path":"/b"}]`, notThere + "/2/path:not_found"},
		{"untouched parts keep every byte", `{"z":1.00,"a":{"q":1E+2,"\u0062":"\u00e9\/"},"n":12345678901234567890.10,"m":-0}`, `[{"op":"add","path":"/a/c","value":1.0e1}]`, `{"z":1.00,"a":{"q":1E+2,"\u0062":"\u00e9\/","c":1.0e1},"n":12345678901234567890.10,"m":-0}`},
	})
	if _, err := storage.Patch([]byte(`[1]`), []byte(`[]`), roomy); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("a stored value that is no object: %v", err)
	}
	if _, err := storage.Patch([]byte(`{`), []byte(`[]`), roomy); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("a stored value that is no JSON: %v", err)
	}
}

// The examples of RFC 6902, appendix A, by what they show, each on a value of ours.
func TestPatchExamplesOfTheRFC(t *testing.T) {
	runPatches(t, []patchCase{
		{"A.1 add a member", `{"name":"Ada"}`, `[{"op":"add","path":"/clan","value":"Owls"}]`, `{"name":"Ada","clan":"Owls"}`},
		{"A.2 add an element", `{"deck":["ace","ten"]}`, `[{"op":"add","path":"/deck/1","value":"king"}]`, `{"deck":["ace","king","ten"]}`},
		{"A.3 remove a member", `{"clan":"Owls","name":"Ada"}`, `[{"op":"remove","path":"/clan"}]`, `{"name":"Ada"}`},
		{"A.4 remove an element", `{"deck":["ace","king","ten"]}`, `[{"op":"remove","path":"/deck/1"}]`, `{"deck":["ace","ten"]}`},
		{"A.5 replace a value", `{"clan":"Owls","name":"Ada"}`, `[{"op":"replace","path":"/clan","value":"Hawks"}]`, `{"clan":"Hawks","name":"Ada"}`},
		{"A.6 move a value", `{"bag":{"gem":1,"key":2},"chest":{"coin":3}}`, `[{"op":"move","from":"/bag/key","path":"/chest/old"}]`, `{"bag":{"gem":1},"chest":{"coin":3,"old":2}}`},
		{"A.7 move an element", `{"deck":["one","two","three","four"]}`, `[{"op":"move","from":"/deck/1","path":"/deck/3"}]`, `{"deck":["one","three","four","two"]}`},
		{"A.8 test, success", `{"clan":"Owls","deck":["a",2,"c"]}`, `[{"op":"test","path":"/clan","value":"Owls"},{"op":"test","path":"/deck/1","value":2}]`, `{"clan":"Owls","deck":["a",2,"c"]}`},
		{"A.9 test, failure", `{"clan":"Owls"}`, `[{"op":"test","path":"/clan","value":"owls"}]`, testFailed + "/0:test_failed"},
		{"A.10 add an object", `{"name":"Ada"}`, `[{"op":"add","path":"/pet","value":{"kind":"cat"}}]`, `{"name":"Ada","pet":{"kind":"cat"}}`},
		{"A.11 unknown members", `{"name":"Ada"}`, `[{"op":"add","path":"/clan","value":"Owls","why":"joined"}]`, `{"name":"Ada","clan":"Owls"}`},
		{"A.12 add to what is not there", `{"name":"Ada"}`, `[{"op":"add","path":"/pet/kind","value":"cat"}]`, notThere + "/0/path:not_found"},
		{"A.13 a document with two ops", `{"name":"Ada"}`, `[{"op":"add","path":"/clan","value":"Owls","op":"remove"}]`, invalid + "/0:duplicate_member"},
		{"A.14 tilde before slash", `{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":10}]`, `{"/":9,"~1":10}`},
		{"A.15 strings and numbers differ", `{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":"10"}]`, testFailed + "/0:test_failed"},
		{"A.16 add an array", `{"deck":["ace"]}`, `[{"op":"add","path":"/deck/-","value":["king","ten"]}]`, `{"deck":["ace",["king","ten"]]}`},
	})
}

func TestPatchLimits(t *testing.T) {
	small := storage.EditLimits{Limits: storage.Limits{ValueBytes: 64}, Depth: 4, Operations: 3}
	list := func(operations ...string) string { return "[" + strings.Join(operations, ",") + "]" }
	add := func(path, value string) string { return `{"op":"add","path":"` + path + `","value":` + value + `}` }
	long := `"` + strings.Repeat("x", 56) + `"` // {"a":…} is 64 bytes
	for _, c := range []struct{ name, value, patch, want string }{
		{"as large as may be", `{}`, list(add("/a", long)), ""},
		{"larger", `{}`, list(add("/ab", long)), "storage.value_too_large"},
		{"larger only on the way", `{"a":` + long + `}`, list(add("/b", long), `{"op":"remove","path":"/a"}`), ""},
		{"a stored value over the limit can shrink", `{"a":` + long + `,"b":` + long + `}`, list(`{"op":"remove","path":"/a"}`), ""},
		{"as many as may be", `{}`, list(add("/a", "1"), add("/b", "1"), add("/c", "1")), ""},
		{"more", `{}`, list(add("/a", "1"), add("/b", "1"), add("/c", "1"), add("/d", "1")), invalid + ":too_many"},
		{"a patch too deep", `{}`, list(add("/a", "[[[[[]]]]]")), invalid + ":too_deep"},
		{"as deep as may be", `{"a":{"b":[]}}`, list(add("/a/b/0", "[]")), ""},
		{"a value made too deep", `{"a":{"b":[[]]}}`, list(add("/a/b/0/0", "{}")), "storage.value_too_deep /0:too_deep"},
		{"a scalar at the depth", `{"a":{"b":[[]]}}`, list(add("/a/b/0/0", `"[{[{"`)), ""},
		{"copied too deep", `{"a":{"b":{}}}`, list(`{"op":"copy","from":"","path":"/a/b/c"}`), "storage.value_too_deep /0:too_deep"},
		{"moved too deep", `{"a":{"b":{}},"c":{"d":{"e":{}}}}`, list(`{"op":"move","from":"/a","path":"/c/d/e/f"}`), "storage.value_too_deep /0:too_deep"},
		{"replaced too deep", `{"a":{"b":[1]}}`, list(`{"op":"replace","path":"/a/b/0","value":[[]]}`), "storage.value_too_deep /0:too_deep"},
	} {
		if _, err := storage.Patch([]byte(c.value), []byte(c.patch), small); told(err) != c.want {
			t.Errorf("%s: %q, want %q", c.name, told(err), c.want)
		}
	}
}

func TestPatchesThatCostTooMuch(t *testing.T) {
	limits := storage.EditLimits{Limits: storage.Limits{ValueBytes: 1 << 18}, Depth: 1000, Operations: 1000}
	many := func(operation string, times int) []byte {
		return []byte("[" + strings.Join(slices.Repeat([]string{operation}, times), ",") + "]")
	}
	for name, c := range map[string]struct{ value, operation string }{
		"doubling copies": {`{"l":["` + strings.Repeat("x", 1000) + `"]}`, `{"op":"copy","from":"/l","path":"/l/-"}`},
		"nesting copies":  {`{"l":"` + strings.Repeat("x", 100_000) + `"}`, `{"op":"copy","from":"","path":"/m"}`},
		"moves":           {`{"l":["` + strings.Repeat("x", 100_000) + `",1]}`, `{"op":"move","from":"/l/0","path":"/l/1"}`},
		"tests":           {`{"l":"\u0061` + strings.Repeat("x", 100_000) + `"}`, `{"op":"test","path":"/l","value":"a` + strings.Repeat("x", 100_000) + `"}`},
	} {
		_, err := storage.Patch([]byte(c.value), many(c.operation, 100), limits)
		if !errors.Is(err, storage.ErrPatchTooCostly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What a game does with a document of its size is far from the bound.
	whole := `{"l":[` + strings.Repeat(`{"hp":1.0,"name":"\u0061"},`, 400) + `0]}`
	honest := many(`{"op":"move","from":"/l/0","path":"/l/1"}`, limits.Operations)
	if _, err := storage.Patch([]byte(whole), honest, limits); err != nil {
		t.Errorf("a thousand small moves: %v", err)
	}
}
