package jsonschema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/overworldhq/overworld/ports/schema"
)

// judge is a compiled schema. It judges one value at a time, because what it
// counts is of one.
type judge struct {
	mu       sync.Mutex
	compiled *jsonschema.Schema
	work     *work
}

var _ schema.Schema = (*judge)(nil)

func (j *judge) Judge(value []byte, most int) ([]schema.Violation, error) {
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return nil, fmt.Errorf("read value: %w", err)
	}
	found := checkNumbers(decoded, nil)
	if len(found) == 0 {
		if found, err = j.validate(decoded); err != nil {
			return nil, err
		}
	}
	found = sorted(found)
	return found[:min(len(found), most)], nil
}

// validate runs the library, which can't be stopped but by a panic.
func (j *judge) validate(value any) (found []schema.Violation, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case spent:
			found, err = nil, schema.ErrTooCostly
		default:
			found, err = nil, fmt.Errorf("judge value: %v", reason)
		}
	}()
	j.work.left = steps
	var broken *jsonschema.ValidationError
	switch err := j.compiled.Validate(value); {
	case err == nil:
		return nil, nil
	case errors.As(err, &broken):
		return flatten(broken), nil
	default:
		return nil, fmt.Errorf("judge value: %w", err)
	}
}

// Bounds of numbers that are computed with.
const (
	maxDigits = 400
	maxPower  = 400
)

// checkNumbers adds the numbers that are too long or too large to what was found.
func checkNumbers(value any, found []schema.Violation) []schema.Violation {
	var look func(value any, at []string)
	look = func(value any, at []string) {
		switch v := value.(type) {
		case map[string]any:
			for name, member := range v {
				look(member, append(at, name))
			}
		case []any:
			for i, item := range v {
				look(item, append(at, strconv.Itoa(i)))
			}
		case json.Number:
			if !sane(v.String()) {
				found = append(found, schema.Violation{
					Pointer: pointer(at), Code: "number", Detail: fmt.Sprintf("At most %d digits, and a power from -%d to %d.", maxDigits, maxPower, maxPower),
				})
			}
		}
	}
	look(value, nil)
	return found
}

func sane(number string) bool {
	digits, power, has := strings.Cut(strings.ToLower(number), "e")
	if len(digits) > maxDigits {
		return false
	}
	if !has {
		return true
	}
	n, err := strconv.Atoi(power)
	return err == nil && n >= -maxPower && n <= maxPower
}

// pointer writes a place as an RFC 6901 JSON pointer.
func pointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// sorted puts violations in an order that doesn't depend on that of maps, each once.
func sorted(found []schema.Violation) []schema.Violation {
	slices.SortFunc(found, func(a, b schema.Violation) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Detail, b.Detail))
	})
	return slices.Compact(found)
}
