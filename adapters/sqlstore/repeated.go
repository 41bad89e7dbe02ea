package sqlstore

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/uptrace/bun"
)

// repeated is a select of one row that runs so often that planning it anew each
// time, and writing its text, would be most of its cost. Its text depends on nothing
// but the engine, and an engine that can keeps it prepared.
type repeated struct {
	where func(q *bun.SelectQuery, arguments []any)
	locks bool // see conn.lock
}

var (
	sessionByID      = &repeated{where: byID}
	sessionLocked    = &repeated{where: byID, locks: true}
	playerByID       = &repeated{where: byID}
	playerLocked     = &repeated{where: byID, locks: true}
	credentialByHash = &repeated{where: func(q *bun.SelectQuery, arguments []any) { q.Where("hash = ?", arguments...) }}
	playerByLogin    = &repeated{where: func(q *bun.SelectQuery, arguments []any) {
		q.Join("JOIN logins ON logins.environment_id = players.environment_id AND logins.player_id = players.id").
			Where("logins.environment_id = ? AND logins.method = ? AND logins.subject = ?", arguments...)
	}}
)

func byID(q *bun.SelectQuery, arguments []any) {
	q.Where("environment_id = ? AND id = ?", arguments...)
}

// text is a statement that was written once.
type text struct {
	of     *repeated
	locked bool
}

// first reads the first row that a repeated select finds, or is sql.ErrNoRows.
func (c conn) first(ctx context.Context, db bun.IDB, r *repeated, row any, arguments ...any) error {
	build := func(arguments []any) *bun.SelectQuery {
		q := db.NewSelect().Model(row)
		r.where(q, arguments)
		if r.locks {
			q = c.lock(q)
		}
		return q
	}
	if c.shared.engine.Prepared == nil {
		return build(arguments).Scan(ctx)
	}
	name := text{r, r.locks && c.inTx}
	written, ok := c.shared.texts.Load(name)
	if !ok {
		places := make([]any, len(arguments))
		for i := range places {
			places[i] = bun.Safe("$" + strconv.Itoa(i+1))
		}
		written, _ = c.shared.texts.LoadOrStore(name, build(places).String())
	}
	given := make([]any, 1, 1+len(arguments))
	given[0] = c.shared.engine.Prepared
	for _, argument := range arguments {
		if i, ok := argument.(ident); ok {
			argument = i.argument()
		}
		given = append(given, argument)
	}
	var rows *sql.Rows
	var err error
	// bun would look for its own placeholders, and pass nothing on.
	switch db := db.(type) {
	case bun.Tx:
		rows, err = db.Tx.QueryContext(ctx, written.(string), given...)
	default:
		rows, err = c.shared.engine.Read.QueryContext(ctx, written.(string), given...)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := c.shared.reader.ScanRow(ctx, rows, row); err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}
