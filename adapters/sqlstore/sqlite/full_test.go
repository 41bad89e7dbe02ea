package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

// TestAFullDisk lets the file grow no further, of which SQLite says what it says
// of a full disk: what was acknowledged is there, reads go on, and so do writes
// once there is room.
func TestAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	opened := func(more ...string) *database {
		t.Helper()
		settings := url.Values{"_pragma": more}
		for name, values := range writing {
			settings[name] = values
		}
		db, err := assemble(path, settings, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	ctx, now := t.Context(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	db := opened()
	if _, err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	project, err := tenancy.NewProject("018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e01", "race", "Race", now)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := tenancy.NewEnvironment("018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e02", project.ID, tenancy.EnvironmentSpec{Slug: "staging"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Projects().Create(ctx, project), db.Environments().Create(ctx, environment), db.Close()); err != nil {
		t.Fatal(err)
	}

	value := []byte(`{"a":"` + strings.Repeat("x", 3000) + `"}`)
	document := func(n int) storage.Document {
		return storage.Document{
			Ref:   storage.Ref{Owner: storage.Shared, Collection: "saves", Key: fmt.Sprint(n)},
			Value: value, Version: 1, Read: storage.ServerOnly, Write: storage.ServerOnly, CreatedAt: now, UpdatedAt: now,
		}
	}
	write := func(db *database, n int) error {
		return db.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			return tx.Documents().WriteMany(ctx, environment.Scope(), []storage.Write{{Document: document(n)}})
		})
	}
	db = opened("max_page_count(200)") // of 4 KiB
	stored := 0
	for ; err == nil && stored < 1000; stored++ {
		err = write(db, stored)
	}
	stored-- // the last was refused
	if !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "full") || stored < 10 {
		t.Fatalf("after %d documents: %v", stored, err)
	}
	if again := write(db, stored); !errors.Is(again, fault.ErrUnavailable) {
		t.Errorf("and again: %v", again)
	}
	all := func(db *database, documents int) {
		t.Helper()
		for n := range documents {
			found, err := db.Documents().GetMany(ctx, environment.Scope(), []storage.Ref{document(n).Ref})
			if err != nil || len(found) != 1 || string(found[0].Value) != string(value) {
				t.Errorf("document %d: %v, %v", n, found, err)
			}
		}
		if found, err := db.Documents().GetMany(ctx, environment.Scope(), []storage.Ref{document(documents).Ref}); err != nil || len(found) != 0 {
			t.Errorf("what was refused: %v, %v", found, err)
		}
	}
	all(db, stored)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = opened()
	all(db, stored)
	if err := write(db, stored); err != nil {
		t.Errorf("with room: %v", err)
	}
	all(db, stored+1)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
