package storage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/storage"
)

// many is an object of members k0, k1, and so on.
func many(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

var (
	spellings = []string{`0`, `-0`, `1`, `1.0`, `1e0`, `10E-1`, `2`, `9007199254740993`, `9223372036854775807`, `12345678901234567890.10`, `1e400`,
		`null`, `true`, `false`, `""`, `"a"`, `"\u0061"`, `"é"`, `"\ud83d\ude00"`, `"{\"[,:"`, `"\\"`, `[]`, `{}`}
	names = []string{`a`, `b`, `c`, ``, `0`, `1`, `-`, `a/b`, `m~n`, `~1`, `é`, `"`}
)

// anyValue draws compact text, and anyObject an object with room for a few
// members or for more than are found one by one.
func anyValue(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind < 3 && depth > 0:
		return anyObject(t, depth, 4)
	case kind < 5 && depth > 0:
		items := make([]string, rapid.IntRange(0, 4).Draw(t, "items"))
		for i := range items {
			items[i] = anyValue(t, depth-1)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return rapid.SampledFrom(spellings).Draw(t, "scalar")
}

func anyObject(t *rapid.T, depth, most int) string {
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, most, rapid.ID[string]).Draw(t, "names")
	var members []string
	for _, name := range chosen {
		spelling := strconv.QuoteToASCII(name) // \u00e9 for é
		if rapid.Bool().Draw(t, "plain") {
			spelling = strconv.Quote(name)
		}
		members = append(members, spelling+":"+anyValue(t, depth-1))
	}
	if most > 4 && rapid.Bool().Draw(t, "wide") {
		filler := many(30)
		members = append(members, filler[1:len(filler)-1])
	}
	return "{" + strings.Join(members, ",") + "}"
}

func tree(t require, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

type require interface {
	Fatalf(format string, args ...any)
}

// parts lists the members of an object in their order, each as it is spelt.
func parts(t require, text []byte) (order []string, raw map[string]string) {
	raw = map[string]string{}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		order = append(order, name.(string))
		raw[name.(string)] = string(value)
	}
	return order, raw
}

func TestMergeAgreesWithPlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value, patch := []byte(anyObject(t, 4, 8)), []byte(anyObject(t, 4, 8))
		got, err := storage.Merge(value, patch, roomy)
		if err != nil {
			t.Fatalf("%s with %s: %v", value, patch, err)
		}
		if want := naiveMerge(tree(t, value), tree(t, patch)); !reflect.DeepEqual(tree(t, got), want) {
			t.Fatalf("%s with %s: %s, want %v", value, patch, got, want)
		}
		again, err := storage.Merge(got, patch, roomy)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%s merged again: %s, %v", got, again, err)
		}
		untouched(t, value, got, slices.Collect(maps.Keys(tree(t, patch).(map[string]any))))
	})
}

// untouched: members that no one named are as they were, in the order they had.
func untouched(t require, before, after []byte, named []string) {
	was, wasRaw := parts(t, before)
	is, isRaw := parts(t, after)
	drop := func(name string) bool { return slices.Contains(named, name) }
	was, is = slices.DeleteFunc(was, drop), slices.DeleteFunc(is, drop)
	if !slices.Equal(was, is) {
		t.Fatalf("%s became %s: order", before, after)
	}
	for _, name := range was {
		if wasRaw[name] != isRaw[name] {
			t.Fatalf("%s became %s: at %q", before, after, name)
		}
	}
}

// anyPath draws a pointer that mostly leads somewhere.
func anyPath(t *rapid.T, root any) string {
	path, at := "", root
	for range 4 {
		choices := []string{"-", "a", "0", "1", "01"}
		switch v := at.(type) {
		case map[string]any:
			choices = append(slices.Sorted(maps.Keys(v)), choices[rapid.IntRange(0, 4).Draw(t, "other")])
		case []any:
			for i := range v {
				choices = append(choices, strconv.Itoa(i))
			}
		default:
			if rapid.IntRange(0, 5).Draw(t, "on") > 0 {
				return path
			}
		}
		token := rapid.SampledFrom(choices).Draw(t, "token")
		path += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
		if at = (&naive{at}).get([]string{token}); at == nothing || rapid.IntRange(0, 2).Draw(t, "stop") == 0 {
			return path
		}
	}
	return path
}

func TestPatchAgreesWithPlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := []byte(anyObject(t, 4, 8))
		reference := &naive{tree(t, value)}
		want := ""
		var steps []step
		var named []string
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			s := step{Op: rapid.SampledFrom([]string{"add", "remove", "replace", "move", "copy", "test"}).Draw(t, "op"), Path: anyPath(t, reference.root)}
			switch s.Op {
			case "move", "copy":
				s.From = anyPath(t, reference.root)
				if s.Op == "move" && strings.HasPrefix(s.Path, s.From+"/") {
					continue
				}
				if s.Op == "move" {
					named = append(named, tokens(s.From)[0])
				}
			case "test":
				if found := reference.get(tokens(s.Path)); found != nothing && rapid.IntRange(0, 3).Draw(t, "pass") > 0 {
					s.Value, _ = json.Marshal(found)
					break
				}
				fallthrough
			case "add", "replace":
				s.Value = json.RawMessage(anyValue(t, 2))
			}
			if s.Op != "test" {
				named = append(named, tokens(s.Path)[0])
			}
			steps = append(steps, s)
			if want = reference.apply(t, s); want != "" {
				break
			}
		}
		if steps == nil {
			return
		}
		patch, _ := json.Marshal(steps)
		got, err := storage.Patch(value, patch, roomy)
		if code, _, _ := strings.Cut(told(err), " "); code != want {
			t.Fatalf("%s with %s: %v, want %q", value, patch, err, want)
		}
		if err != nil {
			if at := fmt.Sprintf("/%d", len(steps)-1); !strings.Contains(told(err), " "+at) {
				t.Fatalf("%s with %s: %s", value, patch, told(err))
			}
			return
		}
		if !reflect.DeepEqual(tree(t, got), reference.root) {
			t.Fatalf("%s with %s: %s, want %v", value, patch, got, reference.root)
		}
		untouched(t, value, got, named)
	})
}

func TestIncrementNeverWraps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, by := rapid.Int64().Draw(t, "from"), rapid.Int64().Draw(t, "by")
		least, most := rapid.Int64().Draw(t, "min"), rapid.Int64Min(math.MinInt64).Draw(t, "max")
		least, most = min(least, most), max(least, most)
		value := fmt.Appendf(nil, `{"n":%d}`, from)
		got, sums, err := storage.Increment(value, []storage.Step{{Path: "/n", By: by, Min: &least, Max: &most}}, roomy)
		sum := new(big.Int).Add(big.NewInt(from), big.NewInt(by))
		want := ""
		switch {
		case !sum.IsInt64():
			want = storage.ErrOverflow.Code
		case sum.Int64() < least || sum.Int64() > most:
			want = storage.ErrOutOfBounds.Code
		}
		if code, _, _ := strings.Cut(told(err), " "); code != want {
			t.Fatalf("%d + %d within %d, %d: %v, want %q", from, by, least, most, err, want)
		}
		if err == nil && (sums[0] != sum.Int64() || string(got) != fmt.Sprintf(`{"n":%d}`, sum)) {
			t.Fatalf("%d + %d: %s, %d", from, by, got, sums)
		}
	})
}
