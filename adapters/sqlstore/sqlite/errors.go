package sqlite

import (
	"errors"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/overworldhq/overworld/adapters/sqlstore"
)

// classify is the one place that knows SQLite's result codes
// (https://www.sqlite.org/rescode.html).
func classify(err error) sqlstore.Verdict {
	var told *driver.Error
	if !errors.As(err, &told) {
		return sqlstore.Verdict{}
	}
	switch told.Code() {
	case codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		table, _ := violated(told.Error())
		return sqlstore.Verdict{Class: sqlstore.UniqueViolation, Constraint: table + "_pkey"}
	case codes.SQLITE_CONSTRAINT_UNIQUE:
		table, columns := violated(told.Error())
		return sqlstore.Verdict{Class: sqlstore.UniqueViolation, Constraint: table + "_" + columns + "_key"}
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return sqlstore.Verdict{Class: sqlstore.ForeignKeyViolation}
	}
	switch told.Code() & 0xff { // the rest of an extended code only says where
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return sqlstore.Verdict{Class: sqlstore.Contention}
	case codes.SQLITE_IOERR, codes.SQLITE_FULL, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return sqlstore.Verdict{Class: sqlstore.Away}
	case codes.SQLITE_READONLY:
		return sqlstore.Verdict{Class: sqlstore.ReadOnly}
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return sqlstore.Verdict{Class: sqlstore.Damaged}
	case codes.SQLITE_ERROR:
		if strings.Contains(told.Error(), "no such table") {
			return sqlstore.Verdict{Class: sqlstore.NoTable}
		}
	}
	return sqlstore.Verdict{}
}

// violated reads the table and the columns, joined by "_", out of a message such
// as "UNIQUE constraint failed: environments.project_id, environments.slug (2067)".
func violated(message string) (table, columns string) {
	_, list, found := strings.Cut(message, "UNIQUE constraint failed: ")
	if !found {
		return "", ""
	}
	list, _, _ = strings.Cut(list, " (")
	var names []string
	for place := range strings.SplitSeq(list, ", ") {
		var column string
		table, column, _ = strings.Cut(place, ".")
		names = append(names, column)
	}
	return table, strings.Join(names, "_")
}
