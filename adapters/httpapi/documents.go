package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// document is a document as the API shows it.
type document struct {
	Owner      string         `json:"owner,omitempty" doc:"The player whose it is; absent when it is shared."`
	Shared     bool           `json:"shared,omitzero" doc:"It belongs to no player."`
	Collection string         `json:"collection"`
	Key        string         `json:"key"`
	Value      jsontext.Value `json:"value,omitzero" doc:"A JSON object, as it was written; absent in lists that don't ask for values."`
	Version    int64          `json:"version" doc:"Grows with each write and is never used again, not even after a delete. It is the ETag."`
	Read       string         `json:"read" enum:"owner,public,server"`
	Write      string         `json:"write" enum:"owner,server"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
}

func documentOf(d storage.Document) *document {
	return &document{
		Owner: string(d.Owner), Shared: d.Owner == storage.Shared, Collection: d.Collection, Key: d.Key, Value: d.Value,
		Version: d.Version, Read: string(d.Read), Write: string(d.Write), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
}

type documentBody struct {
	Value jsontext.Value `json:"value" doc:"A JSON object. Numbers and the order of members are kept as they are."`
	Read  string         `json:"read,omitempty" enum:"owner,public,server" doc:"Who may read: its player, every player, or only servers and operators. Absent keeps what it was; a new document is owner's, a shared one public."`
	Write string         `json:"write,omitempty" enum:"owner,server" doc:"Who may write: its player as well, or only servers and operators. Absent keeps what it was; a new document is owner's, a shared one server's."`
}

// documentName is the rest of a document's path. Embed it in the route's input.
type documentName struct {
	Collection string `path:"collection" doc:"1 to 64 letters, digits, and _ - ."`
	Key        string `path:"key" doc:"1 to 128 letters, digits, and _ - . ~ @ + ="`
}

type listQuery struct {
	paging
	Collection string `query:"collection" doc:"Only this collection."`
	Prefix     string `query:"prefix" doc:"Only keys that begin so; in one collection."`
	Values     bool   `query:"values" doc:"true: with values. Without, only what is known about each document."`
}

// owned is whose documents a path means.
type owned interface {
	owner(c *call) (storage.Owner, error)
}

func (p playerPath) owner(c *call) (storage.Owner, error) {
	id, err := p.id(c)
	return storage.Owner(id), err
}

// sharedPath is the path of documents that belong to no player. Embed it in the route's input.
type sharedPath struct{}

func (sharedPath) owner(*call) (storage.Owner, error) { return storage.Shared, nil }

// The inputs of the two families of routes: players' documents and shared ones.
type (
	playerDocument struct {
		playerPath
		documentName
	}
	sharedDocument struct {
		sharedPath
		documentName
	}
	playerDocumentPut struct {
		playerDocument
		ifMatch
		ifNoneMatch
		Body documentBody
	}
	sharedDocumentPut struct {
		sharedDocument
		ifMatch
		ifNoneMatch
		Body documentBody
	}
	playerDocumentDelete struct {
		playerDocument
		ifMatch
	}
	sharedDocumentDelete struct {
		sharedDocument
		ifMatch
	}
	playerDocumentList struct {
		playerPath
		listQuery
	}
	sharedDocumentList struct {
		sharedPath
		listQuery
	}
)

func documentRoutes(o Options) []route {
	reads := runtime(player(), serverToken(tenancy.DocumentsRead), secretKey(tenancy.DocumentsRead))
	writes := runtime(player(), serverToken(tenancy.DocumentsWrite), secretKey(tenancy.DocumentsWrite))
	h := documentHandlers{o}

	const one, many, sums = "/{collection}/{key}", "", "/{collection}/{key}/increment"
	at := func(method, base, rest, id, summary, description string) route {
		r := route{Method: method, Path: base + rest, ID: id, Tag: "Documents", Class: limits.Write, Summary: summary, Description: description}
		if method == http.MethodGet {
			r.Class, r.Tagged = limits.Read, rest == one
		}
		switch method {
		case http.MethodPut, http.MethodPatch, http.MethodPost:
			r.Tagged, r.Statuses = true, []int{http.StatusOK, http.StatusCreated}
		case http.MethodDelete:
			r.Statuses = []int{http.StatusNoContent}
		}
		return r
	}
	const (
		players = "/v1/players/{player}/documents"
		shared  = "/v1/documents"
		getting = "A document that the caller may not read is not found."
		putting = "Makes the document (201) or replaces the whole of it (200). With If-Match it is replaced only while it has the version you know; " +
			"with If-None-Match: * it is made only if there is none. A miss is 412 and carries the current document."
		patching = "With Content-Type application/merge-patch+json (RFC 7396) members replace those of the value and null removes; where there is no document it makes one (201). " +
			"With application/json-patch+json (RFC 6902) operations are done in their order, all or none; where there is no document it is 404. Permissions stay what they are. " +
			"If-Match and If-None-Match are as for PUT; without them the patch applies to whatever is there, and two at once both count."
		counting = "Adds to integers of the value, each at a JSON pointer: all or none, exact, and never lost to another writer. A member that isn't there counts as 0; where there is no document it makes one (201). " +
			"A sum outside min and max is 409 and changes nothing, so that a purchase can't go below nothing."
		deleting = "Its version is never used again: a document made later under the same key goes on from it."
		listing  = "By collection and key, those that the caller may read. Deleted ones are not listed."
	)
	return []route{
		define(at("GET", players, one, "getPlayerDocument", "Read a player's document", getting), reads,
			func(ctx context.Context, c *call, in *playerDocument) (*document, error) {
				return h.get(ctx, c, in, in.documentName)
			}),
		change(at("PUT", players, one, "putPlayerDocument", "Write a player's document", putting), writes, written,
			func(ctx context.Context, c *call, in *playerDocumentPut, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.put(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("PATCH", players, one, "patchPlayerDocument", "Change parts of a player's document", patching), writes, written,
			func(ctx context.Context, c *call, in *playerDocumentPatch, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.patch(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("POST", players, sums, "incrementPlayerDocument", "Count in a player's document", counting), writes, counted,
			func(ctx context.Context, c *call, in *playerDocumentIncrement, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.increment(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("DELETE", players, one, "deletePlayerDocument", "Delete a player's document", deleting), writes, removed,
			func(ctx context.Context, c *call, in *playerDocumentDelete, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.delete(ctx, c, in, in.documentName, tell)
			}),
		define(at("GET", players, many, "listPlayerDocuments", "List a player's documents", listing), reads,
			func(ctx context.Context, c *call, in *playerDocumentList) (*list[*document], error) {
				return h.list(ctx, c, in, in.listQuery)
			}),
		define(at("GET", shared, one, "getSharedDocument", "Read a shared document", getting), reads,
			func(ctx context.Context, c *call, in *sharedDocument) (*document, error) {
				return h.get(ctx, c, in, in.documentName)
			}),
		change(at("PUT", shared, one, "putSharedDocument", "Write a shared document", putting+" Players can't write shared documents."), writes, written,
			func(ctx context.Context, c *call, in *sharedDocumentPut, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.put(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("PATCH", shared, one, "patchSharedDocument", "Change parts of a shared document", patching+" Players can't change shared documents."), writes, written,
			func(ctx context.Context, c *call, in *sharedDocumentPatch, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.patch(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("POST", shared, sums, "incrementSharedDocument", "Count in a shared document", counting+" Players can't change shared documents."), writes, counted,
			func(ctx context.Context, c *call, in *sharedDocumentIncrement, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.increment(ctx, c, in, in.documentName, in.Body, tell)
			}),
		change(at("DELETE", shared, one, "deleteSharedDocument", "Delete a shared document", deleting+" Players can't delete shared documents."), writes, removed,
			func(ctx context.Context, c *call, in *sharedDocumentDelete, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
				return h.delete(ctx, c, in, in.documentName, tell)
			}),
		define(at("GET", shared, many, "listSharedDocuments", "List shared documents", listing), reads,
			func(ctx context.Context, c *call, in *sharedDocumentList) (*list[*document], error) {
				return h.list(ctx, c, in, in.listQuery)
			}),
	}
}

type documentHandlers struct{ Options }

func (h documentHandlers) ref(c *call, whose owned, name documentName) (storage.Ref, error) {
	owner, err := whose.owner(c)
	if err != nil {
		return storage.Ref{}, err
	}
	return storage.NewRef(owner, name.Collection, name.Key)
}

func (h documentHandlers) get(ctx context.Context, c *call, whose owned, name documentName) (*document, error) {
	ref, err := h.ref(c, whose, name)
	if err != nil {
		return nil, err
	}
	d, err := h.Documents.Get(ctx, c.principal, ref)
	if err != nil {
		return nil, err
	}
	c.tag = versionTag(d.Version)
	return documentOf(d), nil
}

func (h documentHandlers) put(ctx context.Context, c *call, whose owned, name documentName, body documentBody, tell once.Effect[storage.Outcome]) (storage.Outcome, error) {
	return h.write(ctx, c, whose, name, body.draft(), tell)
}

func (h documentHandlers) list(ctx context.Context, c *call, whose owned, q listQuery) (*list[*document], error) {
	owner, err := whose.owner(c)
	if err != nil {
		return nil, err
	}
	var fields []fault.Field
	if q.Collection != "" && !storage.ValidCollection(q.Collection) {
		fields = append(fields, parameter("query", "collection", "malformed", "No collection can have this name."))
	}
	if !storage.ValidPrefix(q.Prefix) {
		fields = append(fields, parameter("query", "prefix", "malformed", "No key can begin so."))
	} else if q.Prefix != "" && q.Collection == "" {
		fields = append(fields, parameter("query", "collection", "required", "A prefix is one of the keys of a collection."))
	}
	if len(fields) > 0 {
		return nil, errParameter.WithFields(fields...)
	}
	limit, after, err := c.page(q.paging, 2)
	if err != nil {
		return nil, err
	}
	query := storage.Query{Owner: owner, Collection: q.Collection, Prefix: q.Prefix, Values: q.Values, Limit: limit, Bytes: h.Limits.PageBytes}
	query.After.Collection, query.After.Key = after[0], after[1]
	found, err := h.Documents.List(ctx, c.principal, query)
	if err != nil {
		return nil, err
	}
	return pageWithin(c, limit, found, storage.Document.Size, documentOf, func(d storage.Document) []string { return []string{d.Collection, d.Key} }), nil
}
