package sqlstore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// revisionRow is an earlier state of a document, in the same columns.
type revisionRow struct {
	bun.BaseModel `bun:"table:document_revisions,alias:document_revisions"`
	documentColumns
}

func (r revisionRow) document() storage.Document { return r.documentColumns.document() }

// forgetEvery spares writers most of the work of forgetting: revisions may
// outstay their time by so many versions.
const forgetEvery = 8

var revisionsKept = &bulk{
	columns: append(slices.Clip(documentKey), documentState...),
	text: `INSERT INTO document_revisions (environment_id, owner, collection, key, value, version, read_access, write_access, created_at, updated_at, deleted)
		SELECT {environment}, owner, collection, key, value, version, read_access, write_access, created_at, updated_at, deleted FROM given`,
}

// remember keeps the earlier states that the writes bring, and lets old ones go.
func (d documents) remember(ctx context.Context, db bun.IDB, environment ident, writes []storage.Write) error {
	var kept [][]any
	for _, w := range writes {
		for _, past := range w.Past {
			kept = append(kept, documentColumnsOf(environment, past).given())
		}
	}
	if len(kept) > 0 {
		if _, err := d.spread(ctx, db, revisionsKept, environment, kept); err != nil {
			return err
		}
	}
	for _, w := range writes {
		if w.Forget < 1 || w.Before/forgetEvery == w.Document.Version/forgetEvery {
			continue
		}
		ref := w.Document.Ref
		_, err := d.statement(ctx, db, `DELETE FROM document_revisions
			WHERE environment_id = ? AND owner = ? AND collection = ? AND key = ? AND version <= ?`,
			environment, ident(ref.Owner), ident(ref.Collection), ident(ref.Key), w.Forget)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d documents) Revisions(ctx context.Context, scope tenancy.Scope, query storage.RevisionQuery) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return listWithin(ctx, d.conn, "list revisions", query.Limit, query.Bytes, revisionRow.document, storage.Document.Size, func(q *bun.SelectQuery) {
		if !query.Values {
			q.ExcludeColumn("value")
		}
		q.Where("environment_id = ? AND owner = ? AND collection = ? AND key = ? AND version < ?",
			environment, ident(query.Ref.Owner), ident(query.Ref.Collection), ident(query.Ref.Key), query.Before).
			OrderBy("version", bun.OrderDesc)
	})
}

func (d documents) Revision(ctx context.Context, scope tenancy.Scope, ref storage.Ref, version int64) (storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return storage.Document{}, err
	}
	var row revisionRow
	err = d.query(ctx, "read revision", func(db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where("environment_id = ? AND owner = ? AND collection = ? AND key = ? AND version = ?",
			environment, ident(ref.Owner), ident(ref.Collection), ident(ref.Key), version).Scan(ctx)
		return missing(err, storage.ErrRevisionNotFound)
	})
	if err != nil {
		return storage.Document{}, err
	}
	return row.document(), nil
}
