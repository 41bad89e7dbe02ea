package integration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// ahead is a clock that runs so far before the system's.
type ahead time.Duration

func (a ahead) Now() time.Time { return time.Now().Add(time.Duration(a)) }

// stores opens the installation's database and object store beside its replicas, by a clock.
func (w world) stores(t *testing.T, clock ahead) (datastore.Datastore, blob.Store) {
	t.Helper()
	data := filepath.ToSlash(w.stack.Settings["DATA"])
	registry, kit := plugin.NewRegistry(all.Plugins()...), plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: clock}
	database, err := registry.Databases.Open(t.Context(), cmp.Or(w.stack.Settings["DATABASE"], "sqlite://"+data+"/overworld.db"), kit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	blobs, err := registry.Blobs.Open(t.Context(), cmp.Or(w.stack.Settings["BLOBS"], "file://"+data+"/blobs"), kit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	return database, blobs
}

// objects counts those of bundles.
func objects(t *testing.T, blobs blob.Store) int {
	t.Helper()
	found, err := blobs.List(t.Context(), custody.Bundles, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// withoutWrites keeps everybody from writing to a table, in SQLite to any, until release is called.
// Readers go on.
func (w world) withoutWrites(t *testing.T, table string) (release func()) {
	t.Helper()
	if !w.stack.Replicated {
		db, err := sql.Open("sqlite", filepath.Join(w.stack.Settings["DATA"], "overworld.db"))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 30000; BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		return func() { _, _ = conn.ExecContext(context.Background(), "ROLLBACK"); _ = conn.Close(); _ = db.Close() }
	}
	db, err := pgx.Connect(t.Context(), w.stack.Settings["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "BEGIN; LOCK TABLE "+table+" IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return func() { _ = db.Close(context.Background()) }
}

// TestKill9BetweenBytesAndRelease kills a replica when the bytes of an upload are stored and no bundle can be made
// of them yet, and under a load of uploads and releases. No release ever points at a bundle that isn't there, all
// that was acknowledged is, and what nobody knows of is collected a week later.
func TestKill9BetweenBytesAndRelease(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			_, blobs := w.stores(t, 0)
			l := &releaser{w: w}

			release := w.withoutWrites(t, "config_bundles")
			var uploading sync.WaitGroup
			uploading.Go(func() {
				reply, err := w.operator().Send(context.Background(), "POST", configsPath+"/bundles", object{"cut": "off"})
				if err == nil && reply.Status < 500 {
					t.Errorf("an upload was answered with %d though it can't have been", reply.Status)
				}
			})
			harness.Eventually(t, patience, "bytes of the upload", func() bool { return objects(t, blobs) == 1 })
			w.first.Kill()
			uploading.Wait()
			release()
			w.revive(t)
			l.w = w
			var list struct{ Items []any }
			w.operator().Do(t, "GET", configsPath+"/bundles", nil).Want(t, http.StatusOK).Into(t, &list)
			if len(list.Items) != 0 {
				t.Errorf("bundles of an upload that was cut off: %v", list.Items)
			}
			w.pushes(t, object{"cut": "off"})

			released, bundles := 0, 0
			for range 3 {
				l.run(t, 20)
				w.first.Kill()
				l.all.Wait()
				w.revive(t)
				l.w = w
				released, bundles = l.check(t)
			}

			w.first.Stop()
			if w.second != w.first {
				w.second.Stop()
			}
			before := objects(t, blobs)
			w.sweepsBundles(t, 0)
			w.sweepsBundles(t, ahead(custody.Kept+time.Hour))
			after := objects(t, blobs)
			if before <= after || after != bundles {
				t.Errorf("of %d objects %d are left; there are %d bundles", before, after, bundles)
			}
			w.serve(t)
			l.w = w
			l.check(t)
			fmt.Printf("kill -9 between bytes and release on %s: after 4 kills %d releases of %d bundles are whole, and %d objects of no bundle were collected\n",
				kind.Name, released, bundles, before-after)
		})
	}
}

// sweepsBundles runs the job at another time.
func (w world) sweepsBundles(t *testing.T, clock ahead) {
	t.Helper()
	database, blobs := w.stores(t, clock)
	var held lease.Lease
	harness.Eventually(t, patience, "lease of a replica that was killed", func() (ok bool) {
		var err error
		held, ok, err = database.Leases().Acquire(t.Context(), jobs.LeasePrefix+"bundle-sweep", "test", clock.Now(), time.Minute)
		return err == nil && ok
	})
	if err := jobs.BundleSweep(database, custody.New(database, blobs, clock, system.IDs{}), clock).Run(t.Context(), jobs.NewTurn(database, held)); err != nil {
		t.Fatal(err)
	}
}

// releaser is a load of uploads, each released when it is there, and what was told of them.
type releaser struct {
	w   world
	all sync.WaitGroup
	n   atomic.Int64

	mu       sync.Mutex
	uploaded map[string]bool
	released map[string]int // the latest number by config that was told
}

const releasers = 6

// run begins to upload and to release on the first replica until requests fail, and returns
// when so many releases were told.
func (l *releaser) run(t *testing.T, enough int) {
	t.Helper()
	told := make(chan struct{}, 1<<16)
	operator := l.w.operator()
	for i := range releasers {
		config := fmt.Sprintf("config-%d", i)
		l.all.Go(func() {
			for {
				content := fmt.Sprintf(`{"n":%d,"more":%q}`, l.n.Add(1), strings.Repeat("x", 4096))
				reply, err := operator.Send(context.Background(), "POST", configsPath+"/bundles", content)
				if err != nil || reply.Status != http.StatusCreated {
					return
				}
				sum := sha256.Sum256([]byte(content))
				hash := hex.EncodeToString(sum[:])
				l.note(func() { l.uploaded[hash] = true })
				reply, err = operator.Send(context.Background(), "POST", configsPath+"/configs/"+config+"/releases", object{"bundle": hash})
				if err != nil || reply.Status != http.StatusCreated {
					return
				}
				l.note(func() { l.released[config]++ })
				told <- struct{}{}
			}
		})
	}
	for range enough {
		select {
		case <-told:
		case <-time.After(patience):
			t.Fatal("the load fails before anything was broken")
		}
	}
}

func (l *releaser) note(what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uploaded == nil {
		l.uploaded, l.released = map[string]bool{}, map[string]int{}
	}
	what()
}

// check reads every release with its bundle, and every upload that was told of. It counts releases and bundles.
func (l *releaser) check(t *testing.T) (releases, bundles int) {
	t.Helper()
	operator := l.w.operator()
	whole := map[string]bool{}
	read := func(hash string) {
		t.Helper()
		if whole[hash] {
			return
		}
		reply := operator.Do(t, "GET", configsPath+"/bundles/"+hash+"/content", nil).Want(t, http.StatusOK)
		if sum := sha256.Sum256(reply.Body); hex.EncodeToString(sum[:]) != hash {
			t.Errorf("the bundle %s has other bytes", hash)
		}
		whole[hash] = true
	}
	for config, told := range l.released {
		listed := l.each(t, configsPath+"/configs/"+config+"/releases", func(item listed) {
			for _, rule := range item.Rules {
				read(rule.Bundle)
			}
		})
		if listed < told {
			t.Errorf("%s: %d releases were told of, and %d are there", config, told, listed)
		}
		releases += listed
		l.released[config] = listed
	}
	bundles = l.each(t, configsPath+"/bundles", func(item listed) { read(item.SHA256) })
	for hash := range l.uploaded {
		if !whole[hash] {
			t.Errorf("the bundle %s was acknowledged, and isn't there", hash)
		}
	}
	return releases, bundles
}

// listed is what of an item of either list is looked at.
type listed struct {
	SHA256 string `json:"sha256"`
	Rules  []struct {
		Bundle string `json:"bundle"`
	} `json:"rules"`
}

// each visits a whole list, and counts it.
func (l *releaser) each(t *testing.T, path string, visit func(listed)) int {
	t.Helper()
	n := 0
	for cursor := ""; ; {
		var page struct {
			Items      []listed `json:"items"`
			NextCursor string   `json:"next_cursor"`
		}
		l.w.operator().Do(t, "GET", path+"?limit=100"+cursor, nil).Want(t, http.StatusOK).Into(t, &page)
		for _, item := range page.Items {
			visit(item)
			n++
		}
		if page.NextCursor == "" {
			return n
		}
		cursor = "&cursor=" + page.NextCursor
	}
}
