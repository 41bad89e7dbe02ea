package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// Statements over many rows of arguments, for writers that share a commit and
// readers that share a query. Where statements are kept prepared each column of the
// rows is one argument, an array, so that one text serves any number of rows.
//
// Such a plan is kept while its tables grow, so it must be good whatever the planner
// believed of them when it was made: rows are found one by one (LATERAL), and
// changed through the index that ON CONFLICT names.

// column is one of a row of arguments.
type column struct {
	name string
	kind kind
}

// kind is a type of PostgreSQL's. SQLite asks for none.
type kind string

const (
	texts    kind = "text"
	octets   kind = "bytea"
	integers kind = "bigint"
	truths   kind = "boolean"
	moments  kind = "timestamptz"
)

// bulk is a statement that changes rows. Its text sees the rows of arguments as the
// relation given, and {environment} stands for the environment.
type bulk struct {
	columns []column
	text    string
}

// spread runs a bulk.
func (c conn) spread(ctx context.Context, db bun.IDB, b *bulk, environment ident, given [][]any) (sql.Result, error) {
	if c.shared.engine.Prepared == nil {
		written, arguments := spelled(db, b.columns, given)
		for range strings.Count(b.text, "{environment}") {
			arguments = append(arguments, environment)
		}
		return db.NewRaw(written+strings.ReplaceAll(b.text, "{environment}", "?"), arguments...).Exec(ctx)
	}
	written, ok := c.shared.texts.Load(b)
	if !ok {
		written, _ = c.shared.texts.LoadOrStore(b, arrays(b.columns)+strings.ReplaceAll(b.text, "{environment}", "$1"))
	}
	return c.execute(ctx, db, written.(string), c.arrays(b.columns, environment, given))
}

// search is a select of the rows that have the given values in columns of a unique
// index, which begins with the environment.
type search struct {
	columns []column
	// besides are given too, for narrow and part: further conditions of the rows found, and
	// which of them, in what order, in place of the one there is. Both need LATERAL.
	besides      []column
	narrow, part string
	// through, if there is one, selects those values instead, each once and in order, from what is
	// given: the relation given. {environment} stands for the environment.
	through string
	lock    string // in the order in which they are given; empty: none. See conn.lock
}

// What a search may lock for.
const (
	forUpdate = "FOR UPDATE"
	// forChange lets others refer to the row: give its player a session, say.
	forChange = "FOR NO KEY UPDATE"
	// forReference lets others do so too, and change it, but not lock it whole.
	forReference = "FOR KEY SHARE"
)

// gather runs a search; into is a pointer to a slice of the rows that it finds.
func (c conn) gather(ctx context.Context, db bun.IDB, s *search, environment ident, given [][]any, into any) error {
	table := c.shared.reader.Table(reflect.TypeOf(into).Elem().Elem())
	locks := s.lock != "" && c.locking()
	if c.shared.engine.Prepared == nil {
		written, arguments := spelled(db, s.given(), given)
		for range strings.Count(s.through, "{environment}") + 1 {
			arguments = append(arguments, environment)
		}
		return db.NewRaw(written+s.text(table, "?", locks, db.Dialect().Name() == dialect.PG), arguments...).Scan(ctx, into)
	}
	type shape struct {
		of    *search
		table *schema.Table
		locks bool
	}
	name := shape{s, table, locks}
	written, ok := c.shared.texts.Load(name)
	if !ok {
		written, _ = c.shared.texts.LoadOrStore(name, arrays(s.given())+s.text(table, "$1", locks, true))
	}
	rows, err := c.rows(ctx, db, written.(string), c.arrays(s.given(), environment, given))
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := c.shared.reader.ScanRows(ctx, rows, into); err != nil {
		return err
	}
	return rows.Err()
}

func (s *search) given() []column { return append(slices.Clip(s.columns), s.besides...) }

func (s *search) text(table *schema.Table, environment string, locks, lateral bool) string {
	fields := make([]string, len(table.Fields))
	for i, field := range table.Fields {
		fields[i] = "found." + string(field.SQLName)
	}
	same := sameAs("found", environment, s.columns)
	all, from, given := strings.Join(fields, ", "), string(table.SQLName)+" AS found", "given"
	if s.through != "" {
		given = "(" + strings.ReplaceAll(s.through, "{environment}", environment) + ") AS given"
	}
	if !lateral { // SQLite goes from the arguments to the table by itself
		return fmt.Sprintf("SELECT %s FROM %s JOIN %s ON %s", all, given, from, same)
	}
	lock, part := "", "LIMIT 1"
	if locks {
		lock = s.lock
	}
	if s.part != "" {
		part = s.part
	}
	return fmt.Sprintf("SELECT found.* FROM %s CROSS JOIN LATERAL (SELECT %s FROM %s WHERE %s%s %s %s) AS found", given, all, from, same, s.narrow, part, lock)
}

// amend is a change of columns of rows that are there: of key, which with the
// environment is the table's primary key, to set. Only those change whose column
// rising is less than what is given for it, if there is such a column.
type amend struct {
	model    any
	key, set []column
	rising   string
}

