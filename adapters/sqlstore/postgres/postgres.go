package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/overworldhq/overworld/adapters/sqlstore"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// defaultPool is the most connections of one replica when the URL doesn't
	// say (pool_max_conns). More of them only queue on rows and cores.
	defaultPool = 16
	// connectTimeout bounds one attempt to connect when the URL doesn't say
	// (connect_timeout).
	connectTimeout = 5 * time.Second
	// pingTimeout bounds the check of a connection that was idle for a second.
	pingTimeout = 2 * time.Second
	// idleTimeout is how long the server keeps a transaction whose client says
	// nothing, when the URL doesn't say (idle_in_transaction_session_timeout). A
	// process that was paused within one would hold its rows, a job's lease among
	// them, for as long as it sleeps. Ours have nothing to wait for but the database.
	idleTimeout = 5 * time.Second
)

// Plugin adds PostgreSQL.
func Plugin(r *plugin.Registry) {
	r.Databases.Handle("postgres", open)
	r.Databases.Handle("postgresql", open)
}

// open makes the pool, which connects when it is used.
func open(ctx context.Context, address *url.URL, kit plugin.Kit) (datastore.Datastore, error) {
	config, err := pgxpool.ParseConfig(address.String())
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	given := address.Query()
	if !given.Has("pool_max_conns") {
		config.MaxConns = defaultPool
	}
	if !given.Has("connect_timeout") {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.PingTimeout = pingTimeout
	// Elsewhere than in repeated selects bun writes arguments into the text of a query, so each text is new:
	// preparing it would cost a round trip and fill a cache with what never
	// comes again. The quotes it writes mean what it thinks only with
	// standard strings.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	config.ConnConfig.RuntimeParams["standard_conforming_strings"] = "on"
	// Text is UTF-8 also where the server's own default is another, as that of
	// a database made in the C locale is.
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "overworld"
	}
	settings := map[string]string{
		// Every query of ours is served by an index. Left to its estimates, which are
		// guesses until a table was analyzed, the planner reads a small table
		// from end to end, and keeps that plan while the table grows.
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"idle_in_transaction_session_timeout": strconv.FormatInt(idleTimeout.Milliseconds(), 10),
	}
	var names, values []string
	for name, value := range settings {
		if config.ConnConfig.RuntimeParams[name] == "" {
			names, values = append(names, name), append(values, value)
		}
	}
	// Set by a statement, since poolers refuse to start a session with them; and
	// only those that there are, since databases that speak PostgreSQL's protocol lack some.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT set_config(name, wanted.setting, false)
			FROM pg_settings JOIN unnest($1::text[], $2::text[]) AS wanted (name, setting) USING (name)`, names, values)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make pool: %w", err)
	}
	alone := config.Copy()
	alone.MaxConns, alone.MinConns, alone.MinIdleConns = 1, 0, 0
	watch, err := pgxpool.NewWithConfig(ctx, alone)
	if err != nil {
		return nil, fmt.Errorf("make pool: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	return sqlstore.New(sqlstore.Engine{
		Name:  "postgresql",
		Write: db, Read: db, Watch: stdlib.OpenDBFromPool(watch),
		Dialect:    func() schema.Dialect { return pgdialect.New() },
		RowLocks:   true,
		Prepared:   prepared(config),
		Migrations: files,
		Classify:   classify,
		Discard:    func() { pool.Reset(); watch.Reset() },
		Pools:      func() []datastore.Pool { return []datastore.Pool{poolOf(pool.Stat())} },
		Close:      func() error { closePool(pool); closePool(watch); return nil },
		Clock:      kit.Clock,
	}), nil
}

// prepared has pgx prepare a statement once a connection. A URL with
// statement_cache_capacity=0 says that what is prepared doesn't last, as behind a pooler
// that gives each transaction another connection.
func prepared(config *pgxpool.Config) any {
	if config.ConnConfig.StatementCacheCapacity == 0 {
		return nil
	}
	return pgx.QueryExecModeCacheStatement
}

func poolOf(s *pgxpool.Stat) datastore.Pool {
	return datastore.Pool{
		Name: "all", Max: int(s.MaxConns()), Open: int(s.TotalConns()), InUse: int(s.AcquiredConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}
}

// closePool doesn't wait for connections in use, as pgxpool does; the last of them
// closes when its caller lets go of it, and the pool with it.
func closePool(pool *pgxpool.Pool) {
	if pool.Stat().AcquiredConns() == 0 {
		pool.Close()
		return
	}
	go pool.Close()
}
