package integration

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// removed are how many documents an environment has that is deleted: eighty batches.
const removed = 20_000

// TestKill9WhileAnEnvironmentGoes deletes a large environment and kills the replica that empties it. Nobody gets in from
// the deletion on, others write while it goes, its name is free, and the next replica finishes it.
func TestKill9WhileAnEnvironmentGoes(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t).With("WORKER_LEASE_SECONDS=3"))
			store, _ := w.stores(t, 0)
			ctx := t.Context()
			project, err := store.Projects().BySlug(ctx, w.project.Slug)
			if err != nil {
				t.Fatal(err)
			}
			gone, err := store.Environments().BySlug(ctx, project.ID, env)
			if err != nil {
				t.Fatal(err)
			}
			withDocuments(t, store, gone)
			player, _ := w.player(t)
			neighbour := w.first.Client(w.project.Publishable["staging"])
			other := neighbour.As(neighbour.Guest(t).AccessToken)

			db := w.sql(t)
			left := func() (n int) {
				t.Helper()
				if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM documents WHERE environment_id = '%s'", gone.ID)).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			release := w.slowly(t, db)

			const path = "/v1/projects/space-race/environments/" + env
			w.operator().Do(t, "DELETE", path+"?confirm="+env, nil).Want(t, http.StatusNoContent)
			if n := left(); n < removed {
				t.Errorf("the request waited for %d documents", removed-n)
			}
			for _, r := range w.replicas() {
				w.operator().At(r).Do(t, "GET", path, nil).Refused(t, http.StatusNotFound, "tenancy.environment_not_found")
				w.game().At(r).Do(t, "POST", "/v1/auth/guest", object{}).Refused(t, http.StatusUnauthorized, "auth.invalid_credential")
				w.server().At(r).Do(t, "GET", "/v1/documents?owner=x", nil).Want(t, http.StatusUnauthorized)
			}
			player.At(w.first).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusUnauthorized)
			w.operator().Do(t, "POST", "/v1/projects/space-race/environments", object{"slug": env}).Want(t, http.StatusCreated)

			kills, written := 0, 0
			for at := left(); kills < 3; kills++ {
				harness.Eventually(t, patience, "batches", func() bool { return left() < at })
				other.At(w.first).Do(t, "PUT", fmt.Sprintf("/v1/players/me/documents/saves/s%d", kills), object{"value": object{}}).Want(t, http.StatusCreated)
				written++
				for _, r := range w.replicas() {
					r.Kill()
				}
				if at = left(); at == 0 {
					t.Fatal("nothing was left when the replicas died")
				}
				w.serve(t)
			}
			rest := left()
			release()
			harness.Eventually(t, patience, "end of the environment", func() bool {
				all, err := store.Environments().Deleted(context.WithoutCancel(ctx), "", 10)
				return err == nil && len(all) == 0
			})
			if n := left(); n != 0 {
				t.Errorf("%d documents are left", n)
			}
			var list struct{ Items []any }
			other.At(w.first).Do(t, "GET", "/v1/players/me/documents", nil).Want(t, http.StatusOK).Into(t, &list)
			if len(list.Items) != written {
				t.Errorf("the neighbour has %d documents of %d", len(list.Items), written)
			}
			w.operator().Do(t, "GET", path, nil).Want(t, http.StatusOK)
			fmt.Printf("kill -9 while an environment of %d documents goes on %s: after %d kills, the last with %d left, it is gone, and all %d writes of a neighbour meanwhile are there\n",
				removed, kind.Name, kills, rest, written)
		})
	}
}

// withDocuments gives an environment what is to be removed.
func withDocuments(t *testing.T, store datastore.Datastore, e tenancy.Environment) {
	t.Helper()
	for first := 0; first < removed; first += 500 {
		err := store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			writes := make([]storage.Write, 500)
			for i := range writes {
				writes[i].Document = storage.Document{
					Ref:   storage.Ref{Collection: "c", Key: fmt.Sprintf("k%05d", first+i)},
					Value: []byte("{}"), Version: 1, Read: storage.Public, Write: storage.ServerOnly, CreatedAt: e.CreatedAt, UpdatedAt: e.CreatedAt,
				}
			}
			return tx.Documents().WriteMany(ctx, e.Scope(), writes)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sql opens the installation's database beside its replicas.
func (w world) sql(t *testing.T) *sql.DB {
	t.Helper()
	driver, address := "sqlite", filepath.Join(w.stack.Settings["DATA"], "overworld.db")+"?_pragma=busy_timeout(30000)"
	if w.stack.Replicated {
		driver, address = "pgx", w.stack.Settings["DATABASE"]
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// slowly has every hundredth document take its time to be deleted, until release is called.
func (w world) slowly(t *testing.T, db *sql.DB) (release func()) {
	t.Helper()
	create := []string{`CREATE TRIGGER slowly BEFORE DELETE ON documents FOR EACH ROW WHEN old.key LIKE '%00' BEGIN
		SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) SELECT n FROM c); END`}
	drop := `DROP TRIGGER slowly`
	if w.stack.Replicated {
		create = []string{
			`CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN old; END $$`,
			`CREATE TRIGGER slowly BEFORE DELETE ON documents FOR EACH ROW WHEN (old.key LIKE '%00') EXECUTE FUNCTION slowly()`,
		}
		drop += ` ON documents`
	}
	run := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, statement := range create {
		run(statement)
	}
	return func() { t.Helper(); run(drop) }
}
