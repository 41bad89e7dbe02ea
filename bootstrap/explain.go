package bootstrap

import (
	"errors"
	"strings"

	"github.com/overworldhq/overworld/domain/fault"
)

// explain says on a terminal what went wrong: a fault in its own sentence, with
// each member at fault on a line; and of what is away or broken what lies behind
// it, which the API would keep to its log.
func explain(err error) string {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err.Error()
	}
	cause := errors.Unwrap(f)
	// That a request needs what is away says nothing where there is none.
	if (f.Kind == fault.Internal || f.Is(fault.ErrUnavailable)) && cause != nil {
		return cause.Error()
	}
	text := strings.TrimSuffix(f.Detail, ".")
	if f.Is(fault.ErrInvalid) && len(f.Fields) > 0 {
		text = "this breaks a rule" // there are no members of a request here
	}
	for _, field := range f.Fields {
		text += "\n  "
		if member := strings.TrimPrefix(field.Pointer, "/"); member != "" {
			text += member + ": "
		}
		text += field.Detail
	}
	if cause != nil && f.Kind == fault.Unavailable {
		text += ": " + cause.Error()
	}
	return text
}