// change makes an amend.
func (c conn) change(ctx context.Context, db bun.IDB, a *amend, environment ident, given [][]any) (sql.Result, error) {
	b, ok := c.shared.texts.Load(a)
	if !ok {
		table := c.shared.reader.Table(reflect.TypeOf(a.model).Elem())
		b, _ = c.shared.texts.LoadOrStore(a, &bulk{append(slices.Clip(a.key), a.set...), a.text(table, c.shared.engine.RowLocks)})
	}
	return c.spread(ctx, db, b.(*bulk), environment, given)
}

func (a *amend) text(table *schema.Table, lateral bool) string {
	name := string(table.SQLName)
	set, less := make([]string, len(a.set)), ""
	if !lateral { // SQLite goes from the arguments to the table by itself
		for i, column := range a.set {
			set[i] = column.name + " = given." + column.name
		}
		if a.rising != "" {
			less = fmt.Sprintf(" AND %s.%s < given.%s", name, a.rising, a.rising)
		}
		return fmt.Sprintf("UPDATE %s SET %s FROM given WHERE %s%s", name, strings.Join(set, ", "), sameAs(name, "{environment}", a.key), less)
	}
	// An insert of what is there: always a conflict, and so by that index.
	all, selected, found := make([]string, len(table.Fields)), make([]string, len(table.Fields)), make([]string, len(table.Fields))
	for i, field := range table.Fields {
		all[i] = string(field.SQLName)
		selected[i], found[i] = "found."+all[i], "found."+all[i]
		if slices.ContainsFunc(a.set, func(c column) bool { return string(field.SQLName) == `"`+c.name+`"` }) {
			selected[i] = "given." + all[i]
		}
	}
	for i, column := range a.set {
		set[i] = column.name + " = excluded." + column.name
	}
	if a.rising != "" {
		less = fmt.Sprintf(" WHERE %s.%s < excluded.%s", name, a.rising, a.rising)
	}
	keys := []string{"environment_id"}
	for _, column := range a.key {
		keys = append(keys, column.name)
	}
	return fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM given CROSS JOIN LATERAL (SELECT %s FROM %s AS found WHERE %s LIMIT 1 %s) AS found
		ON CONFLICT (%s) DO UPDATE SET %s%s`, name, strings.Join(all, ", "), strings.Join(selected, ", "),
		strings.Join(found, ", "), name, sameAs("found", "{environment}", a.key), forChange, strings.Join(keys, ", "), strings.Join(set, ", "), less)
}

func sameAs(table, environment string, columns []column) string {
	same := table + ".environment_id = " + environment
	for _, column := range columns {
		same += " AND " + table + "." + column.name + " = given." + column.name
	}
	return same
}

// arrays begins a statement whose rows of arguments come as arrays, after the environment.
func arrays(columns []column) string {
	places := make([]string, len(columns))
	for i, column := range columns {
		places[i] = "$" + strconv.Itoa(i+2) + "::" + string(column.kind) + "[]"
	}
	return given(columns, "SELECT * FROM unnest("+strings.Join(places, ", ")+")")
}

// spelled begins a statement with its rows of arguments in the text.
func spelled(db bun.IDB, columns []column, rows [][]any) (string, []any) {
	arguments := make([]any, 0, len(rows)*len(columns)+2)
	written := make([]string, len(rows))
	for i, row := range rows {
		places := make([]string, len(row))
		for j := range row {
			places[j] = "?"
			if i == 0 && db.Dialect().Name() == dialect.PG {
				// A column of nothing but NULL would be taken for text.
				places[j] = "CAST(? AS " + string(columns[j].kind) + ")"
			}
		}
		written[i] = "(" + strings.Join(places, ", ") + ")"
		arguments = append(arguments, row...)
	}
	return given(columns, "VALUES "+strings.Join(written, ", ")), arguments
}

func given(columns []column, rows string) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.name
	}
	return "WITH given (" + strings.Join(names, ", ") + ") AS (" + rows + ") "
}

// arrays are a prepared statement's arguments.
func (c conn) arrays(columns []column, environment ident, rows [][]any) []any {
	arguments := make([]any, 0, len(columns)+2)
	arguments = append(arguments, c.shared.engine.Prepared, argument(environment))
	for i, column := range columns {
		switch column.kind {
		case octets:
			arguments = append(arguments, array[[]byte](rows, i))
		case integers:
			arguments = append(arguments, array[int64](rows, i))
		case truths:
			arguments = append(arguments, array[bool](rows, i))
		case moments:
			arguments = append(arguments, array[time.Time](rows, i))
		case texts:
			arguments = append(arguments, array[string](rows, i))
		}
	}
	return arguments
}

// array is one column of the rows; what is nil in it is NULL.
func array[T any](rows [][]any, column int) []*T {
	values, array := make([]T, len(rows)), make([]*T, len(rows))
	for i, row := range rows {
		if value := argument(row[column]); value != nil {
			values[i] = value.(T)
			array[i] = &values[i]
		}
	}
	return array
}
