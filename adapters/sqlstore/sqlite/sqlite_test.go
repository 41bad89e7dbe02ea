package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/sqlstore/sqlite"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/datastore/datastoretest"
	"github.com/overworldhq/overworld/ports/plugin"
)

func TestConformance(t *testing.T) {
	datastoretest.Run(t, func(t *testing.T) datastore.Datastore {
		ds := open(t, filepath.Join(t.TempDir(), "test.db"))
		if _, err := ds.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return ds
	})
}

func TestReopen(t *testing.T) {
	datastoretest.RunReopen(t, func(t *testing.T) func(t *testing.T) datastore.Datastore {
		path := filepath.Join(t.TempDir(), "test.db")
		return func(t *testing.T) datastore.Datastore { return open(t, path) }
	})
}

func open(t testing.TB, path string) datastore.Datastore {
	t.Helper()
	ds, err := openURL(t.Context(), (&url.URL{Scheme: "sqlite", Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ds.Close(); err != nil {
			t.Error(err)
		}
	})
	return ds
}

func openURL(ctx context.Context, address string) (datastore.Datastore, error) {
	return plugin.NewRegistry(sqlite.Plugin).Databases.Open(ctx, address, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}})
}

func TestAddresses(t *testing.T) {
	t.Chdir(t.TempDir())
	for address, want := range map[string]string{
		"sqlite://" + filepath.Join(t.TempDir(), "deep/er/a.db"): "",
		"sqlite://relative/b.db":                                 "relative/b.db",
		"sqlite://c.db":                                          "c.db",
		"sqlite://odd/%3Fmode=ro%23%25/d%20é.db":                 "odd/?mode=ro#%/d é.db",
		"sqlite:///":                            "name a file",
		"sqlite://":                             "name a file",
		"sqlite://folder/":                      "name a file",
		"sqlite://a.db?_pragma=foreign_keys(0)": "nothing else",
		"sqlite://user:secret@a.db":             "nothing else",
	} {
		ds, err := openURL(t.Context(), address)
		if err != nil {
			if want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", address, err)
			}
			continue
		}
		if _, err := ds.Migrate(t.Context()); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if err := ds.Close(); err != nil {
			t.Error(err)
		}
		if want != "" {
			if info, err := os.Stat(want); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	ds := open(t, filepath.Join(folder, "test.db"))
	if _, err := ds.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", info.Mode(), err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) < 2 { // the database and its log
		t.Errorf("%v %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
}

func TestOneServerManyVisitors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	first, second := open(t, path), open(t, path)
	if !first.Exclusive() {
		t.Error("not exclusive")
	}
	unlock, err := first.(datastore.ServerLocker).LockServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.(datastore.ServerLocker).LockServer(t.Context()); !errors.Is(err, datastore.ErrInUse) {
		t.Errorf("a second server: %v", err)
	}
	if _, err := second.Migrate(t.Context()); err != nil {
		t.Errorf("a visitor: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = second.(datastore.ServerLocker).LockServer(t.Context())
	if err != nil {
		t.Fatalf("after the first stopped: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestASchemaThatIsNotOurs(t *testing.T) {
	for name, tamper := range map[string]string{
		"newer":   "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('9999_future', '', 0)",
		"changed": "UPDATE schema_migrations SET checksum = 'x' WHERE name = '0001_init'",
		"renamed": "UPDATE schema_migrations SET name = '0000_other' WHERE name = '0001_init'",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			ds := open(t, path)
			if _, err := ds.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), tamper); err != nil {
				t.Fatal(err)
			}
			if err := ds.CheckSchema(t.Context()); !errors.Is(err, datastore.ErrSchema) {
				t.Errorf("check: %v", err)
			}
			if applied, err := ds.Migrate(t.Context()); !errors.Is(err, datastore.ErrSchema) || len(applied) > 0 {
				t.Errorf("migrate: %v %v", applied, err)
			}
		})
	}
}

// writer is the environment variable that makes TestWriterProcess the other process.
const writer = "SQLITE_TEST_WRITER"

// TestProcessesShareAFile runs four processes that write the same file at once.
func TestProcessesShareAFile(t *testing.T) {
	const processes, each = 4, 50
	path := filepath.Join(t.TempDir(), "test.db")
	ds := open(t, path)
	if _, err := ds.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []*exec.Cmd
	for n := range processes {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterProcess$", "-test.v")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", writer, n, each, path))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		go func() {
			for lines.Scan() {
				t.Log(lines.Text())
			}
		}()
		all = append(all, child)
	}
	for _, child := range all {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	got, err := ds.Projects().List(t.Context(), "", processes*each+1)
	if err != nil || len(got) != processes*each {
		t.Errorf("%d projects of %d: %v", len(got), processes*each, err)
	}
}

func TestWriterProcess(t *testing.T) {
	order := os.Getenv(writer)
	if order == "" {
		return // the other process runs it
	}
	var n, count int
	var path string
	if _, err := fmt.Sscan(order, &n, &count, &path); err != nil {
		t.Fatal(err)
	}
	ds := open(t, path)
	for i := range count {
		slug := fmt.Sprintf("p%d-%d", n, i)
		p, err := tenancy.NewProject(tenancy.ProjectID(slug), slug, "", system.Clock{}.Now())
		if err != nil {
			t.Fatal(err)
		}
		err = ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			if _, err := tx.Projects().List(ctx, "", 1); err != nil {
				return err
			}
			return tx.Projects().Create(ctx, p)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
