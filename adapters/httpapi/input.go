package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/overworldhq/overworld/domain/fault"
)

// input is how a route's input type is read from a request: fields tagged path,
// query or header are parameters, and a field named Body is the body: a struct
// that says what members it has, or a rawBody.
// Parameters are strings, bools, ints, int64s or uuids.
type input struct {
	params  []param
	body    *shape // nil when there is none
	bodyAt  []int
	bodyOf  reflect.Type
	bodyOpt bool // every member of the body is optional, and so is the body
	// media are the media types that a rawBody may have; nil for any other body.
	media []string
}

type param struct {
	in, name string
	field    reflect.StructField
	at       []int
}

// id is a UUID as a parameter, in its canonical form.
type id string

var idType = reflect.TypeFor[id]()

// inputOf reads an input type. It panics on what no request could be read
// into, which every test of the table would meet.
func inputOf(t reflect.Type) *input {
	in := &input{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		if f.Type == rawBodyType {
			in.media, in.bodyAt, in.bodyOf = strings.Split(f.Tag.Get("media"), " "), f.Index, f.Type
			continue
		}
		if f.Name == "Body" {
			in.body, in.bodyAt, in.bodyOf = shapeOf(f.Type), f.Index, f.Type
			in.bodyOpt = len(in.body.required) == 0
			continue
		}
		for _, where := range []string{"path", "query", "header"} {
			if name, ok := f.Tag.Lookup(where); ok {
				in.params = append(in.params, param{in: where, name: name, field: f, at: f.Index})
			}
		}
	}
	return in
}

// read fills in with the request's parameters and body, or tells of every one that is at fault.
func (in *input) read(ctx context.Context, c *call, into reflect.Value) error {
	fields := c.readQuery()
	for _, p := range in.params {
		value, given := c.parameter(p)
		if !given {
			continue
		}
		if f := setParameter(p, into.FieldByIndex(p.at), value); f != nil {
			fields = append(fields, *f)
		}
	}
	fields = append(fields, in.unknown(c)...)
	refused := errParameter
	if in.media != nil {
		raw, err := c.rawBody(ctx, in.media)
		if err != nil {
			return err
		}
		into.FieldByIndex(in.bodyAt).Set(reflect.ValueOf(raw))
	}
	if in.body != nil {
		body, err := c.body(ctx, in.bodyOpt, inJSON)
		if err != nil {
			return err
		}
		if body != nil {
			faults, err := in.body.decode(body, c.api.Limits.BodyDepth, into.FieldByIndex(in.bodyAt))
			if err != nil {
				return err
			}
			if len(fields) == 0 {
				refused = fault.ErrInvalid
			}
			fields = append(fields, faults...)
		}
	}
	if len(fields) > 0 {
		return refused.WithFields(fields...)
	}
	return nil
}

// readQuery reads the query string, and what every route takes from it.
func (c *call) readQuery() []fault.Field {
	if c.r.URL.RawQuery == "" || c.route.Page {
		return nil
	}
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return []fault.Field{{In: "query", Code: "malformed", Detail: "The query string is not well-formed."}}
	}
	var fields []fault.Field
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		values := c.query[name]
		if len(values) > 1 {
			fields = append(fields, parameter("query", name, "repeated", "Give this parameter once."))
		}
	}
	if values, ok := c.query[int64Parameter]; ok {
		c.stringInt64 = values[0] == "string"
		if !c.stringInt64 {
			fields = append(fields, parameter("query", int64Parameter, "malformed", "The one choice is string."))
		}
	}
	return fields
}

// int64Parameter is the query parameter by which clients whose numbers are
// doubles get int64 members as strings.
const int64Parameter = "int64"

// unknown refuses parameters that the route doesn't read, which are typing
// mistakes that would otherwise change nothing, silently.
func (in *input) unknown(c *call) []fault.Field {
	var fields []fault.Field
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		known := name == int64Parameter
		for _, p := range in.params {
			known = known || p.in == "query" && p.name == name
		}
		if !known {
			fields = append(fields, parameter("query", name, "unknown", "This route has no such parameter."))
		}
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return fields // what is read may always be on conditions
	}
	// What was to be done on a condition must not be done without it (RFC 9110, 13.1).
	for _, name := range []string{"If-Match", "If-None-Match"} {
		known := slices.ContainsFunc(in.params, func(p param) bool { return p.in == "header" && p.name == name })
		if _, given := c.r.Header[name]; given && !known {
			fields = append(fields, parameter("header", name, "unknown", "This route takes no such precondition. Nothing was done."))
		}
	}
	return fields
}

func (c *call) parameter(p param) (string, bool) {
	switch p.in {
	case "path":
		value, ok := c.vars[p.name]
		return value, ok
	case "query":
		values, ok := c.query[p.name]
		if !ok {
			return "", false
		}
		return values[0], true
	}
	values, ok := c.r.Header[p.name]
	return strings.Join(values, ", "), ok
}

// setParameter stores a value, or tells what is wrong with it.
func setParameter(p param, into reflect.Value, value string) *fault.Field {
	wrong := func(code, detail string, args ...any) *fault.Field {
		f := parameter(p.in, p.name, code, detail, args...)
		return &f
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return wrong("malformed", "Text in UTF-8, without control characters.")
	}
	if into.Type() == idType {
		canonical, ok := canonicalID(value)
		if !ok {
			return wrong("malformed", "A UUID, such as 018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f.")
		}
		into.SetString(canonical)
		return nil
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(value)
	case reflect.Bool:
		if value != "true" && value != "false" {
			return wrong("malformed", "true or false.")
		}
		into.SetBool(value == "true")
	case reflect.Int64:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return wrong("malformed", "A whole number.")
		}
		into.SetInt(n)
	case reflect.Int:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return wrong("malformed", "A whole number.")
		}
		into.SetInt(n)
	default:
		panic(fmt.Sprintf("httpapi: parameter %s can't be a %s", p.name, into.Type()))
	}
	return nil
}

// canonicalID reads a UUID in its 36 character form, in either case.
func canonicalID(value string) (string, bool) {
	if len(value) != 36 {
		return "", false
	}
	parsed, err := uuid.Parse(value)
	return parsed.String(), err == nil
}
