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
