package operators

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/schema"
)

// Report tells of the documents of a collection that break its declaration.
type Report struct {
	Checked int // how many were looked at
	Broken  int // how many of these break it
	// Samples are the first that do.
	Samples []BrokenDocument
	// Next is where to go on: nil when there is nothing more to look at.
	Next *Position
}

// BrokenDocument is a document, without its value, and what breaks the declaration.
type BrokenDocument struct {
	Document storage.Document
	Faults   []fault.Field // InDocument
}

// Position is a place in the order of a collection's documents; zero is before the first.
type Position struct {
	Owner storage.Owner
	Key   string
}

// Bounds of one look at the documents of a collection, which may be within a transaction.
const (
	reportPage    = 25
	reportMost    = 1000    // documents
	reportBytes   = 8 << 20 // of values
	reportSamples = 20
	reportFaults  = 10 // of one sample
	reportCostly  = 2  // documents that take too much work to judge
)

// report looks at documents from a position on, until one of the bounds.
func report(ctx context.Context, repos datastore.Repos, scope tenancy.Scope, name string, rules storage.Rules, from Position) (Report, error) {
	r := Report{Samples: []BrokenDocument{}}
	query := storage.CollectionQuery{Collection: name, Limit: reportPage}
	query.After.Owner, query.After.Key = from.Owner, from.Key
	for bytes, costly := 0, 0; ; {
		page, err := repos.Documents().ListAll(ctx, scope, query)
		if err != nil {
			return r, fmt.Errorf("list documents: %w", err)
		}
		for _, document := range page {
			if r.Checked >= reportMost || bytes >= reportBytes || costly >= reportCostly {
				r.Next = &Position{query.After.Owner, query.After.Key}
				return r, nil
			}
			found, err := rules.Violations(document.Value, storage.InDocument)
			if errors.Is(err, schema.ErrTooCostly) {
				costly++
				field := fault.Body("/value", "too_costly", "Judging it takes more work than is spent on one value.")
				field.In = storage.InDocument
				found, err = []fault.Field{field}, nil
			}
			if err != nil {
				return r, err
			}
			r.Checked++
			bytes += len(document.Value)
			query.After.Owner, query.After.Key = document.Owner, document.Key
			if len(found) == 0 {
				continue
			}
			r.Broken++
			if len(r.Samples) < reportSamples {
				document.Value = nil
				r.Samples = append(r.Samples, BrokenDocument{document, found[:min(len(found), reportFaults)]})
			}
		}
		if len(page) < reportPage {
			return r, nil
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
	}
}
