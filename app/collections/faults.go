package collections

import (
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/schema"
)

// refused says what is wrong with a schema.
func refused(err error) error {
	var invalid *schema.Invalid
	if errors.As(err, &invalid) {
		found := fields("/schema", invalid.Violations)
		return fault.ErrInvalid.WithFields(found[:min(len(found), Judged)]...)
	}
	return fmt.Errorf("compile schema: %w", err)
}

func fields(under string, found []schema.Violation) []fault.Field {
	all := make([]fault.Field, len(found))
	for i, v := range found {
		all[i] = fault.Body(under+v.Pointer, v.Code, "%s", v.Detail)
	}
	return all
}
