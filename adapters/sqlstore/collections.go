package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type collectionRow struct {
	bun.BaseModel `bun:"table:collections,alias:collections"`
	EnvironmentID ident
	Name          ident
	Version       int64
	JSONSchema    *ident `bun:"json_schema"` // NULL: any object
	ReadAccess    ident
	WriteAccess   ident
	ValueBytes    int
	Revisions     int
	CreatedAt     instant
	UpdatedAt     instant
}

func collectionRowOf(environment ident, c storage.Collection) collectionRow {
	row := collectionRow{
		EnvironmentID: environment, Name: ident(c.Name), Version: c.Version, ReadAccess: ident(c.Read), WriteAccess: ident(c.Write),
		ValueBytes: c.ValueBytes, Revisions: c.Revisions, CreatedAt: at(c.CreatedAt), UpdatedAt: at(c.UpdatedAt),
	}
	if c.Schema != nil {
		text := ident(c.Schema)
		row.JSONSchema = &text
	}
	return row
}

func (r collectionRow) collection() storage.Collection {
	c := storage.Collection{
		Name: string(r.Name), Version: r.Version, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		Declaration: storage.Declaration{
			Read: storage.Access(r.ReadAccess), Write: storage.Access(r.WriteAccess), ValueBytes: r.ValueBytes, Revisions: r.Revisions,
		},
	}
	if r.JSONSchema != nil {
		c.Schema = []byte(*r.JSONSchema)
	}
	return c
}

// declaredRow is what of an environment's row counts its declarations.
type declaredRow struct {
	bun.BaseModel      `bun:"table:environments,alias:environments"`
	CollectionsVersion int64
}

type collections struct{ conn }

var _ storage.Collections = collections{}

func (c collections) Version(ctx context.Context, scope tenancy.Scope) (int64, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var row declaredRow
	err = c.query(ctx, "read declarations' version", func(db bun.IDB) error {
		return missing(c.first(ctx, db, declaredVersion, &row, environment), tenancy.ErrEnvironmentNotFound)
	})
	return row.CollectionsVersion, err
}

func (c collections) NextVersion(ctx context.Context, scope tenancy.Scope) (int64, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var version int64
	err = c.exec(ctx, "take declarations' version", func(db bun.IDB) error {
		err := db.NewRaw(`UPDATE environments SET collections_version = collections_version + 1 WHERE id = ? AND deleted_at IS NULL RETURNING collections_version`, environment).Scan(ctx, &version)
		return missing(err, tenancy.ErrEnvironmentNotFound)
	})
	return version, err
}

func (c collections) Get(ctx context.Context, scope tenancy.Scope, name string) (storage.Collection, error) {
	environment, err := within(scope)
	if err != nil {
		return storage.Collection{}, err
	}
	var row collectionRow
	err = c.query(ctx, "read collection", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where("environment_id = ? AND name = ?", environment, ident(name)).Scan(ctx), storage.ErrCollectionNotFound)
	})
	if err != nil {
		return storage.Collection{}, err
	}
	return row.collection(), nil
}

func (c collections) List(ctx context.Context, scope tenancy.Scope, after string, limit int) ([]storage.Collection, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, c.conn, "list collections", limit, collectionRow.collection, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND name > ?", environment, ident(after)).OrderBy("name", bun.OrderAsc)
	})
}

func (c collections) Save(ctx context.Context, scope tenancy.Scope, collection storage.Collection) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := collectionRowOf(environment, collection)
	return c.exec(ctx, "save collection", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).On("CONFLICT (environment_id, name) DO UPDATE").
			Set("version = EXCLUDED.version, json_schema = EXCLUDED.json_schema, read_access = EXCLUDED.read_access, write_access = EXCLUDED.write_access").
			Set("value_bytes = EXCLUDED.value_bytes, revisions = EXCLUDED.revisions, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at").Exec(ctx)
		return c.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
}

func (c collections) Delete(ctx context.Context, scope tenancy.Scope, name string) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return c.exec(ctx, "delete collection", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*collectionRow)(nil)).Where("environment_id = ? AND name = ?", environment, ident(name)).Exec(ctx)
		return changed(result, err, storage.ErrCollectionNotFound)
	})
}
