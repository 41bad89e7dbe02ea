package entrants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

// Season is one in which so many players have an entry each.
type Season struct {
	Environment string // id
	Board       string
	Number      int
	Rules       ranking.Rules
	Size        int // not a multiple of 7919
	// Alone has the players left out, where it doesn't matter that they aren't there.
	Alone bool
}

// stride spreads scores over the players: those of neighbours are far apart.
const stride = 7919

// Player is the i-th.
func Player(i int) identity.PlayerID {
	return identity.PlayerID(fmt.Sprintf("%08x-0000-7000-8000-%012x", i, i))
}

// Place is how many of them have a smaller score than the i-th; no two have the same.
func (s Season) Place(i int) int { return i * stride % s.Size }

// Score is the i-th player's: ten times his place, so that there is room in between.
func (s Season) Score(i int) int64 { return int64(s.Place(i)) * 10 }

// Time is when they all came, and achieved what they have.
var Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var (
	playerColumns = []string{"environment_id", "id", "display_name", "created_at", "last_seen_at"}
	entryColumns  = []string{
		"environment_id", "player_id", "board_id", "season", "rank_key", "score", "subscore", "achieved_at", "metadata", "submissions", "revision", "created_at", "updated_at",
	}
)

func (s Season) player(i int, now any) []any {
	return []any{s.Environment, string(Player(i)), fmt.Sprint("Player ", i), now, now}
}

func (s Season) entry(i int, now any) []any {
	key := s.Rules.Key(ranking.Run{Score: s.Score(i)}, Time)
	return []any{s.Environment, string(Player(i)), s.Board, s.Number, key[:], s.Score(i), 0, now, "", 0, 1, now, now}
}

// Fill writes them to the database at an address of sqlite:// or postgres://. The
// environment and the season must be there, and none of the players.
func (s Season) Fill(ctx context.Context, address string) error {
	if s.Size%stride == 0 {
		return errors.New("so many would have equal scores")
	}
	if strings.HasPrefix(address, "sqlite://") {
		return s.fillSQLite(ctx, strings.TrimPrefix(address, "sqlite://"))
	}
	return s.fillPostgres(ctx, address)
}

func (s Season) fillPostgres(ctx context.Context, address string) (err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	// Whether players and season are there needn't be looked up two million times.
	if _, err := conn.Exec(ctx, "SET session_replication_role = replica"); err != nil {
		return err
	}
	for _, table := range []struct {
		name    string
		columns []string
		row     func(i int, now any) []any
	}{{"players", playerColumns, s.player}, {"leaderboard_entries", entryColumns, s.entry}} {
		if s.Alone && table.name == "players" {
			continue
		}
		rows := pgx.CopyFromSlice(s.Size, func(i int) ([]any, error) { return table.row(i, Time), nil })
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, rows); err != nil {
			return fmt.Errorf("fill %s: %w", table.name, err)
		}
		if _, err := conn.Exec(ctx, "ANALYZE "+table.name); err != nil {
			return err
		}
	}
	return nil
}

// rowsAtOnce is how many rows a statement of SQLite's has: it takes 32,766 arguments.
const rowsAtOnce = 500

func (s Season) fillSQLite(ctx context.Context, path string) (err error) {
	name := url.URL{Scheme: "file", Opaque: path, RawQuery: "_pragma=busy_timeout(60000)&_pragma=synchronous(OFF)&_pragma=foreign_keys(0)&_pragma=cache_size(-200000)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	now := Time.UnixMicro()
	insert := func(table string, columns []string, row func(i int, now any) []any) error {
		if s.Alone && table == "players" {
			return nil
		}
		one := "(" + strings.Repeat("?, ", len(columns)-1) + "?)"
		for first := 0; first < s.Size; first += rowsAtOnce {
			n := min(rowsAtOnce, s.Size-first)
			var arguments []any
			for i := range n {
				arguments = append(arguments, row(first+i, now)...)
			}
			statement := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " + strings.Repeat(one+", ", n-1) + one
			if _, err := tx.ExecContext(ctx, statement, arguments...); err != nil {
				return fmt.Errorf("fill %s: %w", table, err)
			}
		}
		return nil
	}
	if err := errors.Join(insert("players", playerColumns, s.player), insert("leaderboard_entries", entryColumns, s.entry)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
