package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type batchBody struct {
	Operations []batchOperation `json:"operations" doc:"Done in their order: later ones see what earlier ones did. GET /v1/limits tells how many there may be."`
}

// rawList is a JSON array that is taken as it stands.
type rawList jsontext.Value

var rawListType = reflect.TypeFor[rawList]()

type batchOperation struct {
	Player      string          `json:"player,omitempty" doc:"Whose document, by id. Only for POST /v1/documents:batch; absent there is a shared document."`
	Collection  string          `json:"collection"`
	Key         string          `json:"key"`
	Put         *documentBody   `json:"put,omitempty" doc:"Replace the whole document, as PUT does. Every operation has exactly one of put, merge, patch, increments and delete."`
	Merge       jsontext.Value  `json:"merge,omitempty" doc:"Apply a merge patch (RFC 7396)."`
	Patch       rawList         `json:"patch,omitempty" doc:"Apply a JSON patch (RFC 6902)."`
	Increments  []incrementStep `json:"increments,omitempty" doc:"Count."`
	Delete      bool            `json:"delete,omitzero" doc:"true: delete."`
	IfMatch     *int64          `json:"if_match,omitempty" doc:"Go on only if this is the current version."`
	IfNoneMatch string          `json:"if_none_match,omitempty" enum:"*" doc:"*: go on only if there is none."`
}

// batchResult is what one operation did.
type batchResult struct {
	Status   string    `json:"status" enum:"created,updated,deleted"`
	Version  int64     `json:"version" doc:"The new version; of a deletion the one it took."`
	Values   []int64   `json:"values,omitempty" doc:"What each increment led to."`
	Document *document `json:"document,omitempty" doc:"What the document is now, without its value unless that was asked for; absent of what was deleted. What doesn't fit in page_bytes comes without."`
}

// batchResults has one item for each operation, in their order.
type batchResults struct {
	Items []batchResult `json:"items"`
}

type (
	batchQuery struct {
		Values bool `query:"values" doc:"true: answer with the values of the documents, of the first ones as many as fit in page_bytes."`
	}
	playerBatch struct {
		playerPath
		batchQuery
		Body batchBody
	}
	environmentBatch struct {
		batchQuery
		Body batchBody
	}
)

func batchRoutes(o Options) []route {
	h := documentHandlers{o}
	at := func(path, id, summary, whose string) route {
		return route{
			Method: http.MethodPost, Path: path, ID: id, Tag: "Documents", Class: limits.Write, Summary: summary,
			Description: whose + " All operations are done, or none: then the problem is that of the first that failed, its pointer begins with /operations/ and the operation's place, " +
				"and of a missed precondition it carries the current document.",
		}
	}
	return []route{
		change(at("/v1/players/{player}/documents:batch", "batchPlayerDocuments", "Write several documents of a player", "Of one player."),
			runtime(player(), serverToken(tenancy.DocumentsWrite), secretKey(tenancy.DocumentsWrite)), batchResultsOf,
			func(ctx context.Context, c *call, in *playerBatch, tell once.Effect[[]storage.Outcome]) ([]storage.Outcome, error) {
				owner, err := in.owner(c)
				if err != nil {
					return nil, err
				}
				return h.batch(ctx, c, in.Body.Operations, tell, func(op batchOperation) (storage.Owner, *fault.Field) {
					if op.Player != "" {
						f := fault.Body("/player", "not_allowed", "Here the path says whose documents they are.")
						return "", &f
					}
					return owner, nil
				})
			}),
		change(at("/v1/documents:batch", "batchDocuments", "Write documents of several owners", "Of any players, and shared ones."),
			runtime(serverToken(tenancy.DocumentsWrite), secretKey(tenancy.DocumentsWrite)), batchResultsOf,
			func(ctx context.Context, c *call, in *environmentBatch, tell once.Effect[[]storage.Outcome]) ([]storage.Outcome, error) {
				return h.batch(ctx, c, in.Body.Operations, tell, func(op batchOperation) (storage.Owner, *fault.Field) {
					if op.Player == "" {
						return storage.Shared, nil
					}
					id, ok := canonicalID(op.Player)
					if !ok {
						f := fault.Body("/player", "malformed", "A player's id.")
						return "", &f
					}
					return storage.Owner(id), nil
				})
			}),
	}
}

