package storage_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/storage"
)

func bound(n int64) *int64 { return &n }

func TestIncrements(t *testing.T) {
	const most, least = "9223372036854775807", "-9223372036854775808"
	const maxInt, minInt = 9223372036854775807, -9223372036854775808
	step := func(path string, by int64) storage.Step { return storage.Step{Path: path, By: by} }
	for _, c := range []struct {
		name, value string
		steps       []storage.Step
		want        string // the value, or else what is told
		sums        []int64
	}{
		{"nothing", `{"a":1}`, nil, `{"a":1}`, []int64{}},
		{"a member", `{"z":1.0,"gold":5,"l":[]}`, []storage.Step{step("/gold", 3)}, `{"z":1.0,"gold":8,"l":[]}`, []int64{8}},
		{"down", `{"gold":5}`, []storage.Step{step("/gold", -8)}, `{"gold":-3}`, []int64{-3}},
		{"by nothing", `{"gold":-0}`, []storage.Step{step("/gold", 0)}, `{"gold":0}`, []int64{0}},
		{"beyond 2^53", `{"n":9007199254740993}`, []storage.Step{step("/n", 2)}, `{"n":9007199254740995}`, []int64{9007199254740995}},
		{"to the ends", `{"a":9223372036854775800,"b":-9223372036854775800}`, []storage.Step{step("/a", 7), step("/b", -8)}, `{"a":` + most + `,"b":` + least + `}`, []int64{maxInt, minInt}},
		{"from end to end", `{"a":-1,"b":0}`, []storage.Step{step("/a", minInt+1), step("/a", maxInt), step("/b", minInt)}, `{"a":-1,"b":` + least + `}`, []int64{minInt, -1, minInt}},
		{"within", `{"bag":{"gold":1},"l":[{"n":2},3]}`, []storage.Step{step("/bag/gold", 1), step("/l/0/n", 1), step("/l/1", 1)}, `{"bag":{"gold":2},"l":[{"n":3},4]}`, []int64{2, 3, 4}},
		{"a new member", `{"bag":{"a":1}}`, []storage.Step{step("/bag/gold", 5), step("/gems", 0)}, `{"bag":{"a":1,"gold":5},"gems":0}`, []int64{5, 0}},
		{"a new member with an escape", `{}`, []storage.Step{step("/a~1b~0\"é", 1)}, `{"a/b~\"é":1}`, []int64{1}},
		{"several of one", `{}`, []storage.Step{step("/a", 2), step("/a", 3)}, `{"a":5}`, []int64{2, 5}},
		{"one over the top", `{"a":` + most + `}`, []storage.Step{step("/a", 1)}, "storage.increment_overflow /0/by:overflow", nil},
		{"one under the bottom", `{"a":` + least + `}`, []storage.Step{step("/a", -1)}, "storage.increment_overflow /0/by:overflow", nil},
		{"the bottom twice", `{"a":-1}`, []storage.Step{step("/a", minInt)}, "storage.increment_overflow /0/by:overflow", nil},
		{"at the bounds", `{"a":5}`, []storage.Step{{Path: "/a", By: -5, Min: bound(0), Max: bound(0)}}, `{"a":0}`, []int64{0}},
		{"under the bound", `{"a":5}`, []storage.Step{{Path: "/a", By: -6, Min: bound(0)}}, "storage.increment_out_of_bounds /0/min:out_of_bounds", nil},
		{"over the bound", `{"a":5}`, []storage.Step{step("/a", 1), {Path: "/a", By: 1, Max: bound(6)}}, "storage.increment_out_of_bounds /1/max:out_of_bounds", nil},
		{"bounds of a new member", `{}`, []storage.Step{{Path: "/a", By: -1, Min: bound(0)}}, "storage.increment_out_of_bounds /0/min:out_of_bounds", nil},
		{"all or nothing", `{"a":1,"b":"x"}`, []storage.Step{step("/a", 1), step("/b", 1)}, "storage.increment_not_integer /1/path:not_integer", nil},
		{"a new member in nothing", `{"a":1}`, []storage.Step{step("/bag/gold", 1)}, "storage.patch_path_not_found /0/path:not_found", nil},
		{"a new member in a scalar", `{"a":1}`, []storage.Step{step("/a/b", 1)}, "storage.patch_path_not_found /0/path:not_found", nil},
		{"a new element", `{"l":[1]}`, []storage.Step{step("/l/1", 1)}, "storage.patch_path_not_found /0/path:not_found", nil},
		{"an element at a dash", `{"l":[1]}`, []storage.Step{step("/l/-", 1)}, "storage.patch_path_not_found /0/path:not_found", nil},
		{"malformed", `{}`, []storage.Step{step("a", 1), step("/a~", 1), step("/\xff", 1), {Path: "/a", Min: bound(2), Max: bound(1)}}, breaksRule + "/0/path:malformed /1/path:malformed /2/path:malformed /3/min:out_of_range", nil},
		{"too many", `{}`, slices.Repeat([]storage.Step{step("/a", 1)}, roomy.Operations+1), breaksRule + ":too_many", nil},
		{"the whole", `{}`, []storage.Step{step("", 1)}, "storage.increment_not_integer /0/path:not_integer", nil},
		{"too large", `{"s":"` + strings.Repeat("x", 1<<16-13) + `","n":9}`, []storage.Step{step("/n", 1)}, "storage.value_too_large", nil},
	} {
		value := []byte(c.value)
		got, sums, err := storage.Increment(value, c.steps, roomy)
		answer := string(got)
		if err != nil {
			answer = told(err)
		}
		if answer != c.want || !slices.Equal(sums, c.sums) || err != nil && got != nil {
			t.Errorf("%s: %s, %d; want %s, %d", c.name, answer, sums, c.want, c.sums)
		}
		if string(value) != c.value {
			t.Errorf("%s: the value is now %s", c.name, value)
		}
	}
	for _, other := range []string{`"1"`, `""`, `null`, `true`, `[]`, `[1]`, `{}`, `{"n":1}`, `1.0`, `1e0`, `0.5`, `9223372036854775808`, `-9223372036854775809`, `1e400`} {
		_, _, err := storage.Increment([]byte(`{"v":`+other+`}`), []storage.Step{step("/v", 1)}, roomy)
		if told(err) != "storage.increment_not_integer /0/path:not_integer" {
			t.Errorf("%s: %v", other, err)
		}
	}
	if _, _, err := storage.Increment([]byte(`[1]`), nil, roomy); err == nil {
		t.Error("a stored value that is no object is taken")
	}
}
