package postgres

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/overworldhq/overworld/adapters/sqlstore"
)

// classify is the one place that knows PostgreSQL's error codes (appendix A of its
// manual).
func classify(err error) sqlstore.Verdict {
	var refused *pgconn.ConnectError
	var told *pgconn.PgError
	switch {
	case err == nil:
		return sqlstore.Verdict{}
	case errors.As(err, &refused):
		// No connection was made, for whatever reason. Some are those of the address.
		if errors.As(err, &told) && lockedOut(told.Code) {
			return sqlstore.Verdict{Class: sqlstore.Refused}
		}
		return sqlstore.Verdict{Class: sqlstore.Away}
	case errors.As(err, &told):
		return sqlstore.Verdict{Class: classOf(told.Code), Constraint: told.ConstraintName}
	case broken(err):
		return sqlstore.Verdict{Class: sqlstore.Lost}
	}
	return sqlstore.Verdict{}
}

// lockedOut tells a user or database that there isn't, a wrong password, and a user who isn't let in.
func lockedOut(code string) bool {
	switch code {
	case "3D000", "28000", "28P01", "42501":
		return true
	}
	return false
}

func classOf(code string) sqlstore.Class {
	switch code {
	case "23505", "42P07", "42710": // a row; a table, or the type that comes with it
		return sqlstore.UniqueViolation
	case "23503":
		return sqlstore.ForeignKeyViolation
	case "40001", "40P01": // serialization failure, deadlock
		return sqlstore.Contention
	case "26000", "0A000": // a prepared statement is gone, or the schema it was planned for is; pgx prepares it anew
		return sqlstore.Contention
	case "57P01", "57P02", "57P05", "25P03": // the server shuts down, crashed, or found the session or its transaction idle
		return sqlstore.Lost
	case "25006": // read only: after a fail-over this connection leads to a standby
		return sqlstore.ReadOnly
	case "57P03": // it is starting up
		return sqlstore.Away
	case "42P01":
		return sqlstore.NoTable
	}
	switch {
	case strings.HasPrefix(code, "08"): // connection
		return sqlstore.Lost
	case strings.HasPrefix(code, "53"), strings.HasPrefix(code, "58"): // out of connections, memory or disk; input and output
		return sqlstore.Away
	}
	return sqlstore.Unknown
}

// broken tells an error of the connection itself.
func broken(err error) bool {
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		// pgx has no value for it.
		strings.Contains(err.Error(), "conn closed")
}
