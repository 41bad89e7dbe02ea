package sqlstore

import (
	"database/sql"
	"io/fs"

	"github.com/uptrace/bun/schema"

	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Engine is what one database engine brings: ways to reach it, and all that
// sets it apart from the others.
type Engine struct {
	// Name is what OpenTelemetry calls the engine: "postgresql", say.
	Name string
	// Write carries writes and transactions, Read everything else. They may be
	// the same pool. A transaction of Write must exclude or detect every other
	// that touches the same rows.
	Write, Read *sql.DB
	// Watch has a connection for Ping and nothing else, so that a database which
	// only has much to do is not taken for one that is away.
	Watch *sql.DB
	// Dialect makes bun's dialect; each pool needs one of its own.
	Dialect func() schema.Dialect
	// RowLocks tells whether SELECT … FOR UPDATE exists. Where it doesn't, a
	// transaction must keep all other writers out from its beginning.
	RowLocks bool
	// Exclusive tells whether one server process at a time may use the data.
	Exclusive bool
	// Migrations holds the schema's SQL files, applied in the order of their names.
	Migrations fs.FS
	// Classify tells what an error of the engine means, wherever it is in err's
	// chain. Context errors are not its concern.
	Classify func(err error) Verdict
	// Prepared, given as the first argument of a query with placeholders $1, $2, …,
	// has the engine keep the statement prepared; nil where that can't be done, and
	// arguments are written into the text.
	Prepared any
	// Discard drops pooled connections that may be dead; nil when there are none to drop.
	Discard func()
	// Pools tells of the connections; nil: nothing.
	Pools func() []datastore.Pool
	// Close releases what the engine holds besides the two pools; nil: nothing.
	Close func() error
	// Clock dates migrations and spreads retries.
	Clock clock.Clock
}

// Verdict is what an engine's error means.
type Verdict struct {
	Class Class
	// Constraint names what a UniqueViolation ran into, as PostgreSQL would by
	// default: <table>_pkey, or <table>_<columns>_key.
	Constraint string
}

// Class is the kind of an engine's error.
type Class uint8

const (
	// Unknown: a bug of ours, or something nobody foresaw.
	Unknown Class = iota
	// UniqueViolation: the row, or table, exists.
	UniqueViolation
	// ForeignKeyViolation: what the row belongs to doesn't exist.
	ForeignKeyViolation
	// Contention: nothing was done; the same again may succeed.
	Contention
	// Lost: the connection broke, and whether the statement was done is not known.
	Lost
	// Away: the database can't be reached, or can't work now.
	Away
	// Refused: it lets nobody in by this address, whenever it is tried.
	Refused
	// ReadOnly: nothing was done, because it takes no writes. Other connections may lead to where it does.
	ReadOnly
	// Damaged: what it keeps can't be read any more.
	Damaged
	// NoTable: the schema is not there.
	NoTable
)
