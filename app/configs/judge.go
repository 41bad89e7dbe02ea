package configs

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/schema"
)

// judged is how many faults of one value are told.
const judged = 100

// CheckSchema is fault.ErrInvalid, with fields under /schema, unless a schema can be
// used; nil is none.
func (u *UseCases) CheckSchema(text []byte) error {
	if text == nil || len(text) > u.parts.Limits.SchemaBytes {
		return nil // the domain tells of its size
	}
	_, err := u.parts.Compiler.Compile(text)
	var invalid *schema.Invalid
	if errors.As(err, &invalid) {
		return fault.ErrInvalid.WithFields(fields("/schema", invalid.Violations)...)
	}
	if err != nil {
		return fmt.Errorf("compile schema: %w", err)
	}
	return nil
}

// Judge refuses a bundle that the config may not release: one that breaks its
// schema, or whose bytes are not there and whole as far as they are read here.
func (u *UseCases) Judge(ctx context.Context, config configuration.Config, bundle configuration.Bundle) error {
	if !u.Inline(bundle) {
		if config.Schema != nil {
			return configuration.ErrNotChecked.With("The bundle %s is %s of %d bytes; a schema judges application/json of at most %d.",
				bundle.Hash, bundle.ContentType, bundle.Size, u.parts.Limits.ConfigValueBytes)
		}
		object, err := u.open(ctx, bundle, 0, 0)
		if err != nil {
			return err
		}
		return object.Content.Close()
	}
	value, err := u.Bytes(ctx, bundle)
	if err != nil || config.Schema == nil {
		return err
	}
	compiled, err := u.parts.Compiler.Compile(config.Schema)
	if err != nil {
		return fault.ErrInternal.Because(fmt.Errorf("schema of %s: %w", config.Name, err))
	}
	found, err := compiled.Judge(value, judged)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	faults := fields("", found)
	for i := range faults {
		faults[i].In = "bundle"
	}
	return configuration.ErrSchema.With("The bundle %s would break the schema of the config; each fault is listed under errors. Nothing was changed.", bundle.Hash).WithFields(faults...)
}

func fields(under string, found []schema.Violation) []fault.Field {
	all := make([]fault.Field, min(len(found), judged))
	for i := range all {
		all[i] = fault.Body(under+found[i].Pointer, found[i].Code, "%s", found[i].Detail)
	}
	return all
}
