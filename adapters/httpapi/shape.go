package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/domain/fault"
)

// shape reads a JSON object into a struct and finds every fault of it, where
// the usual decoders stop at the first. Members are named by the json tag, and
// needed unless it says omitempty or omitzero; null is no value.
//
// Members are strings, bools, times, int64s (an integer or a string of decimal
// digits), slices, structs and maps by name of them, pointers to them where absent and zero
// differ, and jsontext.Value, which takes any value as it stands.
type shape struct {
	members  map[string]member
	required []string // in the order of the struct
}

type member struct {
	at   []int
	read reading
}

// reading reads the next value into a variable, noting its faults in b; its
// error means that the text is no JSON.
type reading func(b *bodyReader, into reflect.Value) error

var (
	rawType  = reflect.TypeFor[jsontext.Value]()
	timeType = reflect.TypeFor[time.Time]()
)

func shapeOf(t reflect.Type) *shape {
	s := &shape{members: map[string]member{}}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue // its members are among the visible ones
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		s.members[name] = member{at: f.Index, read: readingOf(f.Type)}
		if !strings.Contains(options, "omit") {
			s.required = append(s.required, name)
		}
	}
	return s
}

func readingOf(t reflect.Type) reading {
	switch {
	case t == rawType, t == rawListType:
		return readRaw
	case t == timeType:
		return readTime
	}
	switch t.Kind() {
	case reflect.String:
		return readString
	case reflect.Bool:
		return readBool
	case reflect.Int64:
		return readInt64
	case reflect.Struct:
		return shapeOf(t).read
	case reflect.Slice:
		return readSlice(readingOf(t.Elem()))
	case reflect.Map:
		return readMap(t, readingOf(t.Elem()))
	case reflect.Pointer:
		read := readingOf(t.Elem())
		return func(b *bodyReader, into reflect.Value) error {
			into.Set(reflect.New(t.Elem()))
			return read(b, into.Elem())
		}
	}
	panic(fmt.Sprintf("httpapi: a body can't have a %s", t))
}

const (
	// maxFields bounds the faults that one reply lists.
	maxFields = 100
	// maxPointer bounds a pointer in a reply: past it, its object is named instead.
	maxPointer = 1024
)

type bodyReader struct {
	dec    *jsontext.Decoder
	fields []fault.Field
}

// decode reads a body. What is no JSON, or not safely so, is an error; what is
// JSON but not of this shape comes back as faults, all of them.
func (s *shape) decode(body []byte, depth int, into reflect.Value) ([]fault.Field, error) {
	return decodeWith(body, depth, func(b *bodyReader) error { return s.read(b, into) })
}

func decodeWith(body []byte, depth int, read func(b *bodyReader) error) ([]fault.Field, error) {
	if !utf8.Valid(body) {
		return nil, errBody.WithFields(fault.Body("", "invalid_utf8", "JSON is text in UTF-8."))
	}
	if deepest(body) > depth {
		return nil, errBody.WithFields(fault.Body("", "too_deep", "At most %d arrays and objects within each other.", depth))
	}
	b := &bodyReader{dec: jsontext.NewDecoder(bytes.NewBuffer(body))}
	if err := read(b); err != nil {
		return nil, syntaxFault(err)
	}
	if _, err := b.dec.ReadToken(); err == nil || !errors.Is(err, io.EOF) {
		return nil, errBody.WithFields(fault.Body("", "trailing_data", "The body goes on after its JSON value."))
	}
	return b.fields, nil
}

// rawBody is a body whose meaning its media type decides: any JSON value, read
// as strictly as every other. Its field's media tag lists what is accepted.
type rawBody struct {
	Media string
	Value jsontext.Value // compact
}

var rawBodyType = reflect.TypeFor[rawBody]()

func (c *call) rawBody(ctx context.Context, accepted []string) (rawBody, error) {
	text, err := c.body(ctx, false, accepted)
	if err != nil {
		return rawBody{}, err
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return rawBody{}, err
	}
	value, err := decodeAny(text, c.api.Limits.BodyDepth)
	return rawBody{Media: media, Value: value}, err
}

// decodeAny reads any JSON value.
func decodeAny(body []byte, depth int) (jsontext.Value, error) {
	var value jsontext.Value
	_, err := decodeWith(body, depth, func(b *bodyReader) error { return readRaw(b, reflect.ValueOf(&value).Elem()) })
	return value, err
}

// deepest tells how deep brackets nest, strings aside.
func deepest(text []byte) int {
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

func syntaxFault(err error) error {
	code, detail, pointer := "syntax", "This is not JSON.", ""
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		pointer = bounded(string(syntax.JSONPointer))
		detail = fmt.Sprintf("This is not JSON at byte %d.", syntax.ByteOffset)
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		code, detail = "duplicate_member", "This member is given twice."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		code, detail = "truncated", "The JSON value has no end."
	}
	return errBody.WithFields(fault.Body(pointer, code, "%s", detail))
}

