package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver

	"github.com/overworldhq/overworld/tests/servers"
)

// The floors of writing: the same rows into a table of the same shape, with
// nothing in front of it.

const floorTable = `CREATE TABLE IF NOT EXISTS bench_documents (
	environment_id text NOT NULL, owner text NOT NULL, collection text NOT NULL, key text NOT NULL, value text,
	version bigint NOT NULL, read_access text NOT NULL, write_access text NOT NULL,
	created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, deleted boolean NOT NULL,
	PRIMARY KEY (environment_id, owner, collection, key))`

const floorConflict = ` ON CONFLICT (environment_id, owner, collection, key) DO UPDATE SET
	value = excluded.value, version = bench_documents.version + 1, updated_at = excluded.updated_at`

const floorColumns = `INSERT INTO bench_documents (environment_id, owner, collection, key, value, version, read_access, write_access, created_at, updated_at, deleted) `

// batch is how many rows the larger of the two floors writes at once.
const batch = 64

// postgresUpserts measures rows by the statement, from pgx with prepared statements;
// an operation is one row.
func postgresUpserts(ctx context.Context, s *servers.Durable, rows int, l load) (figures, error) {
	setup, err := pgx.Connect(ctx, s.Postgres)
	if err != nil {
		return figures{}, err
	}
	defer setup.Close(ctx)
	if _, err := setup.Exec(ctx, floorTable); err != nil {
		return figures{}, err
	}
	statement := floorColumns + `SELECT 'environment', owner, 'saves', key, $3, 1, 'owner', 'owner', now(), now(), false FROM unnest($1::text[], $2::text[]) AS given (owner, key)` + floorConflict
	if rows == 1 {
		statement = floorColumns + `VALUES ('environment', $1, 'saves', $2, $3, 1, 'owner', 'owner', now(), now(), false)` + floorConflict
	}
	l.open = func(i int) (operation, func(), error) {
		conn, err := pgx.Connect(ctx, s.Postgres)
		if err != nil {
			return nil, nil, err
		}
		next := 0
		do := func() error {
			next++
			if rows == 1 {
				_, err := conn.Exec(ctx, statement, fmt.Sprintf("player-%d", i), documentPath(next%slots), documentValue)
				return err
			}
			var owners, keys []string
			for row := range rows {
				owners = append(owners, fmt.Sprintf("player-%d-%d", i, row))
				keys = append(keys, documentPath(next%slots))
			}
			_, err := conn.Exec(ctx, statement, owners, keys, documentValue)
			return err
		}
		return do, func() { _ = conn.Close(ctx) }, nil
	}
	l.used = func() (cpu, error) {
		used, err := s.PostgresCPU()
		return cpu{database: used}, err
	}
	f, err := drive(ctx, l)
	f.server, f.cache = -1, -1
	return f.by(rows), err
}

// sqliteUpserts is the like for SQLite, as durable as the embedded stack, over its
// one writing connection.
func sqliteUpserts(ctx context.Context, folder string, rows int, l load) (figures, error) {
	name := url.URL{Scheme: "file", Opaque: filepath.ToSlash(filepath.Join(folder, "floor.db")), RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return figures{}, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, floorTable); err != nil {
		return figures{}, err
	}
	one := `('environment', ?, 'saves', ?, ?, 1, 'owner', 'owner', 0, 0, false)`
	//nolint:sqlclosecheck // it is closed below, and used in closures that end before
	statement, err := db.PrepareContext(ctx, floorColumns+"VALUES "+strings.Repeat(one+", ", rows-1)+one+floorConflict)
	if err != nil {
		return figures{}, err
	}
	defer statement.Close()
	l.open = func(i int) (operation, func(), error) {
		next := 0
		do := func() error {
			next++
			var arguments []any
			for row := range rows {
				arguments = append(arguments, fmt.Sprintf("player-%d-%d", i, row), documentPath(next%slots), documentValue)
			}
			_, err := statement.ExecContext(ctx, arguments...)
			return err
		}
		return do, func() {}, nil
	}
	// It runs in this process, whose processor time is the load's as well.
	l.used = func() (cpu, error) { return cpu{}, nil }
	f, err := drive(ctx, l)
	f.server, f.database, f.cache = -1, -1, -1
	return f.by(rows), err
}

// by counts rows instead of statements.
func (f figures) by(rows int) figures {
	n := float64(rows)
	f.persecond *= n
	f.server, f.database, f.cache = f.server/n, f.database/n, f.cache/n
	return f
}
