package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// What stands here runs so often that planning it anew each time, and writing its
// text, would be most of its cost. The texts depend on nothing but the engine, and an
// engine that can keeps them prepared.

// repeated is a select of one row.
type repeated struct {
	where func(q *bun.SelectQuery, arguments []any)
	locks bool // see conn.lock
}

var (
	sessionByID       = &repeated{where: byID}
	sessionLocked     = &repeated{where: byID, locks: true}
	playerByID        = &repeated{where: byID}
	playerLocked      = &repeated{where: byID, locks: true}
	declaredVersion   = &repeated{where: byItsID}
	configuredVersion = &repeated{where: byItsID}
	// None of an environment, or of a project, that was deleted: they go later.
	credentialByHash = &repeated{where: func(q *bun.SelectQuery, arguments []any) {
		q.Where("hash = ? AND (SELECT deleted_at FROM environments WHERE environments.id = credentials.environment_id) IS NULL AND (SELECT deleted_at FROM projects WHERE projects.id = credentials.project_id) IS NULL", arguments...)
	}}
	// Not a join: that could as well begin with all players of the environment, and
	// does so while the tables have no statistics.
	playerByLogin = &repeated{where: func(q *bun.SelectQuery, arguments []any) {
		q.Where("environment_id = ? AND id = (SELECT player_id FROM logins WHERE environment_id = ? AND method = ? AND subject = ?)",
			append(arguments[:1:1], arguments...)...)
	}}
)

func byID(q *bun.SelectQuery, arguments []any) {
	q.Where("environment_id = ? AND id = ?", arguments...)
}

// byItsID is an environment.
func byItsID(q *bun.SelectQuery, arguments []any) {
	q.Where("id = ? AND deleted_at IS NULL", arguments...)
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
		written, _ = c.shared.texts.LoadOrStore(name, build(places(arguments)).String())
	}
	rows, err := c.rows(ctx, db, written.(string), c.given(arguments))
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

// places are what stands in a prepared statement's text for its arguments.
func places(arguments []any) []any {
	places := make([]any, len(arguments))
	for i := range places {
		places[i] = bun.Safe("$" + strconv.Itoa(i+1))
	}
	return places
}

// given are a prepared statement's arguments, as the engine takes them.
func (c conn) given(arguments []any) []any {
	given := make([]any, 1, 1+len(arguments))
	given[0] = c.shared.engine.Prepared
	for _, value := range arguments {
		given = append(given, argument(value))
	}
	return given
}

// statement runs a statement with a question mark for each argument.
func (c conn) statement(ctx context.Context, db bun.IDB, text string, arguments ...any) (sql.Result, error) {
	if c.shared.engine.Prepared == nil {
		return db.NewRaw(text, arguments...).Exec(ctx)
	}
	written, ok := c.shared.texts.Load(text)
	if !ok {
		numbered := text
		for i := range arguments {
			numbered = strings.Replace(numbered, "?", "$"+strconv.Itoa(i+1), 1)
		}
		written, _ = c.shared.texts.LoadOrStore(text, numbered)
	}
	return c.execute(ctx, db, written.(string), c.given(arguments))
}

// rows and execute run a statement that was written once; bun would look for
// its own placeholders, and pass nothing on.
func (c conn) rows(ctx context.Context, db bun.IDB, written string, given []any) (*sql.Rows, error) {
	if tx, ok := db.(bun.Tx); ok {
		return tx.Tx.QueryContext(ctx, written, given...)
	}
	return c.shared.engine.Read.QueryContext(ctx, written, given...)
}

func (c conn) execute(ctx context.Context, db bun.IDB, written string, given []any) (sql.Result, error) {
	if tx, ok := db.(bun.Tx); ok {
		return tx.Tx.ExecContext(ctx, written, given...)
	}
	return c.shared.engine.Write.ExecContext(ctx, written, given...)
}
