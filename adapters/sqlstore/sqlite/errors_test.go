package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/overworldhq/overworld/adapters/sqlstore"
)

// TestClassify makes SQLite itself say each thing.
func TestClassify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	impatient := url.Values{"_busy_timeout": {"0"}, "_txlock": {"immediate"}}
	one, other, reader := connect(t, path, impatient), connect(t, path, impatient), connect(t, path, url.Values{"_query_only": {"true"}})
	exec := func(db *sql.DB, query string) error {
		_, err := db.ExecContext(t.Context(), query)
		return err
	}
	for _, query := range []string{
		"CREATE TABLE parents (a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL UNIQUE, PRIMARY KEY (a, b)) STRICT",
		"CREATE TABLE children (a TEXT NOT NULL, b TEXT NOT NULL, d TEXT, e TEXT, UNIQUE (d, e), FOREIGN KEY (a, b) REFERENCES parents (a, b)) STRICT",
		"INSERT INTO parents VALUES ('a', 'b', 'c')",
		"INSERT INTO children VALUES ('a', 'b', 'd', 'e')",
	} {
		if err := exec(one, query); err != nil {
			t.Fatal(err)
		}
	}
	holder, err := one.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	busy := exec(other, "DELETE FROM parents")
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	strange := filepath.Join(t.TempDir(), "strange.db")
	if err := os.WriteFile(strange, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := exec(connect(t, t.TempDir(), nil), "SELECT 1")

	for name, c := range map[string]struct {
		err  error
		want sqlstore.Verdict
	}{
		"none":        {nil, sqlstore.Verdict{}},
		"not SQLite":  {context.Canceled, sqlstore.Verdict{}},
		"wrapped":     {errors.Join(errors.New("insert"), exec(one, "INSERT INTO parents VALUES ('a', 'b', 'x')")), sqlstore.Verdict{Class: sqlstore.UniqueViolation, Constraint: "parents_pkey"}},
		"one column":  {exec(one, "INSERT INTO parents VALUES ('x', 'y', 'c')"), sqlstore.Verdict{Class: sqlstore.UniqueViolation, Constraint: "parents_c_key"}},
		"two columns": {exec(one, "INSERT INTO children VALUES ('a', 'b', 'd', 'e')"), sqlstore.Verdict{Class: sqlstore.UniqueViolation, Constraint: "children_d_e_key"}},
		"no parent":   {exec(one, "INSERT INTO children VALUES ('a', 'x', 'y', 'z')"), sqlstore.Verdict{Class: sqlstore.ForeignKeyViolation}},
		"null":        {exec(one, "INSERT INTO children VALUES (NULL, 'x', 'y', 'z')"), sqlstore.Verdict{}},
		"no table":    {exec(one, "SELECT 1 FROM absent"), sqlstore.Verdict{Class: sqlstore.NoTable}},
		"syntax":      {exec(one, "SELEKT"), sqlstore.Verdict{}},
		"busy":        {busy, sqlstore.Verdict{Class: sqlstore.Contention}},
		"read only":   {exec(reader, "DELETE FROM children"), sqlstore.Verdict{Class: sqlstore.ReadOnly}},
		"no database": {exec(connect(t, strange, nil), "SELECT 1"), sqlstore.Verdict{Class: sqlstore.Damaged}},
		"can't open":  {folder, sqlstore.Verdict{Class: sqlstore.Away}},
	} {
		if name != "none" && c.err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := classify(c.err); got != c.want {
			t.Errorf("%s: %v is %+v, want %+v", name, c.err, got, c.want)
		}
	}
}

func connect(t *testing.T, path string, special url.Values) *sql.DB {
	t.Helper()
	db, err := pool(path, special, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