func (h documentHandlers) batch(
	ctx context.Context, c *call, operations []batchOperation, tell once.Effect[[]storage.Outcome], owner func(batchOperation) (storage.Owner, *fault.Field),
) ([]storage.Outcome, error) {
	if most := h.Limits.BatchOperations; len(operations) < 1 || len(operations) > most {
		return nil, fault.ErrInvalid.WithFields(fault.Body("/operations", "out_of_range", "From 1 to %d operations.", most))
	}
	changes := make([]storage.Change, len(operations))
	var fields []fault.Field
	for i, op := range operations {
		change, faults := op.change(owner)
		changes[i] = change
		for _, f := range faults {
			f.In, f.Pointer = "body", operationPointer(i)+f.Pointer
			if len(fields) < maxFields {
				fields = append(fields, f)
			}
		}
	}
	if len(fields) > 0 {
		return nil, fault.ErrInvalid.WithFields(fields...)
	}
	done, err := h.Documents.WriteAll(ctx, c.principal, changes, tell)
	var refused *documents.Refused
	if errors.As(err, &refused) {
		return nil, operations[refused.Change].refuse(refused)
	}
	return done, err
}

func batchResultsOf(c *call, done []storage.Outcome) *batchResults {
	values := c.query.Get("values") == "true" // as batchQuery has it
	reply := &batchResults{Items: make([]batchResult, len(done))}
	bytes := 0
	for i, one := range done {
		bytes += one.Document.Size()
		reply.Items[i] = batchResultOf(one, values && (bytes <= c.api.Limits.PageBytes || i == 0))
	}
	return reply
}

func operationPointer(i int) string { return fmt.Sprintf("/operations/%d", i) }

// change reads one operation; its faults point into it.
func (op batchOperation) change(owner func(batchOperation) (storage.Owner, *fault.Field)) (storage.Change, []fault.Field) {
	var change storage.Change
	var fields []fault.Field
	whose, wrong := owner(op)
	if wrong != nil {
		fields = append(fields, *wrong)
	}
	var err error
	if change.Ref, err = storage.NewRef(whose, op.Collection, op.Key); err != nil {
		var f *fault.Fault
		if errors.As(err, &f) {
			fields = append(fields, f.Fields...)
		}
	}
	edits := op.edits()
	if len(edits) == 1 {
		change.Edit = edits[0]
	} else {
		fields = append(fields, fault.Body("", "exactly_one", "Exactly one of put, merge, patch, increments and delete."))
	}
	if op.IfMatch != nil {
		change.Precondition.Versions = []int64{*op.IfMatch}
	}
	if change.Precondition.Absent = op.IfNoneMatch == "*"; !change.Precondition.Absent && op.IfNoneMatch != "" {
		fields = append(fields, fault.Body("/if_none_match", "malformed", "The one choice is *."))
	}
	return change, fields
}

func (op batchOperation) edits() []storage.Edit {
	var edits []storage.Edit
	if op.Put != nil {
		edits = append(edits, op.Put.draft())
	}
	if op.Merge != nil {
		edits = append(edits, storage.MergePatch(op.Merge))
	}
	if op.Patch != nil {
		edits = append(edits, storage.JSONPatch(op.Patch))
	}
	if op.Increments != nil {
		edits = append(edits, incrementBody{op.Increments}.steps())
	}
	if op.Delete {
		edits = append(edits, storage.Removal{})
	}
	return edits
}

// refuse says where in the body the reason lies.
func (op batchOperation) refuse(refused *documents.Refused) error {
	var f *fault.Fault
	if !errors.As(refused.Err, &f) {
		return refused.Err
	}
	at := operationPointer(refused.Change)
	whole := at
	if len(f.Fields) == 0 {
		return f.WithFields(fault.Body(at, f.Code[strings.LastIndexByte(f.Code, '.')+1:], "%s", f.Detail))
	}
	switch {
	case op.Put != nil:
		at += "/put"
	case op.Merge != nil:
		at += "/merge"
	case op.Patch != nil:
		at += "/patch"
	case op.Increments != nil:
		at += "/increments"
	}
	return underIn(storage.InDocument, whole, under(at, f))
}

func batchResultOf(done storage.Outcome, values bool) batchResult {
	result := batchResult{Status: "updated", Version: done.Document.Version, Values: done.Sums}
	switch {
	case done.Document.Deleted:
		result.Status = "deleted"
		return result
	case done.Created:
		result.Status = "created"
	}
	result.Document = documentOf(done.Document)
	if !values {
		result.Document.Value = nil
	}
	return result
}
