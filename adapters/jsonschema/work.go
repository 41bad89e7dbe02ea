package jsonschema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// steps is the work spent on one value: evaluations of a subschema, in round
	// figures, of about half a microsecond each.
	steps = 250_000
	// program is the most instructions of a regular expression.
	program = 2000
	// matching is how many instructions over bytes are a step.
	matching = 500
	// wide is how many members or items of a value are a step.
	wide = 16
)

// work counts the steps of one judgement. Whoever judges holds the lock of it.
type work struct{ left int }

// spent ends a judgement, through the library that has no other way out.
type spent struct{}

func (w *work) spend(steps int) {
	if w.left -= steps; w.left < 0 {
		panic(spent{})
	}
}

// step is told of every schema object, and counts its evaluations.
func (w *work) step(object map[string]any) jsonschema.SchemaExt {
	s := &step{work: w}
	if list, ok := object[listed].([]any); ok {
		s.listed = list
		s.scalars = map[string]bool{}
		for _, item := range list {
			if name, ok := scalar(item); ok {
				s.scalars[name] = true
			} else {
				s.others = append(s.others, item)
			}
		}
	}
	return s
}

// step is what every schema object does besides what it says: it counts, and
// looks long lists up rather than through.
type step struct {
	work    *work
	listed  []any
	scalars map[string]bool
	others  []any
}

func (s *step) Validate(ctx *jsonschema.ValidatorContext, value any) {
	cost := 1
	switch v := value.(type) {
	case map[string]any:
		cost += len(v) / wide
	case []any:
		cost += len(v) / wide
	}
	s.work.spend(cost)
	if s.listed != nil && !s.lists(ctx, value) {
		ctx.AddError(&kind.Enum{Want: s.listed})
	}
}

func (s *step) lists(ctx *jsonschema.ValidatorContext, value any) bool {
	if name, ok := scalar(value); ok {
		return s.scalars[name]
	}
	s.work.spend(len(s.others))
	for _, other := range s.others {
		if same, err := ctx.Equals(value, other); err == nil && same {
			return true
		}
	}
	return false
}

// scalar names a value that is no array and no object, equal ones alike.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "null", true
	case bool:
		return fmt.Sprint(v), true
	case string:
		return `"` + v, true
	case json.Number:
		if n, ok := new(big.Rat).SetString(v.String()); ok {
			return n.RatString(), true
		}
	}
	return "", false
}

// expression is a regular expression whose matching is counted.
type expression struct {
	*regexp.Regexp
	work         *work
	instructions int
}

func (e expression) MatchString(s string) bool {
	e.work.spend(len(s) * e.instructions / matching)
	return e.Regexp.MatchString(s)
}

// regexp compiles an expression, if it isn't too large.
func (w *work) regexp(text string) (jsonschema.Regexp, error) {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	compiled, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(compiled.Inst) > program {
		return nil, fmt.Errorf("%d instructions are too many", len(compiled.Inst))
	}
	expr, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	return expression{expr, w, len(compiled.Inst)}, nil
}
