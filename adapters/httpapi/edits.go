package httpapi

import (
	"context"
	"errors"
	"slices"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
)

// The media types of patches.
const (
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
)

// patchBody is a patch of either kind. Embed it in the route's input.
type patchBody struct {
	Body rawBody `media:"application/merge-patch+json application/json-patch+json"`
}

type incrementBody struct {
	Increments []incrementStep `json:"increments" doc:"Done in their order; GET /v1/limits tells how many there may be."`
}

type incrementStep struct {
	Path string `json:"path" doc:"A JSON pointer (RFC 6901) to an integer, or to a member that isn't there yet."`
	By   int64  `json:"by" doc:"What to add; negative to take away."`
	Min  *int64 `json:"min,omitempty" doc:"The least that the sum may be."`
	Max  *int64 `json:"max,omitempty" doc:"The most that the sum may be."`
}

// incremented is the reply to an increment.
type incremented struct {
	Values   []int64   `json:"values" doc:"What each increment led to, in their order."`
	Document *document `json:"document"`
}

type (
	playerDocumentPatch struct {
		playerDocument
		ifMatch
		ifNoneMatch
		patchBody
	}
	sharedDocumentPatch struct {
		sharedDocument
		ifMatch
		ifNoneMatch
		patchBody
	}
	playerDocumentIncrement struct {
		playerDocument
		ifMatch
		ifNoneMatch
		Body incrementBody
	}
	sharedDocumentIncrement struct {
		sharedDocument
		ifMatch
		ifNoneMatch
		Body incrementBody
	}
)

func (b documentBody) draft() storage.Draft {
	return storage.Draft{Value: b.Value, Read: storage.Access(b.Read), Write: storage.Access(b.Write)}
}

func (b incrementBody) steps() storage.Steps {
	steps := make(storage.Steps, len(b.Increments))
	for i, step := range b.Increments {
		steps[i] = storage.Step{Path: step.Path, By: step.By, Min: step.Min, Max: step.Max}
	}
	return steps
}

// write does one edit of one document.
func (h documentHandlers) write(
	ctx context.Context, c *call, whose owned, name documentName, edit storage.Edit, tell once.Effect[storage.Outcome],
) (storage.Outcome, error) {
	ref, err := h.ref(c, whose, name)
	if err != nil {
		return storage.Outcome{}, err
	}
	pre, err := c.precondition()
	if err != nil {
		return storage.Outcome{}, err
	}
	return h.Documents.Write(ctx, c.principal, storage.Change{Ref: ref, Precondition: pre, Edit: edit}, tell)
}

func (h documentHandlers) patch(ctx context.Context, c *call, whose owned, name documentName, body rawBody, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
	var edit storage.Edit = storage.MergePatch(body.Value)
	if body.Media == jsonPatch {
		edit = storage.JSONPatch(body.Value)
	}
	return h.write(ctx, c, whose, name, edit, tell)
}

func (h documentHandlers) increment(ctx context.Context, c *call, whose owned, name documentName, body incrementBody, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
	done, err := h.write(ctx, c, whose, name, body.steps(), tell)
	return done, under("/increments", err)
}

func (h documentHandlers) delete(ctx context.Context, c *call, whose owned, name documentName, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
	return h.write(ctx, c, whose, name, storage.Removal{}, tell)
}

// written shows the document that a write left, and says what it is to HTTP.
func written(c *call, done storage.Outcome) *document {
	if done.Created {
		c.created()
	}
	c.tag = versionTag(done.Document.Version)
	return documentOf(done.Document)
}

func counted(c *call, done storage.Outcome) *incremented {
	return &incremented{Values: done.Sums, Document: written(c, done)}
}

func removed(*call, storage.Outcome) *nothing { return &nothing{} }

// under says of the members of a part of the body where in the body they are.
func under(pointer string, err error) error { return underIn("body", pointer, err) }

// underIn is under for members of another place.
func underIn(in, pointer string, err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Fields) == 0 {
		return err
	}
	fields := slices.Clone(f.Fields)
	for i, field := range fields {
		if field.In == in {
			fields[i].Pointer = pointer + field.Pointer
		}
	}
	return f.WithFields(fields...)
}
