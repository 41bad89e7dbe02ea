package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/entrants"
	"github.com/overworldhq/overworld/tests/servers"
)

// The floors of ranking: entries into a table of the same shape and with the same
// indexes, and a sorted set of Redis, with nothing in front of either.

const entryTable = `CREATE TABLE IF NOT EXISTS bench_entries (
	environment_id text NOT NULL, player_id text NOT NULL, board_id text NOT NULL, season bigint NOT NULL, rank_key %s NOT NULL,
	score bigint NOT NULL, subscore bigint NOT NULL, achieved_at bigint NOT NULL, metadata text NOT NULL, submissions bigint NOT NULL,
	revision bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL,
	PRIMARY KEY (environment_id, player_id, board_id, season))`

const entryIndex = `CREATE INDEX IF NOT EXISTS bench_entries_rank_idx ON bench_entries (environment_id, board_id, season, rank_key, player_id)`

const entryColumns = `INSERT INTO bench_entries (environment_id, player_id, board_id, season, rank_key, score, subscore, achieved_at, metadata, submissions, revision, created_at, updated_at) `

const entryConflict = ` ON CONFLICT (environment_id, player_id, board_id, season) DO UPDATE SET
	rank_key = excluded.rank_key, score = excluded.score, revision = bench_entries.revision + 1, updated_at = excluded.updated_at`

// entryRows gives rows of random players, and keys that are as long as ours.
func entryRows(rows, of int) (players []string, keys [][]byte) {
	for range rows {
		key := make([]byte, 24)
		for at := 4; at < 8; at++ {
			key[at] = byte(rand.Uint32())
		}
		players, keys = append(players, string(entrants.Player(rand.IntN(of)))), append(keys, key)
	}
	return players, keys
}

// postgresEntries measures rows by the statement; an operation is one row.
func postgresEntries(ctx context.Context, s *servers.Durable, rows int, l load) (figures, error) {
	setup, err := pgx.Connect(ctx, s.Postgres)
	if err != nil {
		return figures{}, err
	}
	defer setup.Close(ctx)
	for _, statement := range []string{
		fmt.Sprintf(entryTable, "bytea"), entryIndex,
		entryColumns + fmt.Sprintf(`SELECT 'environment', lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0'), 'laps', 1,
			decode(lpad(to_hex(i), 48, '0'), 'hex'), i, 0, 0, '', 0, 1, 0, 0 FROM generate_series(0, %d) AS i ON CONFLICT DO NOTHING`, boardSize-1),
	} {
		if _, err := setup.Exec(ctx, statement); err != nil {
			return figures{}, err
		}
	}
	statement := entryColumns + `SELECT 'environment', player, 'laps', 1, key, 1, 0, 0, '', 0, 1, 0, 0 FROM unnest($1::text[], $2::bytea[]) AS given (player, key)` + entryConflict
	if rows == 1 {
		statement = entryColumns + `VALUES ('environment', $1, 'laps', 1, $2, 1, 0, 0, '', 0, 1, 0, 0)` + entryConflict
	}
	l.open = func(int) (operation, func(), error) {
		conn, err := pgx.Connect(ctx, s.Postgres)
		if err != nil {
			return nil, nil, err
		}
		do := func() error {
			if rows == 1 {
				players, keys := entryRows(1, submitters)
				_, err := conn.Exec(ctx, statement, players[0], keys[0])
				return err
			}
			players, keys := distinct(rows)
			_, err := conn.Exec(ctx, statement, players, keys)
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

// distinct gives rows of different players, in their order, so that statements at once
// don't wait for each other in a circle.
func distinct(rows int) (players []string, keys [][]byte) {
	_, keys = entryRows(rows, submitters)
	step := submitters / rows
	for i := range rows {
		players = append(players, string(entrants.Player(i*step+rand.IntN(step))))
	}
	return players, keys
}

// sqliteEntries is the like for SQLite, as durable as the embedded stack, over its
// one writing connection.
func sqliteEntries(ctx context.Context, folder string, rows int, l load) (figures, error) {
	name := url.URL{Scheme: "file", Opaque: filepath.ToSlash(filepath.Join(folder, "floor.db")), RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return figures{}, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		fmt.Sprintf(entryTable, "blob"), entryIndex,
		fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) `, boardSize-1) + entryColumns +
			`SELECT 'environment', printf('%08x-0000-7000-8000-%012x', i, i), 'laps', 1, unhex(printf('%048x', i)), i, 0, 0, '', 0, 1, 0, 0 FROM numbers WHERE true ON CONFLICT DO NOTHING`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return figures{}, err
		}
	}
	one := `('environment', ?, 'laps', 1, ?, 1, 0, 0, '', 0, 1, 0, 0)`
	//nolint:sqlclosecheck // it is closed below, and used in closures that end before
	statement, err := db.PrepareContext(ctx, entryColumns+"VALUES "+strings.Repeat(one+", ", rows-1)+one+entryConflict)
	if err != nil {
		return figures{}, err
	}
	defer statement.Close()
	l.open = func(int) (operation, func(), error) {
		return func() error {
			var arguments []any
			players, keys := distinct(rows)
			for i := range players {
				arguments = append(arguments, players[i], keys[i])
			}
			_, err := statement.ExecContext(ctx, arguments...)
			return err
		}, func() {}, nil
	}
	// It runs in this process, whose processor time is the load's as well.
	l.used = func() (cpu, error) { return cpu{}, nil }
	f, err := drive(ctx, l)
	f.server, f.database, f.cache = -1, -1, -1
	return f.by(rows), err
}

// sortedSet measures a command on a sorted set of floats, one by one on each connection.
func sortedSet(ctx context.Context, s *servers.Durable, command func(member string) []string, l load) (figures, error) {
	address, err := url.Parse(s.Redis)
	if err != nil {
		return figures{}, err
	}
	setup, err := dialRedis(address.Host)
	if err != nil {
		return figures{}, err
	}
	defer setup.close()
	for i := range boardSize {
		if err := setup.do("ZADD", "bench", strconv.Itoa(i), string(entrants.Player(i))); err != nil {
			return figures{}, err
		}
	}
	l.open = func(int) (operation, func(), error) {
		c, err := dialRedis(address.Host)
		if err != nil {
			return nil, nil, err
		}
		return func() error { return c.do(command(string(entrants.Player(rand.IntN(boardSize))))...) }, c.close, nil
	}
	l.used = func() (cpu, error) {
		used, err := s.RedisCPU()
		return cpu{cache: used}, err
	}
	f, err := drive(ctx, l)
	f.server, f.database = -1, -1
	return f, err
}

// redisConnection speaks as little of Redis's protocol as the floors need.
type redisConnection struct {
	conn   net.Conn
	reader *bufio.Reader
	out    []byte
}

func dialRedis(address string) (*redisConnection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &redisConnection{conn: conn, reader: bufio.NewReader(conn)}, nil
}

func (c *redisConnection) close() { _ = c.conn.Close() }

// do sends a command whose answer is one line.
func (c *redisConnection) do(words ...string) error {
	c.out = fmt.Appendf(c.out[:0], "*%d\r\n", len(words))
	for _, word := range words {
		c.out = fmt.Appendf(c.out, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	line, err := c.reader.ReadString('\n')
	if err == nil && line[0] == '-' {
		err = errors.New(line)
	}
	return err
}
