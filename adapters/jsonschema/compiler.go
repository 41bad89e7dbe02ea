package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/overworldhq/overworld/ports/schema"
)

// Compiler compiles JSON Schemas.
type Compiler struct{}

var _ schema.Compiler = Compiler{}

const (
	// place is what references within the schema are resolved against.
	place   = "https://schema.invalid/"
	dialect = "https://json-schema.org/draft/2020-12/schema"
	// longEnum is how many values a list may have that is looked through one by one.
	longEnum = 16
	// listed stands in the place of "enum" where the list is longer.
	listed = "overworld:enum"
)

// Compile reads a schema twice: the first reading validates it and finds where
// in it the schemas are, for a member called enum need not be a keyword.
func (Compiler) Compile(text []byte) (schema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if bad := checkNumbers(document, schemaRoot(document)); bad != nil {
		return nil, &schema.Invalid{Violations: bad}
	}
	ours := map[uintptr]bool{}
	collect(document, ours)
	w := &work{left: math.MaxInt} // compiling is bounded by the text
	var long []map[string]any
	_, err = compile(document, w, func(object map[string]any) jsonschema.SchemaExt {
		list, ok := object["enum"].([]any)
		if ok && len(list) > longEnum && ours[identity(object)] {
			long = append(long, object)
		}
		return nil
	})
	if err != nil {
		return nil, invalid(err)
	}
	for _, object := range long {
		if list, ok := object["enum"]; ok {
			object[listed] = list
			delete(object, "enum")
		}
	}
	compiled, err := compile(document, w, w.step)
	if err != nil {
		return nil, invalid(err)
	}
	return &judge{compiled: compiled, work: w}, nil
}

// schemaRoot finds what is wrong with the outermost object itself.
func schemaRoot(document any) []schema.Violation {
	object, ok := document.(map[string]any)
	if !ok {
		return []schema.Violation{{Code: "type", Detail: "A schema is a JSON object."}}
	}
	if said, ok := object["$schema"]; ok && said != dialect {
		return []schema.Violation{{Pointer: "/$schema", Code: "$schema", Detail: "Schemas are of draft 2020-12: " + dialect}}
	}
	return nil
}

// compile reads the schema once; each is told of every schema object.
func compile(document any, w *work, each func(map[string]any) jsonschema.SchemaExt) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(w.regexp)
	c.RegisterVocabulary(&jsonschema.Vocabulary{
		URL: "urn:overworld:work",
		Compile: func(_ *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
			if ext := each(object); ext != nil {
				return ext, nil
			}
			return nil, nil
		},
	})
	c.AssertVocabs()
	if err := c.AddResource(place, document); err != nil {
		return nil, err
	}
	return c.Compile(place)
}

// nowhere loads nothing.
type nowhere struct{}

var errOutside = errors.New("it is not in this schema, and nothing is loaded")

func (nowhere) Load(string) (any, error) { return nil, errOutside }

// collect notes every object of a document.
func collect(value any, into map[uintptr]bool) {
	switch v := value.(type) {
	case map[string]any:
		into[identity(v)] = true
		for _, member := range v {
			collect(member, into)
		}
	case []any:
		for _, item := range v {
			collect(item, into)
		}
	}
}

func identity(object map[string]any) uintptr { return reflect.ValueOf(object).Pointer() }

// invalid says why a schema can't be used.
func invalid(err error) error {
	var broken *jsonschema.SchemaValidationError
	var rule *jsonschema.ValidationError
	if errors.As(err, &broken) && errors.As(broken.Err, &rule) {
		return &schema.Invalid{Violations: sorted(flatten(rule))}
	}
	one := schema.Violation{Code: "schema", Detail: "This can't be compiled: a reference, an identifier or an anchor leads nowhere, or is given twice."}
	var expression *jsonschema.InvalidRegexError
	var outside *jsonschema.LoadURLError
	var pointer *jsonschema.JSONPointerNotFoundError
	var anchor *jsonschema.AnchorNotFoundError
	switch {
	case errors.As(err, &expression):
		one = schema.Violation{Pointer: fragment(expression.URL), Code: "pattern", Detail: "Expressions are Go's (RE2): no lookaround, no backreferences, and not too large."}
	case errors.As(err, &outside):
		one = schema.Violation{Code: "$ref", Detail: "A reference leads out of the schema, and nothing is ever loaded: " + strings.TrimPrefix(outside.URL, place)}
	case errors.As(err, &pointer):
		one = schema.Violation{Code: "$ref", Detail: "A reference leads to nothing: " + strings.TrimPrefix(pointer.URL, place)}
	case errors.As(err, &anchor):
		one = schema.Violation{Code: "$ref", Detail: "A reference leads to an anchor that isn't there: " + strings.TrimPrefix(anchor.Reference, place)}
	}
	return &schema.Invalid{Violations: []schema.Violation{one}}
}

// fragment is the JSON pointer at the end of a location.
func fragment(location string) string {
	_, pointer, _ := strings.Cut(location, "#")
	return pointer
}
