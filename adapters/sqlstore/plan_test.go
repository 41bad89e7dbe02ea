package sqlstore_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/adapters/sqlstore/postgres"
	"github.com/overworldhq/overworld/adapters/sqlstore/sqlite"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/datastore/datastoretest"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// statements collects one example of every kind of statement that the conformance
// suite causes.
type statements struct {
	mu    sync.Mutex
	kinds map[string]string
}

var literals = regexp.MustCompile(`(?s)'(?:[^']|'')*'|\b\d+\b|X''|-\d+`)

// tables tells a table of the schema from a subquery's result.
var tables = regexp.MustCompile(`\b(projects|environments|credentials|players|logins|sessions|signing_keys|documents|document_revisions|collections|audit_events|leases|job_runs|idempotency_records|leaderboards|leaderboard_seasons|leaderboard_entries|quarantines|awards|rewards|servers|tickets|mails|config_bundles|configs|config_releases|config_release_bundles|installation|stray_objects)\b`)

func (s *statements) note(query string) {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if !strings.Contains("SELECT UPDATE DELETE WITH", verb) || !strings.Contains(query, "WHERE") && !strings.Contains(query, "ORDER BY") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[string]string{}
	}
	s.kinds[literals.ReplaceAllString(query, "?")] = query
}

// TestEveryQueryIsServedByAnIndex explains each statement of the suite. A plan may
// read no table from end to end, nor sort what an index could have given in order.
func TestEveryQueryIsServedByAnIndex(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		var seen statements
		run(t, &seen, func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "test.db") })
		path := filepath.Join(t.TempDir(), "plans.db")
		migrated(t, "sqlite://"+path)
		explain(t, &seen, connect(t, "sqlite", path), "EXPLAIN QUERY PLAN ", func(plan string) bool {
			for line := range strings.Lines(plan) {
				line = strings.TrimSpace(line)
				switch {
				case line == "USE TEMP B-TREE FOR ORDER BY" && !strings.Contains(plan, "SEARCH signing_keys"): // an environment has a few of those
					return false
				case strings.HasPrefix(line, "SCAN ") && tables.MatchString(line) && !strings.Contains(line, "USING"):
					return false
				}
			}
			return true
		})
	})
	t.Run("postgres", func(t *testing.T) {
		var seen statements
		empty := func(t *testing.T) string {
			return servers.PostgresTemplate(t, "plans_"+schemaHash(t), func(address string) error {
				ds, err := open(context.Background(), address)
				if err != nil {
					return err
				}
				_, err = ds.Migrate(context.Background())
				return errors.Join(err, ds.Close())
			})
		}
		run(t, &seen, empty)
		address := empty(t)
		// The tables are empty, so without this it would read them whole, rightly.
		db := connect(t, "pgx", address+"&enable_seqscan=off&enable_bitmapscan=off&enable_hashjoin=off&enable_mergejoin=off")
		explain(t, &seen, db, "EXPLAIN ", func(plan string) bool {
			// An index that is read without a condition is read whole.
			short := strings.Contains(plan, " on job_runs") || strings.Contains(plan, " on leases") // a handful of rows
			return !strings.Contains(plan, "Seq Scan") && (short || strings.Count(plan, "Index Cond") >= strings.Count(plan, "Index Scan")+strings.Count(plan, "Index Only Scan"))
		})
	})
}

func run(t *testing.T, seen *statements, address func(t *testing.T) string) {
	t.Run("suite", func(t *testing.T) {
		datastoretest.Run(t, func(t *testing.T) datastore.Datastore {
			ds := migrated(t, address(t))
			ds.(interface{ OnQuery(func(string)) }).OnQuery(seen.note)
			return ds
		})
	})
}

func migrated(t *testing.T, address string) datastore.Datastore {
	t.Helper()
	ds, err := open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ds.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := ds.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ds
}

func open(ctx context.Context, address string) (datastore.Datastore, error) {
	kit := plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}}
	return plugin.NewRegistry(sqlite.Plugin, postgres.Plugin).Databases.Open(ctx, address, kit)
}

// schemaHash names the template after what is in it.
func schemaHash(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("postgres/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		hash.Write(text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

func connect(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func explain(t *testing.T, seen *statements, db *sql.DB, verb string, good func(plan string) bool) {
	t.Helper()
	if len(seen.kinds) < 30 {
		t.Errorf("only %d kinds of statements", len(seen.kinds))
	}
	for _, query := range seen.kinds {
		if strings.Contains(query, "schema_") {
			continue
		}
		if plan := planOf(t, db, verb+query); !good(plan) {
			t.Errorf("%s\n%s", query, plan)
		}
	}
	t.Logf("%d kinds of statements explained", len(seen.kinds))
}

// planOf gives the last column of what explaining answers, a line a row.
func planOf(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		var detail string
		values[len(values)-1] = &detail
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
