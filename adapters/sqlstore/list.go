package sqlstore

import (
	"context"
	"math"

	"github.com/uptrace/bun"
)

// unbounded is the limit of lists that are short by nature.
const unbounded = math.MaxInt32

// list reads up to limit rows of one table, narrowed and ordered by shape, each
// turned into what the domain knows. It never gives nil without an error.
func list[Row, Item any](ctx context.Context, c conn, what string, limit int, item func(Row) Item, shape func(q *bun.SelectQuery)) ([]Item, error) {
	items := []Item{}
	if limit <= 0 { // to SQLite a negative limit is none
		return items, nil
	}
	var rows []Row
	err := c.query(ctx, what, func(db bun.IDB) error {
		rows = nil
		q := db.NewSelect().Model(&rows)
		shape(q)
		return q.Limit(int64(limit)).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		items = append(items, item(row))
	}
	return items, nil
}

// listWithin is list for rows of which some are large: from the third on it gives one if those before it have at most
// so many bytes, as size tells them; 0 is no bound. Those it doesn't give are not held in memory either.
func listWithin[Row, Item any](ctx context.Context, c conn, what string, limit, bytes int, item func(Row) Item, size func(Item) int, shape func(q *bun.SelectQuery)) ([]Item, error) {
	if bytes <= 0 || limit <= 0 {
		return list(ctx, c, what, limit, item, shape)
	}
	var items []Item
	err := c.query(ctx, what, func(db bun.IDB) error {
		items = []Item{}
		q := db.NewSelect().Model((*Row)(nil))
		shape(q)
		rows, err := q.Limit(int64(limit)).Rows(ctx)
		if err != nil {
			return err
		}
		defer rows.Close()
		for before := 0; (before <= bytes || len(items) < 2) && rows.Next(); {
			var row Row
			if err := q.DB().ScanRow(ctx, rows, &row); err != nil {
				return err
			}
			one := item(row)
			items, before = append(items, one), before+size(one)
		}
		return rows.Err()
	})
	return items, err
}
