package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/ports/custody"
)

// theOne is the key of the table installation's only row.
const theOne = 1

type installationRow struct {
	bun.BaseModel `bun:"table:installation,alias:installation"`
	One           int
	ID            ident
	Stored        bool
}

func (r installationRow) installation() custody.Installation {
	return custody.Installation{ID: string(r.ID), Stored: r.Stored}
}

type strayRow struct {
	bun.BaseModel `bun:"table:stray_objects,alias:stray_objects"`
	Object        ident
	Since         instant
}

func (r strayRow) stray() custody.Stray {
	return custody.Stray{Object: string(r.Object), Since: r.Since.Time}
}

type custodies struct{ conn }

var _ custody.Records = custodies{}

func (c custodies) Installation(ctx context.Context) (custody.Installation, error) {
	var row installationRow
	err := c.query(ctx, "read installation", func(db bun.IDB) error {
		row = installationRow{}
		err := db.NewSelect().Model(&row).Where("one = ?", theOne).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return row.installation(), err
}

func (c custodies) Begin(ctx context.Context, id string) (begun custody.Installation, err error) {
	err = c.atomically(ctx, "begin installation", func(db bun.IDB) error {
		row := installationRow{One: theOne, ID: ident(id)}
		if _, err := db.NewInsert().Model(&row).On("CONFLICT (one) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		row = installationRow{}
		err := db.NewSelect().Model(&row).Where("one = ?", theOne).Scan(ctx)
		begun = row.installation()
		return err
	})
	return begun, err
}

func (c custodies) Stored(ctx context.Context, id string) error {
	return c.exec(ctx, "note stored installation", func(db bun.IDB) error {
		_, err := db.NewUpdate().Model((*installationRow)(nil)).Set("stored = ?", true).Where("one = ? AND id = ?", theOne, ident(id)).Exec(ctx)
		return err
	})
}

func (c custodies) Renew(ctx context.Context, id string) error {
	row := installationRow{One: theOne, ID: ident(id)}
	return c.exec(ctx, "renew installation", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).On("CONFLICT (one) DO UPDATE").Set("id = EXCLUDED.id").Set("stored = EXCLUDED.stored").Exec(ctx)
		return err
	})
}

func (c custodies) Strays(ctx context.Context, prefix, after, last string) ([]custody.Stray, error) {
	return list(ctx, c.conn, "list strays", unbounded, strayRow.stray, func(q *bun.SelectQuery) {
		begins(q, "object", prefix)
		q.Where("object > ?", ident(after)).OrderBy("object", bun.OrderAsc)
		if last != "" {
			q.Where("object <= ?", ident(last))
		}
	})
}

func (c custodies) Note(ctx context.Context, objects []string, now time.Time) error {
	if len(objects) == 0 {
		return nil
	}
	rows := make([]strayRow, len(objects))
	for i, object := range slices.Sorted(slices.Values(objects)) { // writers meet at the index, in one order
		rows[i] = strayRow{Object: ident(object), Since: at(now)}
	}
	return c.exec(ctx, "note strays", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&rows).On("CONFLICT (object) DO NOTHING").Exec(ctx)
		return err
	})
}

func (c custodies) Forget(ctx context.Context, objects []string) error {
	if len(objects) == 0 {
		return nil
	}
	names := make([]ident, len(objects))
	for i, object := range objects {
		names[i] = ident(object)
	}
	return c.exec(ctx, "forget strays", func(db bun.IDB) error {
		_, err := db.NewDelete().Model((*strayRow)(nil)).Where("object IN (?)", bun.List(names)).Exec(ctx)
		return err
	})
}
