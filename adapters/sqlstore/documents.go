package sqlstore

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// documentRow keeps the value as text, byte for byte as it was given: a JSON type
// of the engine's would reorder members and round numbers.
type documentRow struct {
	bun.BaseModel `bun:"table:documents,alias:documents"`
	EnvironmentID ident
	Owner         ident // '' is storage.Shared
	Collection    ident
	Key           ident
	Value         *ident // NULL for a tombstone
	Version       int64
	ReadAccess    ident
	WriteAccess   ident
	CreatedAt     instant
	UpdatedAt     instant
	Deleted       bool
}

func documentRowOf(environment ident, d storage.Document) documentRow {
	row := documentRow{
		EnvironmentID: environment, Owner: ident(d.Owner), Collection: ident(d.Collection), Key: ident(d.Key), Version: d.Version,
		ReadAccess: ident(d.Read), WriteAccess: ident(d.Write), CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), Deleted: d.Deleted,
	}
	if !d.Deleted {
		value := ident(d.Value)
		row.Value = &value
	}
	return row
}

func (r documentRow) document() storage.Document {
	d := storage.Document{
		Ref:     storage.Ref{Owner: storage.Owner(r.Owner), Collection: string(r.Collection), Key: string(r.Key)},
		Version: r.Version, Read: storage.Access(r.ReadAccess), Write: storage.Access(r.WriteAccess),
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, Deleted: r.Deleted,
	}
	if r.Value != nil {
		d.Value = []byte(*r.Value)
	}
	return d
}

type documents struct{ conn }

var _ storage.Documents = documents{}

func (d documents) Get(ctx context.Context, scope tenancy.Scope, ref storage.Ref) (storage.Document, error) {
	return d.one(ctx, scope, ref, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
}

func (d documents) Lock(ctx context.Context, scope tenancy.Scope, ref storage.Ref) (storage.Document, error) {
	return d.one(ctx, scope, ref, d.lock)
}

func (d documents) one(ctx context.Context, scope tenancy.Scope, ref storage.Ref, shape func(*bun.SelectQuery) *bun.SelectQuery) (storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return storage.Document{}, err
	}
	var row documentRow
	err = d.query(ctx, "read document", func(db bun.IDB) error {
		q := shape(db.NewSelect().Model(&row).Where("environment_id = ? AND owner = ? AND collection = ? AND key = ?",
			environment, ident(ref.Owner), ident(ref.Collection), ident(ref.Key)))
		return missing(q.Scan(ctx), storage.ErrNotFound)
	})
	if err != nil {
		return storage.Document{}, err
	}
	return row.document(), nil
}

func (d documents) Write(ctx context.Context, scope tenancy.Scope, document storage.Document) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	if document.Version < 1 {
		return fmt.Errorf("write document: version %d is none", document.Version)
	}
	row := documentRowOf(environment, document)
	return d.exec(ctx, "write document", func(db bun.IDB) error {
		if row.Version == 1 {
			result, err := db.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx)
			return changed(result, d.orphan(err, tenancy.ErrEnvironmentNotFound), storage.ErrStale)
		}
		result, err := db.NewUpdate().Model(&row).
			Column("value", "version", "read_access", "write_access", "created_at", "updated_at", "deleted").
			Where("environment_id = ? AND owner = ? AND collection = ? AND key = ? AND version = ?",
				environment, row.Owner, row.Collection, row.Key, row.Version-1).Exec(ctx)
		return changed(result, err, storage.ErrStale)
	})
}

func (d documents) List(ctx context.Context, scope tenancy.Scope, query storage.Query) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	if len(query.Reads) == 0 {
		return []storage.Document{}, nil
	}
	reads := make([]ident, len(query.Reads))
	for i, read := range query.Reads {
		reads[i] = ident(read)
	}
	return list(ctx, d.conn, "list documents", query.Limit, documentRow.document, func(q *bun.SelectQuery) {
		if !query.Values {
			q.ExcludeColumn("value")
		}
		q.Where("environment_id = ? AND owner = ?", environment, ident(query.Owner))
		if query.Collection != "" {
			q.Where("collection = ?", ident(query.Collection))
		}
		begins(q, "key", query.Prefix)
		if query.After.Collection != "" || query.After.Key != "" {
			q.Where("(collection, key) > (?, ?)", ident(query.After.Collection), ident(query.After.Key))
		}
		q.Where("NOT deleted").Where("read_access IN (?)", bun.List(reads)).
			OrderBy("collection", bun.OrderAsc).OrderBy("key", bun.OrderAsc)
	})
}

// begins narrows a select to the rows whose column begins with prefix, as a range of
// an index. LIKE would need its wildcards escaped, and ignores case on SQLite.
func begins(q *bun.SelectQuery, column bun.Name, prefix string) {
	if prefix == "" {
		return
	}
	q.Where("? >= ?", column, ident(prefix))
	if end, ok := successor(prefix); ok {
		q.Where("? < ?", column, ident(end))
	}
}
