package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/ports/datastore"
)

// migration is one step of the schema: a file of SQL, known by its name and,
// so that an edited step is noticed, by the hash of its text.
type migration struct {
	name, checksum, sql string
}

type migrationRow struct {
	bun.BaseModel `bun:"table:schema_migrations,alias:schema_migrations"`
	Name          ident
	Checksum      ident
	AppliedAt     instant
}

// Migrate brings the schema up to what this build knows.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	known, err := s.shared.migrations()
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("prepare schema: %w", err)
	}
	applied := []string{}
	for {
		name, err := s.migrateOne(ctx, known)
		if err != nil {
			return applied, fmt.Errorf("migrate: %w", err)
		}
		if name == "" {
			return applied, nil
		}
		applied = append(applied, name)
	}
}

// CheckSchema is datastore.ErrSchema unless the schema is what this build knows.
func (s *Store) CheckSchema(ctx context.Context) error {
	known, err := s.shared.migrations()
	if err != nil {
		return err
	}
	var rows []migrationRow
	err = s.conn.query(ctx, "check schema", func(db bun.IDB) error {
		rows = nil
		return db.NewSelect().Model(&rows).Scan(ctx)
	})
	if err != nil {
		return err
	}
	next, err := pending(known, rows)
	if err == nil && len(next) > 0 {
		err = datastore.ErrSchema.Because(fmt.Errorf("%s is not applied", next[0].name))
	}
	if err != nil {
		return fmt.Errorf("check schema: %w", err)
	}
	return nil
}

// prepare makes the two tables that migrations themselves need. The row of
// schema_lock is what concurrent migrations wait for: portable, where advisory
// and table locks are not.
func (s *Store) prepare(ctx context.Context) error {
	timestamp := "timestamptz"
	if !s.shared.engine.RowLocks {
		timestamp = "INTEGER"
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS schema_migrations (name text NOT NULL PRIMARY KEY, checksum text NOT NULL, applied_at " + timestamp + " NOT NULL)",
		"CREATE TABLE IF NOT EXISTS schema_lock (id integer NOT NULL PRIMARY KEY, turns bigint NOT NULL)",
		"INSERT INTO schema_lock (id, turns) VALUES (1, 0) ON CONFLICT (id) DO NOTHING",
	} {
		err := s.conn.exec(ctx, "create schema tables", func(db bun.IDB) error {
			_, err := db.ExecContext(ctx, statement)
			if s.shared.engine.Classify(err).Class == UniqueViolation {
				// PostgreSQL's IF NOT EXISTS can lose a race against another
				// session's, which has made the table or is about to commit it.
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// migrateOne applies the next migration in a transaction of its own, so that what
// was done before a broken one stays done. The name is empty when there is none.
func (s *Store) migrateOne(ctx context.Context, known []migration) (name string, err error) {
	err = s.conn.atomically(ctx, "apply migration", func(db bun.IDB) error {
		name = ""
		if _, err := db.ExecContext(ctx, "UPDATE schema_lock SET turns = turns + 1 WHERE id = 1"); err != nil {
			return err
		}
		var rows []migrationRow
		if err := db.NewSelect().Model(&rows).Scan(ctx); err != nil {
			return err
		}
		next, err := pending(known, rows)
		if err != nil || len(next) == 0 {
			return err
		}
		// Past bun, which would take a question mark in the SQL for an argument's place.
		if _, err := db.(bun.Tx).Tx.ExecContext(ctx, next[0].sql); err != nil {
			return fmt.Errorf("%s: %w", next[0].name, err)
		}
		row := migrationRow{Name: ident(next[0].name), Checksum: ident(next[0].checksum), AppliedAt: at(s.shared.engine.Clock.Now())}
		if _, err := db.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		name = next[0].name
		return nil
	})
	return name, err
}

// migrations reads the engine's files.
func (s *shared) migrations() ([]migration, error) {
	names, err := fs.Glob(s.engine.Migrations, "*.sql")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("find migrations: %d files: %w", len(names), err)
	}
	var all []migration
	for _, file := range names { // Glob sorts
		text, err := fs.ReadFile(s.engine.Migrations, file)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{name: strings.TrimSuffix(file, ".sql"), checksum: hex.EncodeToString(sum[:]), sql: string(text)})
	}
	return all, nil
}

// pending gives the migrations still to be applied. It is datastore.ErrSchema
// when what was applied is not a beginning of what is known: the database is
// newer than this build, or a step was edited after it was applied.
func pending(known []migration, applied []migrationRow) ([]migration, error) {
	slices.SortFunc(applied, func(a, b migrationRow) int { return strings.Compare(string(a.Name), string(b.Name)) })
	for i, row := range applied {
		switch {
		case i >= len(known) || string(row.Name) != known[i].name:
			return nil, datastore.ErrSchema.With("The database's schema is newer than this version of Overworld, or not Overworld's; use the version that made it.").Because(fmt.Errorf("%s is not known here", row.Name))
		case string(row.Checksum) != known[i].checksum:
			return nil, datastore.ErrSchema.With("A step of the database's schema is not the one this version knows.").Because(fmt.Errorf("%s was changed", row.Name))
		}
	}
	return known[len(applied):], nil
}