func bounded(pointer string) string {
	for len(pointer) > maxPointer {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
	return pointer
}

// pointerTo gives the pointer to a member of the object at base (RFC 6901).
func pointerTo(base, name string) string {
	return base + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func (b *bodyReader) add(pointer, code, detail string) {
	if len(b.fields) < maxFields {
		b.fields = append(b.fields, fault.Body(bounded(pointer), code, "%s", detail))
	}
}

// wrong skips the next value and notes what it should have been.
func (b *bodyReader) wrong(detail string) error {
	if err := b.dec.SkipValue(); err != nil {
		return err
	}
	b.add(string(b.dec.StackPointer()), "wrong_type", detail)
	return nil
}

func (s *shape) read(b *bodyReader, into reflect.Value) error {
	if kind := b.dec.PeekKind(); kind != '{' {
		return b.wrong("An object.")
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	var seen []string
	for b.dec.PeekKind() == '"' {
		token, err := b.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		m, known := s.members[name]
		if !known {
			b.add(string(b.dec.StackPointer()), "unknown", "There is no such member here.")
			if err := b.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		seen = append(seen, name)
		if err := m.read(b, into.FieldByIndex(m.at)); err != nil {
			return err
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	for _, name := range s.required {
		if !slices.Contains(seen, name) {
			b.add(pointerTo(string(b.dec.StackPointer()), name), "required", "This member is needed.")
		}
	}
	return nil
}

func readRaw(b *bodyReader, into reflect.Value) error {
	value, err := b.dec.ReadValue()
	if err != nil {
		return err
	}
	value = value.Clone()
	// Takes out white space and nothing else: order, numbers and escapes stay.
	if err := value.Compact(); err != nil {
		return err
	}
	into.SetBytes(value)
	return nil
}

func readString(b *bodyReader, into reflect.Value) error {
	if b.dec.PeekKind() != '"' {
		return b.wrong("A string.")
	}
	token, err := b.dec.ReadToken()
	if err != nil {
		return err
	}
	into.SetString(token.String())
	return nil
}

func readBool(b *bodyReader, into reflect.Value) error {
	if kind := b.dec.PeekKind(); kind != 't' && kind != 'f' {
		return b.wrong("true or false.")
	}
	token, err := b.dec.ReadToken()
	if err != nil {
		return err
	}
	into.SetBool(token.Bool())
	return nil
}

func readTime(b *bodyReader, into reflect.Value) error {
	const want = "A time, as in RFC 3339: 2030-01-31T12:00:00Z."
	if b.dec.PeekKind() != '"' {
		return b.wrong(want)
	}
	token, err := b.dec.ReadToken()
	if err != nil {
		return err
	}
	if at, ok := timeOf(token.String()); ok {
		into.Set(reflect.ValueOf(at))
	} else {
		b.add(string(b.dec.StackPointer()), "malformed", want)
	}
	return nil
}

// rfc3339 is what time.Parse doesn't check: it takes an hour of one digit, a comma, and an offset of a day.
var rfc3339 = regexp.MustCompile(`T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):\d\d)$`)

// timeOf reads a time to the microsecond. The zero time is none: it is how an absent one is known.
func timeOf(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	at = at.UTC().Truncate(time.Microsecond)
	return at, err == nil && rfc3339.MatchString(text) && at.After(time.Time{}) && at.Year() <= 9999
}

// readInt64 takes an integer, or the same as a string, for clients whose numbers are doubles.
func readInt64(b *bodyReader, into reflect.Value) error {
	const want = "An integer, or a string of its decimal digits."
	if kind := b.dec.PeekKind(); kind != '0' && kind != '"' {
		return b.wrong(want)
	}
	token, err := b.dec.ReadToken()
	if err != nil {
		return err
	}
	text := token.String()
	pointer := string(b.dec.StackPointer())
	if !integer(text) {
		b.add(pointer, "wrong_type", want)
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		into.SetInt(n)
	} else {
		b.add(pointer, "out_of_range", "An integer of at most 64 bits.")
	}
	return nil
}

// integer tells whether the text is a JSON number without fraction and exponent.
func integer(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] == '0' && len(digits) > 1 {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// readMap takes an object whose members may have any names.
func readMap(t reflect.Type, read reading) reading {
	return func(b *bodyReader, into reflect.Value) error {
		if b.dec.PeekKind() != '{' {
			return b.wrong("An object.")
		}
		if _, err := b.dec.ReadToken(); err != nil {
			return err
		}
		into.Set(reflect.MakeMap(t))
		for b.dec.PeekKind() == '"' {
			token, err := b.dec.ReadToken()
			if err != nil {
				return err
			}
			name := token.String()
			element := reflect.New(t.Elem()).Elem()
			if err := read(b, element); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(name), element)
		}
		_, err := b.dec.ReadToken()
		return err
	}
}

func readSlice(read reading) reading {
	return func(b *bodyReader, into reflect.Value) error {
		if b.dec.PeekKind() != '[' {
			return b.wrong("An array.")
		}
		if _, err := b.dec.ReadToken(); err != nil {
			return err
		}
		into.Set(reflect.MakeSlice(into.Type(), 0, 0))
		for b.dec.PeekKind() != ']' {
			element := reflect.New(into.Type().Elem()).Elem()
			if err := read(b, element); err != nil {
				return err
			}
			into.Set(reflect.Append(into, element))
		}
		_, err := b.dec.ReadToken()
		return err
	}
}
