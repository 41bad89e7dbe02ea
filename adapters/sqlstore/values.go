package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// ident is text that things are found by. Text that no engine can store (a NUL,
// broken UTF-8) becomes NULL, which equals nothing and which no identifier's
// column takes: it is never mended into someone else's identifier.
type ident string

var _ schema.QueryAppender = ident("")

func (i ident) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if !i.storable() {
		return dialect.AppendNull(b), nil
	}
	return gen.Dialect().AppendString(b, string(i)), nil
}

// argument is a value as an argument of a prepared statement: what its AppendQuery
// writes into the text of another.
func argument(value any) any {
	switch v := value.(type) {
	case ident:
		if !v.storable() {
			return nil
		}
		return string(v)
	case prose:
		return v.clean()
	case rankKey:
		return []byte(v)
	case instant:
		if v.IsZero() {
			return nil
		}
		// As it is written: in whole microseconds, and not rounded.
		return v.UTC().Truncate(time.Microsecond)
	}
	return value
}

func (i ident) storable() bool {
	return strings.IndexByte(string(i), 0) < 0 && utf8.ValidString(string(i))
}

// prose is text that is only shown. What no engine can store is replaced.
type prose string

var _ schema.QueryAppender = prose("")

func (p prose) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	return gen.Dialect().AppendString(b, p.clean()), nil
}

func (p prose) clean() string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(p), "\uFFFD"), "\x00", "\uFFFD")
}

// instant is a time in UTC and whole microseconds; the zero time is NULL.
// PostgreSQL keeps it as timestamptz, SQLite as microseconds since 1970.
type instant struct{ time.Time }

var (
	_ schema.QueryAppender = instant{}
	_ sql.Scanner          = (*instant)(nil)
)

func at(t time.Time) instant { return instant{t} }

func (i instant) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	switch {
	case i.Time.IsZero():
		return dialect.AppendNull(b), nil
	case gen.Dialect().Name() == dialect.SQLite:
		return fmt.Appendf(b, "%d", i.UnixMicro()), nil
	default:
		return i.UTC().AppendFormat(b, "TIMESTAMPTZ '2006-01-02 15:04:05.000000+00'"), nil
	}
}

// Scan reads either engine's form.
func (i *instant) Scan(source any) error {
	switch v := source.(type) {
	case nil:
		i.Time = time.Time{}
	case int64:
		i.Time = time.UnixMicro(v).UTC()
	case time.Time:
		i.Time = v.UTC()
	default:
		return fmt.Errorf("a time came as %T", source)
	}
	return nil
}

// jsonText is a small value kept as JSON text. A nil map or slice is NULL.
type jsonText[T any] struct{ Value T }

var (
	_ schema.QueryAppender = jsonText[any]{}
	_ sql.Scanner          = (*jsonText[any])(nil)
)

func (j jsonText[T]) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	text, err := json.Marshal(j.Value)
	switch {
	case err != nil:
		return nil, err
	case string(text) == "null":
		return dialect.AppendNull(b), nil
	}
	return gen.Dialect().AppendString(b, string(text)), nil
}

// Scan reads the text; NULL is the zero value.
func (j *jsonText[T]) Scan(source any) error {
	var zero T
	j.Value = zero
	switch v := source.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), &j.Value)
	case []byte:
		return json.Unmarshal(v, &j.Value)
	}
	return fmt.Errorf("JSON came as %T", source)
}

// successor gives the least text that is greater, bytewise, than every text
// beginning with prefix; false when there is none.
func successor(prefix string) (string, bool) {
	runes := []rune(prefix)
	for len(runes) > 0 {
		last := len(runes) - 1
		switch {
		case runes[last] == utf8.MaxRune:
			runes = runes[:last]
			continue
		case runes[last] == 0xD7FF:
			runes[last] = 0xE000 // UTF-8 has no surrogates
		default:
			runes[last]++
		}
		return string(runes), true
	}
	return "", false
}
