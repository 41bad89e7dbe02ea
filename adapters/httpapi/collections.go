package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// collection is what operators declare of the documents of one name.
type collection struct {
	Collection    string         `json:"collection"`
	Schema        jsontext.Value `json:"schema,omitzero" doc:"The JSON Schema that values satisfy; absent: any object."`
	Read          string         `json:"read,omitempty" enum:"owner,public,server" doc:"Of documents made without naming theirs; absent: as where nothing is declared."`
	Write         string         `json:"write,omitempty" enum:"owner,server"`
	DocumentBytes int            `json:"document_bytes,omitzero" doc:"Of a value, without white space; absent: the server's limit."`
	Revisions     int            `json:"revisions,omitzero" doc:"States of a document that are kept, what it is now among them; absent: as many as the server keeps."`
	Version       int64          `json:"version" doc:"Grows with each change of any declaration of the environment, and is never used again. It is the ETag."`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
}

func collectionOf(c storage.Collection) *collection {
	return &collection{
		Collection: c.Name, Schema: c.Schema, Read: string(c.Read), Write: string(c.Write), DocumentBytes: c.ValueBytes, Revisions: c.Revisions,
		Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

type declarationBody struct {
	Schema        jsontext.Value `json:"schema,omitempty" doc:"A JSON Schema of draft 2020-12 that stands for itself: references out of it are refused. Absent: any object."`
	Read          string         `json:"read,omitempty" enum:"owner,public,server" doc:"Of documents made without naming theirs. A shared document takes owner as server."`
	Write         string         `json:"write,omitempty" enum:"owner,server" doc:"Of documents made without naming theirs. With server, players make none."`
	DocumentBytes *int64         `json:"document_bytes,omitempty" doc:"From 1 to document_bytes of GET /v1/limits."`
	Revisions     *int64         `json:"revisions,omitempty" doc:"From 1, which keeps no history, to collection_revisions of GET /v1/limits."`
}

func (b declarationBody) declaration() storage.Declaration {
	return storage.Declaration{
		Schema: b.Schema, Read: storage.Access(b.Read), Write: storage.Access(b.Write), ValueBytes: bound(b.DocumentBytes), Revisions: bound(b.Revisions),
	}
}

// bound gives a number as the domain has it: 0 when it was not sent, so that a 0
// that was sent must be something else that it refuses.
func bound(n *int64) int {
	switch {
	case n == nil:
		return 0
	case *n <= 0:
		return -1
	}
	return int(min(*n, math.MaxInt32))
}

// collectionReport tells what a declaration finds among the documents that there are.
type collectionReport struct {
	Checked    int              `json:"checked" doc:"Documents that were looked at."`
	Broken     int              `json:"broken" doc:"How many of these break the declaration. They stay as they are, and readable; a write must satisfy it."`
	Complete   bool             `json:"complete" doc:"false: there are more documents to look at, from next_cursor on."`
	Items      []brokenDocument `json:"items" doc:"The first that break it."`
	NextCursor string           `json:"next_cursor,omitempty" doc:"Where to go on, with POST …/check and the same body."`
}

type brokenDocument struct {
	Owner   string         `json:"owner,omitempty" doc:"The player whose it is; absent when it is shared."`
	Shared  bool           `json:"shared,omitzero"`
	Key     string         `json:"key"`
	Version int64          `json:"version"`
	Errors  []problemField `json:"errors" doc:"The first of what breaks it; pointers begin with /value."`
}

// declared is the reply to a declaration.
type declared struct {
	*collection
	Existing collectionReport `json:"existing" doc:"What the declaration finds among the documents that there are."`
}

// collectionPath is a collection of an environment. Embed it in the route's input.
type collectionPath struct {
	environmentPath
	Collection string `path:"collection" doc:"1 to 64 letters, digits, and _ - ."`
}

type (
	collectionList struct {
		environmentPath
		paging
	}
	collectionInput struct{ collectionPath }
	collectionPut   struct {
		collectionPath
		ifMatch
		ifNoneMatch
		Body declarationBody
	}
	collectionDelete struct {
		collectionPath
		ifMatch
	}
	collectionCheck struct {
		collectionPath
		Cursor string `query:"cursor" doc:"next_cursor of the report before."`
		Body   declarationBody
	}
)

// checkOperation is the route that goes on with a report, whichever route began it.
const checkOperation = "checkCollection"

func reportOf(c *call, r operators.Report) collectionReport {
	reply := collectionReport{Checked: r.Checked, Broken: r.Broken, Complete: r.Next == nil, Items: make([]brokenDocument, len(r.Samples))}
	for i, one := range r.Samples {
		d := one.Document
		reply.Items[i] = brokenDocument{Owner: string(d.Owner), Shared: d.Owner == storage.Shared, Key: d.Key, Version: d.Version, Errors: fieldsOf(one.Faults)}
	}
	if r.Next != nil {
		reply.NextCursor = c.api.cursors.write(c.bindingOf(checkOperation), []string{string(r.Next.Owner), r.Next.Key})
	}
	return reply
}

func collectionRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/collections"
	const one = all + "/{collection}"
	at := func(r route) route {
		r.Tag, r.Class = "Collections", limits.Operate
		return r
	}
	shown := func(c *call, one storage.Collection) *collection {
		c.tag = versionTag(one.Version)
		return collectionOf(one)
	}
	declaring := func(c *call, done operators.Declared) *declared {
		if done.Created {
			c.created()
		}
		return &declared{shown(c, done.Collection), reportOf(c, done.Report)}
	}
	checked := func(c *call, r operators.Report) *collectionReport {
		reply := reportOf(c, r)
		return &reply
	}
	return []route{
		define(at(route{
			Method: http.MethodGet, Path: all, ID: "listCollections",
			Summary: "List what is declared of collections", Description: "By name. Collections that nobody declared are not listed, though documents may be in them.",
		}), operator(tenancy.CollectionsRead), func(ctx context.Context, c *call, in *collectionList) (*list[*collection], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Collections(ctx, c.principal, in.place(), after[0], limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, collectionOf, func(d storage.Collection) []string { return []string{d.Name} }), nil
		}),
		define(at(route{
			Method: http.MethodGet, Path: one, ID: "getCollection", Tagged: true, Summary: "Read what is declared of a collection",
		}), operator(tenancy.CollectionsRead), func(ctx context.Context, c *call, in *collectionInput) (*collection, error) {
			found, err := o.Operators.Collection(ctx, c.principal, in.place(), in.Collection)
			if err != nil {
				return nil, err
			}
			return shown(c, found), nil
		}),
		change(at(route{
			Method: http.MethodPut, Path: one, ID: "putCollection", Tagged: true, Statuses: []int{http.StatusOK, http.StatusCreated},
			Summary: "Declare what the documents of a collection obey",
			Description: "Replaces the whole declaration. Every write that begins after the reply obeys it, on every replica. Documents that are there stay as they are: " +
				"the reply tells which of them break it, as far as it looked; a write that was under way may still follow the declaration before.",
		}), operator(tenancy.CollectionsWrite), declaring, func(ctx context.Context, c *call, in *collectionPut, tell once.Effect[operators.Declared]) (operators.Declared, error) {
			pre, err := c.precondition()
			if err != nil {
				return operators.Declared{}, err
			}
			return o.Operators.Declare(ctx, c.principal, in.place(), in.Collection, in.Body.declaration(), pre, tell)
		}),
		change(at(route{
			Method: http.MethodDelete, Path: one, ID: "deleteCollection", Statuses: []int{http.StatusNoContent},
			Summary: "Take a declaration back", Description: "The documents stay, and obey the server's own limits again.",
		}), operator(tenancy.CollectionsWrite), done, func(ctx context.Context, c *call, in *collectionDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			return none, o.Operators.Undeclare(ctx, c.principal, in.place(), in.Collection, pre, tell)
		}),
		change(at(route{
			Method: http.MethodPost, Path: one + "/check", ID: checkOperation,
			Summary: "Tell which documents a declaration would find broken",
			Description: "Changes nothing. Each call looks at a bounded part of the collection, by owner and key: go on with next_cursor and the same body until complete is true. " +
				"The next_cursor of a PUT's existing goes on here.",
		}), operator(tenancy.CollectionsRead), checked, func(ctx context.Context, c *call, in *collectionCheck, tell once.Effect[operators.Report]) (operators.Report, error) {
			var from operators.Position
			if c.query.Has("cursor") {
				place, ok := c.api.cursors.read(c.bindingOf(checkOperation), in.Cursor, 2)
				if !ok {
					return operators.Report{}, errCursor
				}
				from = operators.Position{Owner: storage.Owner(place[0]), Key: place[1]}
			}
			return o.Operators.CheckCollection(ctx, c.principal, in.place(), in.Collection, in.Body.declaration(), from, tell)
		}),
	}
}
