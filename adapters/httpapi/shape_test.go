package httpapi

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/domain/fault"
)

// sample has every kind of member that a body can have.
type sample struct {
	Text   string         `json:"text"`
	Number int64          `json:"number"`
	Flag   bool           `json:"flag,omitempty"`
	At     time.Time      `json:"at,omitzero"`
	Some   *string        `json:"some,omitempty"`
	List   []string       `json:"list,omitempty"`
	Inner  *inner         `json:"inner,omitempty"`
	Inners []inner        `json:"inners,omitempty"`
	Raw    jsontext.Value `json:"raw,omitempty"`
}

type inner struct {
	Slash int64 `json:"a/b"`
	Tilde int64 `json:"c~d,omitzero"`
	Dots  bool  `json:"e.f,omitzero"`
}

var sampleShape = shapeOf(reflect.TypeFor[sample]())

const sampleDepth = 8

func decodeSample(body string) (sample, []string, error) {
	var into sample
	fields, err := sampleShape.decode([]byte(body), sampleDepth, reflect.ValueOf(&into).Elem())
	var lines []string
	for _, f := range fields {
		lines = append(lines, f.Pointer+" "+f.Code)
	}
	return into, lines, err
}

func TestShapeReadsEveryKind(t *testing.T) {
	t.Parallel()
	got, faults, err := decodeSample(` {"raw" : {"b":1.50, "a":[1e2,"\u00e9"]}, "text":"é\n", "number":"-9223372036854775808", "flag":true,
		"at":"2030-01-01T01:00:00.1234567+01:00", "some":"", "list":["x"], "inner":{"a/b":9223372036854775807}, "inners":[{"a/b":0,"e.f":true}]} `)
	if err != nil || faults != nil {
		t.Fatal(err, faults)
	}
	want := sample{
		Text: "é\n", Number: -1 << 63, Flag: true, At: time.Date(2030, 1, 1, 0, 0, 0, 123456000, time.UTC), Some: new(string), List: []string{"x"},
		Inner: &inner{Slash: 1<<63 - 1}, Inners: []inner{{Dots: true}}, Raw: jsontext.Value(`{"b":1.50,"a":[1e2,"\u00e9"]}`),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestShapeTakesNoTimeForNone: the zero time is how an absent one is known, so that a
// client's forgotten expiry would mean never.
func TestShapeTakesNoTimeForNone(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000009Z", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00+01:00", "0000-12-31T23:59:59Z",
		"9999-12-31T23:59:59-01:00", "2030-01-01T0:00:00Z", "2030-01-01T00:00:00,5Z", "2030-01-01T00:00:00+24:00", "2030-01-01", "2030-02-30T00:00:00Z", "",
	} {
		if got, faults, err := decodeSample(`{"text":"","number":1,"at":"` + at + `"}`); err != nil || !slices.Equal(faults, []string{"/at malformed"}) {
			t.Errorf("%s: %v %v %v", at, got.At, faults, err)
		}
	}
}

func TestShapeFindsEveryFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want string }{
		{`{}`, "/text required, /number required"},
		{`{"text":1,"number":true}`, "/text wrong_type, /number wrong_type"},
		{`{"text":null,"number":null,"some":null,"list":null,"inner":null}`, "/text wrong_type, /number wrong_type, /some wrong_type, /list wrong_type, /inner wrong_type"},
		{`{"text":"","number":1,"Text":"","a/b":{"x":[1]},"~":1,"a.b":2,"":3}`, "/Text unknown, /a~1b unknown, /~0 unknown, /a.b unknown, / unknown"},
		{`{"text":"","number":1.0}`, "/number wrong_type"},
		{`{"text":"","number":1e3}`, "/number wrong_type"},
		{`{"text":"","number":9223372036854775808}`, "/number out_of_range"},
		{`{"text":"","number":"-9223372036854775809"}`, "/number out_of_range"},
		{`{"text":"","number":"01"}`, "/number wrong_type"},
		{`{"text":"","number":" 1"}`, "/number wrong_type"},
		{`{"text":"","number":"+1"}`, "/number wrong_type"},
		{`{"text":"","number":""}`, "/number wrong_type"},
		{`{"text":"","number":1,"at":"yesterday"}`, "/at malformed"},
		{`{"text":"","number":1,"at":"2030-02-30T00:00:00Z"}`, "/at malformed"},
		{`{"text":"","number":1,"list":["a",1,"b",{}]}`, "/list/1 wrong_type, /list/3 wrong_type"},
		{`{"text":"","number":1,"inner":{"c~d":"x","q":1}}`, "/inner/c~0d wrong_type, /inner/q unknown, /inner/a~1b required"},
		{`{"text":"","number":1,"inners":[{"a/b":1},{"a/b":"x","e.f":1},7]}`, "/inners/1/a~1b wrong_type, /inners/1/e.f wrong_type, /inners/2 wrong_type"},
		{`[]`, " wrong_type"},
		{`"x"`, " wrong_type"},
		{`null`, " wrong_type"},
	} {
		_, faults, err := decodeSample(c.body)
		if err != nil || strings.Join(faults, ", ") != c.want {
			t.Errorf("%s: got %q, %v; want %s", c.body, faults, err, c.want)
		}
	}
}

func TestShapeRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want string }{
		{``, " truncated"},
		{`   `, " truncated"},
		{`{"text":"x"`, " truncated"},
		{`{"text":"x`, "/text truncated"},
		{`{"text":"x","text":"y"}`, "/text duplicate_member"},
		{`{"text":"x","\u0074ext":"y"}`, "/text duplicate_member"},
		{`{"raw":{"deep":[{"a/b":1,"a/b":2}]}}`, "/raw/deep/0/a~1b duplicate_member"},
		{`{"other":{"x":1,"x":2}}`, "/other/x duplicate_member"},
		{`{} {}`, " trailing_data"},
		{`{}x`, " trailing_data"},
		{`{"text":"x",}`, " syntax"},
		{`{'text':'x'}`, " syntax"},
		{`{"text":01}`, " syntax"},
		{`{"number":NaN}`, "/number syntax"},
		{"{\"text\":\"\xff\"}", " invalid_utf8"},
		{"{\"text\":\"a\nb\"}", "/text syntax"},
		{`{"text":"\ud800"}`, "/text syntax"},
		{"\ufeff{}", " syntax"},
		{`{"raw":` + strings.Repeat("[", sampleDepth) + strings.Repeat("]", sampleDepth) + `}`, " too_deep"},
		{strings.Repeat(`{"raw":`, 100_000), " too_deep"},
	} {
		_, _, err := decodeSample(c.body)
		var f *fault.Fault
		if !errors.As(err, &f) || !errors.Is(err, errBody) || len(f.Fields) != 1 {
			t.Errorf("%.60s: %v", c.body, err)
			continue
		}
		if got := f.Fields[0].Pointer + " " + f.Fields[0].Code; got != c.want {
			t.Errorf("%.60s: got %q, want %q", c.body, got, c.want)
		}
	}
	if _, _, err := decodeSample(`{"text":"[[[[[[[[[[[[\"[[[","number":1,"raw":` + strings.Repeat("[", sampleDepth-1) + strings.Repeat("]", sampleDepth-1) + `}`); err != nil {
		t.Errorf("as deep as may be: %v", err)
	}
}

func TestShapeBoundsWhatItRepeats(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 5000 {
		many.WriteString(`"m` + strconv.Itoa(i) + `":0,`)
	}
	_, faults, err := decodeSample(`{` + many.String() + `"text":"","number":0}`)
	if err != nil || len(faults) != maxFields {
		t.Errorf("%d faults, %v", len(faults), err)
	}
	_, faults, err = decodeSample(`{"` + strings.Repeat("n", 100_000) + `":0,"text":"","number":0}`)
	if err != nil || !slices.Equal(faults, []string{" unknown"}) {
		t.Errorf("%d faults, %v", len(faults), err)
	}
}

// What is accepted is JSON, within the depth, and has its needed members; what
// is listed has pointers that lead somewhere.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"text":"x","number":1}`, `{"text":"x","number":"-1","raw":{"a":[1e5]},"inner":{"a/b":1}}`, `{"a~b/c.d":1}`, `{"text":"\ud800"}`, "{\"\xff\":1}", `[[[[`, `{"inners":[{},1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var into sample
		faults, err := sampleShape.decode(body, sampleDepth, reflect.ValueOf(&into).Elem())
		if err != nil {
			var f *fault.Fault
			if !errors.As(err, &f) || f.Kind != fault.Malformed || len(f.Fields) != 1 {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !jsontext.Value(body).IsValid() || deepest(body) > sampleDepth {
			t.Fatalf("accepted %q", body)
		}
		for _, one := range faults {
			if one.Pointer != "" && one.Pointer[0] != '/' || !jsontext.Pointer(one.Pointer).IsValid() {
				t.Fatalf("%q: pointer %q", body, one.Pointer)
			}
		}
		if len(faults) == 0 && into.Raw != nil && !into.Raw.IsValid() {
			t.Fatalf("%q: raw %q", body, into.Raw)
		}
	})
}
