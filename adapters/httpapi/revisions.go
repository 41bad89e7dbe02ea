package httpapi

import (
	"context"
	"math"
	"net/http"
	"strconv"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// revision is what a document was after one write.
type revision struct {
	*document
	Deleted bool `json:"deleted,omitzero" doc:"It was deleted by this write, and has no value."`
}

func revisionOf(d storage.Document) *revision { return &revision{documentOf(d), d.Deleted} }

type revisionsQuery struct {
	paging
	Values bool `query:"values" doc:"true: with values."`
}

type revisionVersion struct {
	Version int64 `path:"version" doc:"The document's version then."`
}

type (
	playerRevisions struct {
		playerDocument
		revisionsQuery
	}
	sharedRevisions struct {
		sharedDocument
		revisionsQuery
	}
	playerRevision struct {
		playerDocument
		revisionVersion
	}
	sharedRevision struct {
		sharedDocument
		revisionVersion
	}
	playerRevisionRestore struct {
		playerRevision
		ifMatch
		ifNoneMatch
	}
	sharedRevisionRestore struct {
		sharedRevision
		ifMatch
		ifNoneMatch
	}
)

func revisionRoutes(o Options) []route {
	reads := runtime(player(), serverToken(tenancy.DocumentsRead), secretKey(tenancy.DocumentsRead))
	writes := runtime(player(), serverToken(tenancy.DocumentsWrite), secretKey(tenancy.DocumentsWrite))
	h := documentHandlers{o}
	const (
		players   = "/v1/players/{player}/documents/{collection}/{key}/revisions"
		shared    = "/v1/documents/{collection}/{key}/revisions"
		one       = "/{version}"
		again     = "/{version}/restore"
		listing   = "The latest first: what the document is now, and what it was. GET /v1/limits tells how many are kept, document_revisions. Players see the history of their own documents only."
		reading   = "A revision that is not kept any more, or that the caller may not read, is not found."
		restoring = "Writes the value of the revision again, as a new version: 201 if the document had been deleted, else 200. Permissions stay what they are. If-Match and If-None-Match are as for PUT."
	)
	at := func(method, path, id, summary, description string) route {
		r := route{Method: method, Path: path, ID: id, Tag: "Documents", Class: limits.Read, Summary: summary, Description: description}
		if method == http.MethodPost {
			r.Class, r.Tagged, r.Statuses = limits.Write, true, []int{http.StatusOK, http.StatusCreated}
		}
		return r
	}
	return []route{
		define(at("GET", players, "listPlayerDocumentRevisions", "List what a player's document was", listing), reads,
			func(ctx context.Context, c *call, in *playerRevisions) (*list[*revision], error) {
				return h.revisions(ctx, c, in, in.documentName, in.revisionsQuery)
			}),
		define(at("GET", players+one, "getPlayerDocumentRevision", "Read what a player's document was", reading), reads,
			func(ctx context.Context, c *call, in *playerRevision) (*revision, error) {
				return h.revision(ctx, c, in, in.documentName, in.Version)
			}),
		change(at("POST", players+again, "restorePlayerDocument", "Restore a revision of a player's document", restoring), writes, written,
			func(ctx context.Context, c *call, in *playerRevisionRestore, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.restore(ctx, c, in, in.documentName, in.Version, tell)
			}),
		define(at("GET", shared, "listSharedDocumentRevisions", "List what a shared document was", listing), reads,
			func(ctx context.Context, c *call, in *sharedRevisions) (*list[*revision], error) {
				return h.revisions(ctx, c, in, in.documentName, in.revisionsQuery)
			}),
		define(at("GET", shared+one, "getSharedDocumentRevision", "Read what a shared document was", reading), reads,
			func(ctx context.Context, c *call, in *sharedRevision) (*revision, error) {
				return h.revision(ctx, c, in, in.documentName, in.Version)
			}),
		change(at("POST", shared+again, "restoreSharedDocument", "Restore a revision of a shared document", restoring+" Players can't."), writes, written,
			func(ctx context.Context, c *call, in *sharedRevisionRestore, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.restore(ctx, c, in, in.documentName, in.Version, tell)
			}),
	}
}

func (h documentHandlers) revisions(ctx context.Context, c *call, whose owned, name documentName, q revisionsQuery) (*list[*revision], error) {
	ref, err := h.ref(c, whose, name)
	if err != nil {
		return nil, err
	}
	limit, after, err := c.page(q.paging, 1)
	if err != nil {
		return nil, err
	}
	before := int64(math.MaxInt64)
	if after[0] != "" {
		if before, err = strconv.ParseInt(after[0], 10, 64); err != nil {
			return nil, errCursor
		}
	}
	found, err := h.Documents.Revisions(ctx, c.principal, storage.RevisionQuery{Ref: ref, Before: before, Values: q.Values, Limit: limit, Bytes: h.Limits.PageBytes})
	if err != nil {
		return nil, err
	}
	return pageWithin(c, limit, found, storage.Document.Size, revisionOf, func(d storage.Document) []string { return []string{versionTag(d.Version)} }), nil
}

func (h documentHandlers) revision(ctx context.Context, c *call, whose owned, name documentName, version int64) (*revision, error) {
	ref, err := h.ref(c, whose, name)
	if err != nil {
		return nil, err
	}
	d, err := h.Documents.Revision(ctx, c.principal, ref, version)
	if err != nil {
		return nil, err
	}
	return revisionOf(d), nil
}

func (h documentHandlers) restore(ctx context.Context, c *call, whose owned, name documentName, version int64, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
	ref, err := h.ref(c, whose, name)
	if err != nil {
		return storage.Outcome{}, err
	}
	pre, err := c.precondition()
	if err != nil {
		return storage.Outcome{}, err
	}
	return h.Documents.Restore(ctx, c.principal, ref, version, pre, tell)
}
