package jsonschema_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/adapters/jsonschema"
	"github.com/overworldhq/overworld/ports/schema"
)

func compile(t testing.TB, text string) schema.Schema {
	t.Helper()
	s, err := jsonschema.Compiler{}.Compile([]byte(text))
	var invalid *schema.Invalid
	if errors.As(err, &invalid) {
		t.Fatalf("%s: %v", text, invalid.Violations)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// places writes violations as "pointer code", in their order.
func places(found []schema.Violation) string {
	var all []string
	for _, v := range found {
		all = append(all, v.Pointer+" "+v.Code)
	}
	return strings.Join(all, ", ")
}

func TestWhatBreaksASchema(t *testing.T) {
	longList := `{"properties":{"id":{"enum":[` + strings.TrimPrefix(strings.Repeat(",7.0", 20), ",") + `,"x",null,[1],{"a":9007199254740993}]},"enum":{"type":"string"}}}`
	for _, c := range []struct{ schema, value, want string }{
		{`{"type":"object"}`, `{"any":1}`, ""},
		{`{"properties":{"level":{"type":"integer"}}}`, `{"level":1.0}`, ""},
		{`{"properties":{"level":{"type":"integer"}}}`, `{"level":1.5}`, "/level type"},
		{`{"properties":{"a":{"type":["string","null"]},"b":{"minLength":2}},"required":["a","c","d/e~"]}`, `{"a":1,"b":"é"}`,
			"/a type, /b min_length, /c required, /d~1e~0 required"},
		{`{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"b":2,"c":3}`, "/b additional_properties, /c additional_properties"},
		{`{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}`, `{"a":1,"b":2}`, "/b not_allowed"},
		{`{"properties":{"items":{"type":"array","uniqueItems":true,"items":{"$ref":"#/$defs/item"}}},"$defs":{"item":{"type":"object","properties":{"n":{"minimum":1}}}}}`,
			`{"items":[{"n":1},{"n":0},{"n":1}]}`, "/items unique_items, /items/1/n minimum"},
		{`{"$id":"https://game.example/root","$defs":{"n":{"$id":"n","type":"number"}},"properties":{"a":{"$ref":"n"}}}`, `{"a":""}`, "/a type"},
		{`{"properties":{"next":{"$ref":"#"},"v":{"const":1}}}`, `{"next":{"next":{"v":2}}}`, "/next/next/v const"},
		{`{"anyOf":[{"required":["a"]},{"required":["b"]}]}`, `{}`, " any_of"},
		{`{"properties":{"a":{"oneOf":[{"type":"number"},{"type":"integer"}]}}}`, `{"a":1}`, "/a one_of"},
		{`{"properties":{"a":{"not":{}}}}`, `{"a":1}`, "/a not"},
		{`{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, "/b dependent_required"},
		{`{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"a":1}`, "/b required"},
		{`{"properties":{"t":{"format":"date-time"},"u":{"format":"uuid"},"x":{"format":"no-such-format"}}}`, `{"t":"tomorrow","u":"1","x":"anything"}`, "/t format, /u format"},
		{`{"properties":{"a":{"pattern":"^(a|aa)+$"}}}`, `{"a":"` + strings.Repeat("a", 10_000) + `b"}`, "/a pattern"},
		{`{"propertyNames":{"maxLength":2}}`, `{"abc":1}`, "/abc property_names"},
		// Beyond what a double holds.
		{`{"properties":{"n":{"minimum":9007199254740993,"maximum":9223372036854775807}}}`, `{"n":9007199254740992}`, "/n minimum"},
		{`{"properties":{"n":{"maximum":9223372036854775807}}}`, `{"n":9223372036854775808}`, "/n maximum"},
		{`{"properties":{"n":{"const":9007199254740993}}}`, `{"n":9007199254740993}`, ""},
		{`{"properties":{"n":{"multipleOf":0.1}}}`, `{"n":1.10}`, ""},
		// Numbers that computing with would take for ever.
		{`{"properties":{"n":{"minimum":1}}}`, `{"n":1e999999999}`, "/n number"},
		{`{}`, `{"a":{"b":[0,1E-401]}}`, "/a/b/1 number"},
		{`{}`, `{"n":1` + strings.Repeat("0", 400) + `}`, "/n number"},
		{`{}`, `{"n":1e400,"m":-1.5E-400}`, ""},
		// A list that is looked up.
		{longList, `{"id":7}`, ""},
		{longList, `{"id":70e-1}`, ""},
		{longList, `{"id":"x"}`, ""},
		{longList, `{"id":null,"enum":"no keyword"}`, ""},
		{longList, `{"id":[1.0]}`, ""},
		{longList, `{"id":{"a":9007199254740993}}`, ""},
		{longList, `{"id":{"a":9007199254740992}}`, "/id enum"},
		{longList, `{"id":"7","enum":1}`, "/enum type, /id enum"},
		{longList, `{"id":false}`, "/id enum"},
	} {
		found, err := compile(t, c.schema).Judge([]byte(c.value), 100)
		if got := places(found); err != nil || got != c.want {
			t.Errorf("%.120s judges %.80s: %q, %v; want %q", c.schema, c.value, got, err, c.want)
		}
	}
}

func TestJudgementsNeverRepeatTheValue(t *testing.T) {
	s := compile(t, `{"additionalProperties":{"type":"string","enum":["a"],"pattern":"^a","format":"ipv4","maxLength":1,"const":"a"}}`)
	for _, value := range []string{`{"k":"hunter2"}`, `{"k":772277}`, `{"k":["hunter2"]}`} {
		found, err := s.Judge([]byte(value), 100)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", value, found, err)
		}
		if told := fmt.Sprint(found); strings.Contains(told, "hunter2") || strings.Contains(told, "772277") {
			t.Error(told)
		}
	}
}

func TestAsManyAsAreAskedFor(t *testing.T) {
	s := compile(t, `{"properties":{"a":{"items":{"type":"string"}}}}`)
	found, err := s.Judge([]byte(`{"a":[1,2,3,4,5,6,7]}`), 3)
	if err != nil || places(found) != "/a/0 type, /a/1 type, /a/2 type" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestSchemasThatCantBeUsed(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"type":"integr"}`, "/type any_of"},
		{`{"properties":{"a":{"minLength":-1,"required":"a"}}}`, "/properties/a/minLength minimum, /properties/a/required type"},
		{`[]`, " type"},
		{`{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/$schema $schema"},
		{`{"properties":{"a":{"pattern":"(?=a)b"}}}`, "/properties/a/pattern format"},
		{`{"patternProperties":{"(a":{}}}`, "/patternProperties/(a property_names"},
		{`{"pattern":"((a{1,30}){1,30}b){1,1000}"}`, "/pattern format"},
		{`{"pattern":"([a-f]{500}){1,2}[0-9]{1000}[g-z]{1000}"}`, "/pattern format"},
		{`{"$ref":"https://evil.example/schema"}`, " $ref"},
		{`{"$ref":"http://127.0.0.1:1/schema"}`, " $ref"},
		{`{"$ref":"file:///etc/passwd"}`, " $ref"},
		{`{"$ref":"other.json"}`, " $ref"},
		{`{"$ref":"#/$defs/nowhere"}`, " $ref"},
		{`{"$ref":"#nowhere"}`, " $ref"},
		{`{"minimum":1e999999999}`, "/minimum number"},
		{`{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}`, " schema"},
	} {
		_, err := jsonschema.Compiler{}.Compile([]byte(c.schema))
		var invalid *schema.Invalid
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", c.schema, err)
		} else if got := places(invalid.Violations); got != c.want {
			t.Errorf("%s: %q, want %q", c.schema, got, c.want)
		}
	}
	for _, good := range []string{`{}`, `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`, `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`} {
		compile(t, good)
	}
}

// TestWorkIsBounded tries what would otherwise run for years.
func TestWorkIsBounded(t *testing.T) {
	doubling := func(keyword, leaf string) string {
		var b strings.Builder
		b.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
		for i := range 60 {
			fmt.Fprintf(&b, `"%d":{"%s":[{"$ref":"#/$defs/%d"},{"$ref":"#/$defs/%d"}]},`, i, keyword, i+1, i+1)
		}
		return b.String() + `"60":` + leaf + `}}`
	}
	var ids []string
	for i := range 5000 {
		ids = append(ids, fmt.Sprint(i))
	}
	list := `{"properties":{"a":{"items":{"enum":[` + strings.Join(ids, ",") + `]}}}}`
	many := `{"a":[` + strings.TrimPrefix(strings.Repeat(",123456", 30_000), ",") + `]}`
	for name, c := range map[string]struct {
		schema, value string
		err           error
	}{
		"all of two, sixty times":                  {doubling("allOf", `{}`), `{}`, schema.ErrTooCostly},
		"all of two that fail":                     {doubling("allOf", `{"required":["a"]}`), `{}`, schema.ErrTooCostly},
		"one of two":                               {doubling("oneOf", `{"type":"object"}`), `{}`, schema.ErrTooCostly},
		"any of two that fail":                     {doubling("anyOf", `{"type":"string"}`), `{}`, schema.ErrTooCostly},
		"a long expression on a long text":         {`{"properties":{"a":{"pattern":"(a|b|ab|ba|aab){150}$"}}}`, `{"a":"` + strings.Repeat("ab", 100_000) + `c"}`, schema.ErrTooCostly},
		"thirty thousand numbers in five thousand": {list, many, nil},
		"a large and simple value":                 {`{"properties":{"a":{"items":{"type":"integer"}}}}`, many, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compile(t, c.schema).Judge([]byte(c.value), 100); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
		})
	}
}

func TestOneSchemaServesManyAtOnce(t *testing.T) {
	s := compile(t, `{"properties":{"n":{"type":"integer","minimum":0}},"required":["n"]}`)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for n := range 50 {
				value, want := fmt.Sprintf(`{"n":%d}`, n), ""
				if (i+n)%2 == 0 {
					value, want = fmt.Sprintf(`{"n":-%d}`, n+1), "/n minimum"
				}
				if found, err := s.Judge([]byte(value), 10); err != nil || places(found) != want {
					t.Errorf("%s: %v, %v", value, found, err)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkJudge(b *testing.B) {
	s := compile(b, `{"type":"object","properties":{"level":{"type":"integer","minimum":1,"maximum":100},"name":{"type":"string","maxLength":40},
		"items":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string","pattern":"^[a-z_]+$"},"count":{"type":"integer"}},"required":["id"]}}},"additionalProperties":false}`)
	value := []byte(`{"level":7,"name":"Ada","items":[` + strings.TrimPrefix(strings.Repeat(`,{"id":"iron_sword","count":12}`, 32), ",") + `]}`)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if found, err := s.Judge(value, 100); err != nil || len(found) > 0 {
			b.Fatal(found, err)
		}
	}
}
