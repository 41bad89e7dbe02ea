package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

type bundleRow struct {
	bun.BaseModel `bun:"table:config_bundles,alias:config_bundles"`
	EnvironmentID ident
	Hash          ident
	Size          int64
	ContentType   ident
	Object        ident
	CreatedAt     instant
	TouchedAt     instant
}

func bundleRowOf(environment ident, b configuration.Bundle) bundleRow {
	return bundleRow{
		EnvironmentID: environment, Hash: ident(b.Hash.String()), Size: b.Size, ContentType: ident(b.ContentType), Object: ident(b.Object),
		CreatedAt: at(b.CreatedAt), TouchedAt: at(b.TouchedAt),
	}
}

func (r bundleRow) bundle() (configuration.Bundle, error) {
	hash, ok := configuration.ParseHash(string(r.Hash))
	if !ok {
		return configuration.Bundle{}, fmt.Errorf("%q is stored as a hash", r.Hash)
	}
	return configuration.Bundle{
		Hash: hash, Size: r.Size, ContentType: string(r.ContentType), Object: string(r.Object), CreatedAt: r.CreatedAt.Time, TouchedAt: r.TouchedAt.Time,
	}, nil
}

func bundlesOf(rows []bundleRow) ([]configuration.Bundle, error) {
	all := make([]configuration.Bundle, len(rows))
	var errs []error
	for i, row := range rows {
		var err error
		all[i], err = row.bundle()
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

func hashes(of []configuration.Hash) []ident {
	all := make([]ident, len(of))
	for i, hash := range of {
		all[i] = ident(hash.String())
	}
	return all
}

type bundles struct{ conn }

var _ configuration.Bundles = bundles{}

func (b bundles) Save(ctx context.Context, scope tenancy.Scope, bundle configuration.Bundle) (stored configuration.Bundle, created bool, err error) {
	environment, err := within(scope)
	if err != nil {
		return stored, false, err
	}
	row := bundleRowOf(environment, bundle)
	err = b.exec(ctx, "save bundle", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).On("CONFLICT (environment_id, hash) DO UPDATE").Set("touched_at = EXCLUDED.touched_at").Returning("*").Exec(ctx)
		return b.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
	if err != nil {
		return stored, false, err
	}
	stored, err = row.bundle()
	return stored, stored.Object == bundle.Object, err
}

func (b bundles) Get(ctx context.Context, scope tenancy.Scope, hash configuration.Hash) (configuration.Bundle, error) {
	environment, err := within(scope)
	if err != nil {
		return configuration.Bundle{}, err
	}
	var row bundleRow
	err = b.query(ctx, "read bundle", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where("environment_id = ? AND hash = ?", environment, ident(hash.String()))
		return missing(q.Scan(ctx), configuration.ErrBundleNotFound)
	})
	if err != nil {
		return configuration.Bundle{}, err
	}
	return row.bundle()
}

func (b bundles) GetMany(ctx context.Context, scope tenancy.Scope, wanted []configuration.Hash) ([]configuration.Bundle, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	if len(wanted) == 0 {
		return []configuration.Bundle{}, nil
	}
	var rows []bundleRow
	err = b.query(ctx, "read bundles", func(db bun.IDB) error {
		rows = nil
		return db.NewSelect().Model(&rows).Where("environment_id = ? AND hash IN (?)", environment, bun.List(hashes(wanted))).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return bundlesOf(rows)
}

func (b bundles) List(ctx context.Context, scope tenancy.Scope, after configuration.BundlePlace, limit int) ([]configuration.Bundle, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	rows, err := list(ctx, b.conn, "list bundles", limit, func(r bundleRow) bundleRow { return r }, func(q *bun.SelectQuery) {
		q.Where("environment_id = ?", environment)
		if !after.At.IsZero() {
			q.Where("(created_at, hash) < (?, ?)", at(after.At), ident(after.Hash.String()))
		}
		q.OrderBy("created_at", bun.OrderDesc).OrderBy("hash", bun.OrderDesc)
	})
	if err != nil {
		return nil, err
	}
	return bundlesOf(rows)
}

func (b bundles) Objects(ctx context.Context, scope tenancy.Scope, objects []string) ([]string, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	known := []string{}
	if len(objects) == 0 {
		return known, nil
	}
	keys := make([]ident, len(objects))
	for i, object := range objects {
		keys[i] = ident(object)
	}
	var rows []bundleRow
	err = b.query(ctx, "find bundles of objects", func(db bun.IDB) error {
		rows = nil
		return db.NewSelect().Model(&rows).Column("object").Where("environment_id = ? AND object IN (?)", environment, bun.List(keys)).Scan(ctx)
	})
	for _, row := range rows {
		known = append(known, string(row.Object))
	}
	return known, err
}

func (b bundles) Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) ([]configuration.Bundle, error) {
	environment, err := within(scope)
	if err != nil || limit <= 0 {
		return nil, err
	}
	var rows []bundleRow
	err = b.exec(ctx, "purge bundles", func(db bun.IDB) error {
		rows = nil
		// Who releases one of them meanwhile comes first.
		return b.orphan(db.NewRaw(
			`DELETE FROM config_bundles WHERE environment_id = ? AND hash IN (
				SELECT hash FROM config_bundles AS old WHERE environment_id = ? AND touched_at < ? AND NOT EXISTS (
					SELECT 1 FROM config_release_bundles AS named WHERE named.environment_id = old.environment_id AND named.hash = old.hash
				) ORDER BY touched_at, hash LIMIT ?
			) AND touched_at < ? RETURNING *`,
			environment, environment, at(before), limit, at(before),
		).Scan(ctx, &rows), datastore.ErrContention)
	})
	if err != nil {
		return nil, err
	}
	return bundlesOf(rows)
}
