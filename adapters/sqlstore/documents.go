package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// documentRow keeps the value as text, byte for byte as it was given: a JSON type
// of the engine's would reorder members and round numbers.
type documentRow struct {
	bun.BaseModel `bun:"table:documents,alias:documents"`
	documentColumns
}

type documentColumns struct {
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
	return documentRow{documentColumns: documentColumnsOf(environment, d)}
}

func (r documentRow) document() storage.Document { return r.documentColumns.document() }

func documentColumnsOf(environment ident, d storage.Document) documentColumns {
	row := documentColumns{
		EnvironmentID: environment, Owner: ident(d.Owner), Collection: ident(d.Collection), Key: ident(d.Key), Version: d.Version,
		ReadAccess: ident(d.Read), WriteAccess: ident(d.Write), CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), Deleted: d.Deleted,
	}
	if !d.Deleted {
		value := ident(d.Value)
		row.Value = &value
	}
	return row
}

func (r documentColumns) document() storage.Document {
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
	environment, err := within(scope)
	if err != nil {
		return storage.Document{}, err
	}
	var row documentRow
	err = d.query(ctx, "read document", func(db bun.IDB) error {
		err := d.first(ctx, db, documentByRef, &row, environment, ident(ref.Owner), ident(ref.Collection), ident(ref.Key))
		return missing(err, storage.ErrNotFound)
	})
	if err != nil {
		return storage.Document{}, err
	}
	return row.document(), nil
}

func (d documents) LockMany(ctx context.Context, scope tenancy.Scope, refs []storage.Ref) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := []storage.Document{}
	if len(refs) == 0 {
		return found, nil
	}
	var rows []documentRow
	err = d.query(ctx, "lock documents", func(db bun.IDB) error {
		rows = nil
		q := db.NewSelect().Model(&rows).Where("environment_id = ?", environment)
		if len(refs) == 1 {
			q.Where("owner = ? AND collection = ? AND key = ?", ident(refs[0].Owner), ident(refs[0].Collection), ident(refs[0].Key))
			return d.lock(q).Scan(ctx)
		}
		args := make([]any, 0, 3*len(refs))
		for _, ref := range refs {
			args = append(args, ident(ref.Owner), ident(ref.Collection), ident(ref.Key))
		}
		q.Where("(owner, collection, key) IN (VALUES "+tuples(len(refs), 3)+")", args...)
		if d.shared.engine.RowLocks {
			q.OrderBy("owner", bun.OrderAsc).OrderBy("collection", bun.OrderAsc).OrderBy("key", bun.OrderAsc)
		}
		return d.lock(q).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, row.document())
	}
	return found, nil
}

func (d documents) WriteMany(ctx context.Context, scope tenancy.Scope, writes []storage.Write) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	var made, changed []storage.Write
	for _, w := range writes {
		switch {
		case w.Before < 0 || w.Document.Version <= w.Before:
			return fmt.Errorf("write documents: version %d can't follow %d", w.Document.Version, w.Before)
		case w.Before == 0:
			made = append(made, w)
		default:
			changed = append(changed, w)
		}
	}
	// Rows that are not there yet can't be locked: writers meet at the index
	// instead, and must do so in one order.
	slices.SortFunc(made, func(a, b storage.Write) int { return a.Document.Ref.Compare(b.Document.Ref) })
	return d.atomically(ctx, "write documents", func(db bun.IDB) error {
		if err := d.insert(ctx, db, environment, made); err != nil {
			return err
		}
		if err := d.update(ctx, db, environment, changed); err != nil {
			return err
		}
		return d.remember(ctx, db, environment, writes)
	})
}

func (d documents) insert(ctx context.Context, db bun.IDB, environment ident, writes []storage.Write) error {
	if len(writes) == 0 {
		return nil
	}
	rows := make([]documentRow, len(writes))
	for i, w := range writes {
		rows[i] = documentRowOf(environment, w.Document)
	}
	result, err := db.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Exec(ctx)
	return changedAll(len(writes), result, d.orphan(err, tenancy.ErrEnvironmentNotFound), storage.ErrStale)
}

func (d documents) update(ctx context.Context, db bun.IDB, environment ident, writes []storage.Write) error {
	if len(writes) == 0 {
		return nil
	}
	const columns = 11
	args := make([]any, 0, columns*len(writes)+1)
	for _, w := range writes {
		row := documentRowOf(environment, w.Document)
		var value any
		if row.Value != nil {
			value = *row.Value
		}
		args = append(args, row.Owner, row.Collection, row.Key, w.Before, value, row.Version, row.ReadAccess, row.WriteAccess, row.CreatedAt, row.UpdatedAt, row.Deleted)
	}
	result, err := db.NewRaw(`WITH next (owner, collection, key, stored, value, version, read_access, write_access, created_at, updated_at, deleted)
		AS (VALUES `+tuples(len(writes), columns)+`)
		UPDATE documents SET value = next.value, version = next.version, read_access = next.read_access, write_access = next.write_access,
			created_at = next.created_at, updated_at = next.updated_at, deleted = next.deleted
		FROM next WHERE documents.environment_id = ? AND documents.owner = next.owner AND documents.collection = next.collection
			AND documents.key = next.key AND documents.version = next.stored`, append(args, environment)...).Exec(ctx)
	return changedAll(len(writes), result, err, storage.ErrStale)
}

// tuples is a list of n rows of placeholders.
func tuples(n, columns int) string {
	one := "(" + strings.Repeat("?, ", columns-1) + "?)"
	return strings.Repeat(one+", ", n-1) + one
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

func (d documents) ListAll(ctx context.Context, scope tenancy.Scope, query storage.CollectionQuery) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, d.conn, "list collection", query.Limit, documentRow.document, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND collection = ?", environment, ident(query.Collection))
		if query.After.Key != "" {
			q.Where("(owner, key) > (?, ?)", ident(query.After.Owner), ident(query.After.Key))
		}
		q.Where("NOT deleted").OrderBy("owner", bun.OrderAsc).OrderBy("key", bun.OrderAsc)
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
