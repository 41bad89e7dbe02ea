package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type documentsRewind struct {
	operatorPlayerPath
	Cursor string `query:"cursor" doc:"next_cursor of the step before, with the same body."`
	Body   struct {
		At      time.Time `json:"at" doc:"The moment, by the environment's clock."`
		Preview bool      `json:"preview,omitzero" doc:"true: tell what would become of each document, and change nothing."`
	}
}

// rewound is what one step did.
type rewound struct {
	At         time.Time         `json:"at"`
	Preview    bool              `json:"preview"`
	Complete   bool              `json:"complete" doc:"false: there are more documents, from next_cursor on."`
	Items      []rewoundDocument `json:"items" doc:"Each document that the step looked at, by collection and key; deleted ones too."`
	NextCursor string            `json:"next_cursor,omitempty"`
}

type rewoundDocument struct {
	Collection string         `json:"collection"`
	Key        string         `json:"key"`
	Status     string         `json:"status" enum:"restored,deleted,unchanged,impossible" doc:"What became of it, or in a preview would. impossible: it stays as it is; code says why."`
	Version    int64          `json:"version" doc:"What it has now; in a preview, what it would have."`
	From       int64          `json:"from_version,omitzero" doc:"The version whose value and permissions were restored."`
	Code       string         `json:"code,omitempty" doc:"Why it is impossible: a problem's code."`
	Detail     string         `json:"detail,omitempty"`
	Errors     []problemField `json:"errors,omitempty"`
}

func rewoundDocumentOf(d documents.RewoundDocument) rewoundDocument {
	one := rewoundDocument{Collection: d.Ref.Collection, Key: d.Ref.Key, Status: string(d.Fate), Version: d.Version, From: d.From}
	if d.Reason != nil {
		one.Code, one.Detail = d.Reason.Code, d.Reason.Detail
		one.Errors = fieldsOf(d.Reason.Fields)
	}
	return one
}

func rewindRoutes(o Options) []route {
	shown := func(c *call, done documents.Rewound) *rewound {
		reply := &rewound{At: done.At, Preview: done.Preview, Complete: done.Next == nil, Items: make([]rewoundDocument, len(done.Documents))}
		for i, one := range done.Documents {
			reply.Items[i] = rewoundDocumentOf(one)
		}
		if done.Next != nil {
			reply.NextCursor = c.api.cursors.write(c.binding(), []string{done.Next.Collection, done.Next.Key, moment(done.At)})
		}
		return reply
	}
	return []route{
		change(route{
			Method: http.MethodPost, Path: "/v1/projects/{project}/environments/{environment}/players/{player}/documents:restore",
			ID: "rewindPlayerDocuments", Tag: "Documents", Class: limits.Operate,
			Summary: "Bring a player's documents back to a moment",
			Description: "Each document of the player becomes, as a new version, what it was then: changed ones get their value and permissions back, ones made since are deleted, " +
				"ones deleted since are made again. What is kept of history must reach back, and the old value must suit what is declared of the collection now; else the document stays and is impossible. " +
				"A call is one transaction over up to 200 documents: go on with next_cursor until complete is true. What the game writes meanwhile stays written, so end the player's sessions first.",
		}, operator(tenancy.DocumentsWrite), shown, func(ctx context.Context, c *call, in *documentsRewind, tell once.Effect[documents.Rewound]) (documents.Rewound, error) {
			if in.Body.At.IsZero() {
				return documents.Rewound{}, fault.ErrInvalid.WithFields(fault.Body("/at", "out_of_range", "A moment that has been."))
			}
			rewind := documents.Rewind{Player: in.player(), At: in.Body.At, Preview: in.Body.Preview}
			if c.query.Has("cursor") {
				after, ok := c.api.cursors.read(c.binding(), in.Cursor, 3)
				if !ok || after[2] != moment(in.Body.At) {
					return documents.Rewound{}, errCursor
				}
				rewind.After = documents.DocumentPlace{Collection: after[0], Key: after[1]}
			}
			return o.Operators.RewindDocuments(ctx, c.principal, in.place(), rewind, tell)
		}),
	}
}

// moment names a time within a cursor.
func moment(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
