package sqlstore

import (
	"context"
	"errors"
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

var documentKey = []column{{"owner", texts}, {"collection", texts}, {"key", texts}}

var (
	documentsByRef  = &search{columns: documentKey}
	documentsLocked = &search{columns: documentKey, lock: forUpdate}
	// documentsWritten makes or changes documents whose stored version is the given
	// one, and 0 is none. It is looked at twice, because a row that isn't there
	// meets no conflict, and because another may come to be stored meanwhile.
	documentsWritten = &bulk{
		columns: append(append(slices.Clip(documentKey), documentState...), column{"stored", integers}),
		text: `INSERT INTO documents (environment_id, owner, collection, key, value, version, read_access, write_access, created_at, updated_at, deleted)
			SELECT {environment}, owner, collection, key, value, version, read_access, write_access, created_at, updated_at, deleted FROM given
			WHERE given.stored = COALESCE((SELECT documents.version FROM documents WHERE documents.environment_id = {environment}
				AND documents.owner = given.owner AND documents.collection = given.collection AND documents.key = given.key), 0)
			ON CONFLICT (environment_id, owner, collection, key) DO UPDATE SET
				value = excluded.value, version = excluded.version, read_access = excluded.read_access, write_access = excluded.write_access,
				created_at = excluded.created_at, updated_at = excluded.updated_at, deleted = excluded.deleted
			WHERE documents.version = (SELECT given.stored FROM given
				WHERE given.owner = excluded.owner AND given.collection = excluded.collection AND given.key = excluded.key)`,
	}
)

// documentState is what of a document changes.
var documentState = []column{
	{"value", texts}, {"version", integers}, {"read_access", texts}, {"write_access", texts},
	{"created_at", moments}, {"updated_at", moments}, {"deleted", truths},
}

// given is a document as a row of a bulk.
func (r documentColumns) given() []any {
	row := []any{r.Owner, r.Collection, r.Key, nil, r.Version, r.ReadAccess, r.WriteAccess, r.CreatedAt, r.UpdatedAt, r.Deleted}
	if r.Value != nil {
		row[3] = *r.Value
	}
	return row
}

func (d documents) GetMany(ctx context.Context, scope tenancy.Scope, refs []storage.Ref) ([]storage.Document, error) {
	return d.many(ctx, "read documents", scope, documentsByRef, refs)
}

func (d documents) LockMany(ctx context.Context, scope tenancy.Scope, refs []storage.Ref) ([]storage.Document, error) {
	return d.many(ctx, "lock documents", scope, documentsLocked, refs)
}

func (d documents) many(ctx context.Context, what string, scope tenancy.Scope, by *search, refs []storage.Ref) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := make([]storage.Document, 0, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	given := make([][]any, len(refs))
	for i, ref := range slices.SortedFunc(slices.Values(refs), storage.Ref.Compare) {
		given[i] = []any{ident(ref.Owner), ident(ref.Collection), ident(ref.Key)}
	}
	var rows []documentRow
	err = d.query(ctx, what, func(db bun.IDB) error {
		rows = nil
		return d.gather(ctx, db, by, environment, given, &rows)
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
	if len(writes) == 0 {
		return nil
	}
	// Rows are locked, and those that are not there yet met at the index, in one order.
	writes = slices.SortedFunc(slices.Values(writes), func(a, b storage.Write) int { return a.Document.Ref.Compare(b.Document.Ref) })
	given := make([][]any, len(writes))
	for i, w := range writes {
		if w.Before < 0 || w.Document.Version <= w.Before {
			return fmt.Errorf("write documents: version %d can't follow %d", w.Document.Version, w.Before)
		}
		given[i] = append(documentColumnsOf(environment, w.Document).given(), w.Before)
	}
	return d.atomically(ctx, "write documents", func(db bun.IDB) error {
		result, err := d.spread(ctx, db, documentsWritten, environment, given)
		if err := changedAll(len(writes), result, d.orphan(err, tenancy.ErrEnvironmentNotFound), storage.ErrStale); err != nil {
			return err
		}
		return d.remember(ctx, db, environment, writes)
	})
}

func (d documents) List(ctx context.Context, scope tenancy.Scope, query storage.Query) ([]storage.Document, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	if query.Collection == "" && query.Prefix != "" || query.Tombstones && len(query.Reads) < len(storage.AllAccess()) {
		return nil, errors.New("list documents: no index serves this") // see storage.Query
	}
	if len(query.Reads) == 0 || query.Collection != "" && query.After.Collection > query.Collection {
		return []storage.Document{}, nil
	}
	inOrder := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.OrderBy("collection", bun.OrderAsc).OrderBy("key", bun.OrderAsc)
	}
	return listWithin(ctx, d.conn, "list documents", query.Limit, query.Bytes, documentRow.document, storage.Document.Size, func(q *bun.SelectQuery) {
		if query.Tombstones {
			inOrder(listed(q, environment, query))
			return
		}
		// Those with one access are in order by themselves. So what the reader may not see is in nobody's
		// way, and neither is what is deleted. PostgreSQL would rather sort all there are than merge, and SQLite
		// take the primary key for a next page.
		part := "?"
		each := make([]any, len(query.Reads))
		for i, read := range query.Reads {
			one := listed(q.NewSelect().Model((*documentRow)(nil)), environment, query).Where("NOT deleted AND read_access = ?", ident(read))
			if d.shared.engine.RowLocks {
				part, one = "(?)", inOrder(one).Limit(int64(query.Limit))
			} else {
				one.ModelTableExpr("documents INDEXED BY documents_live_idx")
			}
			each[i] = one
		}
		if !query.Values {
			q.ExcludeColumn("value")
		}
		inOrder(q.ModelTableExpr("("+strings.Repeat(part+" UNION ALL ", len(each)-1)+part+") AS documents", each...))
	})
}

// listed narrows a select to the documents that a query means, whoever may read them.
func listed(q *bun.SelectQuery, environment ident, query storage.Query) *bun.SelectQuery {
	if !query.Values {
		q.ExcludeColumn("value")
	}
	q.Where("environment_id = ? AND owner = ?", environment, ident(query.Owner))
	after := query.After
	switch {
	case query.Collection == "" && after.Collection != "":
		q.Where("(collection, key) > (?, ?)", ident(after.Collection), ident(after.Key))
	case query.Collection == "":
	case query.Collection == after.Collection: // compared as a pair, a page would begin at the collection's first key
		q.Where("collection = ? AND key > ?", ident(query.Collection), ident(after.Key))
	default:
		q.Where("collection = ?", ident(query.Collection))
	}
	begins(q, "key", query.Prefix)
	return q
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
