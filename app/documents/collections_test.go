package documents_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

func (g game) declare(t testing.TB, collection string, d storage.Declaration) {
	t.Helper()
	if _, err := g.Operators.Declare(t.Context(), g.operator, here, collection, d, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
}

func atMost(n int) storage.Declaration {
	return storage.Declaration{Schema: fmt.Appendf(nil, `{"properties":{"n":{"maximum":%d}}}`, n)}
}

// TestAWriteObeysWhatWasAcknowledged changes declarations on one replica, while
// others write without a pause: what begins after a change was acknowledged
// obeys it, wherever it is.
func TestAWriteObeysWhatWasAcknowledged(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) game{
		"sqlite":   func(t *testing.T) game { return newGame(t) },
		"postgres": func(t *testing.T) game { return gameOn(t, composetest.At(t, servers.Postgres(t))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := open(t)
			const changes = 15
			var allowed atomic.Int64 // the most of every declaration from the last acknowledged one on
			allowed.Store(math.MaxInt64)
			var writers sync.WaitGroup
			stop := make(chan struct{})
			for i := range 3 {
				replica := g.Replica(nil)
				writers.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						most := allowed.Load()
						value := int64(n % 40)
						_, _, err := replica.Documents.Put(t.Context(), g.server, storage.Ref{Collection: "c", Key: fmt.Sprint(i)}, storage.Draft{Value: fmt.Appendf(nil, `{"n":%d}`, value)}, storage.Precondition{})
						if err != nil && !errors.Is(err, storage.ErrSchemaViolation) {
							t.Error(err)
							return
						}
						if err == nil && value > most {
							t.Errorf("%d was written after %d was acknowledged to be the most", value, most)
						}
					}
				})
			}
			for n := range changes {
				most := 30 - 2*n // tighter each time
				g.declare(t, "c", atMost(most))
				allowed.Store(int64(most))
			}
			close(stop)
			writers.Wait()
		})
	}
}

func TestAnUndoneDeclarationLeavesNothingBehind(t *testing.T) {
	g := newGame(t)
	g.declare(t, "c", atMost(10))
	undone := errors.New("undone")
	_, err := g.Operators.Declare(t.Context(), g.operator, here, "c", atMost(1), storage.Precondition{}, func(context.Context, datastore.Repos, operators.Declared) error { return undone })
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	ref := storage.Ref{Collection: "c", Key: "k"}
	if _, _, err := g.put(g.server, ref, `{"n":10}`, storage.Precondition{}); err != nil {
		t.Error(err)
	}
	g.declare(t, "c", atMost(5)) // takes the version that was given back
	if _, _, err := g.put(g.server, ref, `{"n":6}`, storage.Precondition{}); !errors.Is(err, storage.ErrSchemaViolation) {
		t.Errorf("over the most: %v", err)
	}
}

func TestDefaultsOfACollection(t *testing.T) {
	g := newGame(t)
	g.declare(t, "open", storage.Declaration{Read: storage.Public})
	g.declare(t, "rewards", storage.Declaration{Read: storage.OwnerOnly, Write: storage.ServerOnly})
	adas := func(collection, key string) storage.Ref {
		return storage.Ref{Owner: storage.Owner(g.ada.Subject()), Collection: collection, Key: key}
	}
	for _, c := range []struct {
		p           tenancy.Principal
		ref         storage.Ref
		draft       storage.Draft
		read, write storage.Access
		err         error
	}{
		{g.ada, adas("open", "1"), storage.Draft{}, storage.Public, storage.OwnerOnly, nil},
		{g.ada, adas("open", "2"), storage.Draft{Read: storage.OwnerOnly}, storage.OwnerOnly, storage.OwnerOnly, nil},
		{g.server, adas("rewards", "1"), storage.Draft{}, storage.OwnerOnly, storage.ServerOnly, nil},
		{g.server, adas("rewards", "2"), storage.Draft{Write: storage.OwnerOnly}, storage.OwnerOnly, storage.OwnerOnly, nil},
		{g.ada, adas("rewards", "1"), storage.Draft{}, "", "", storage.ErrWriteDenied},
		{g.ada, adas("rewards", "2"), storage.Draft{}, storage.OwnerOnly, storage.OwnerOnly, nil},
		{g.ada, adas("rewards", "3"), storage.Draft{}, "", "", storage.ErrWriteDenied},
		{g.ada, adas("rewards", "3"), storage.Draft{Write: storage.OwnerOnly}, "", "", storage.ErrWriteDenied},
		{g.server, storage.Ref{Collection: "open", Key: "s"}, storage.Draft{}, storage.Public, storage.ServerOnly, nil},
		{g.server, storage.Ref{Collection: "rewards", Key: "s"}, storage.Draft{}, storage.ServerOnly, storage.ServerOnly, nil},
		{g.ada, adas("others", "1"), storage.Draft{}, storage.OwnerOnly, storage.OwnerOnly, nil},
	} {
		c.draft.Value = []byte(`{}`)
		d, _, err := g.Documents.Put(t.Context(), c.p, c.ref, c.draft, storage.Precondition{})
		if !errors.Is(err, c.err) || d.Read != c.read || d.Write != c.write {
			t.Errorf("%s writes %s/%s: %s %s, %v", c.p.Kind(), c.ref.Collection, c.ref.Key, d.Read, d.Write, err)
		}
	}
	// A merge or an increment makes documents too.
	if _, err := g.Documents.Write(t.Context(), g.ada, storage.Change{Ref: adas("rewards", "4"), Edit: storage.MergePatch(`{}`)}); !errors.Is(err, storage.ErrWriteDenied) {
		t.Errorf("merge: %v", err)
	}
	if done, err := g.Documents.Write(t.Context(), g.ada, storage.Change{Ref: adas("open", "5"), Edit: storage.Steps{{Path: "/n", By: 1}}}); err != nil || done.Document.Read != storage.Public {
		t.Errorf("increment: %+v, %v", done, err)
	}
}

func TestSizeIsOfWhatAnEditLeaves(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	if _, _, err := g.put(g.ada, ref, `{"a":"`+strings.Repeat("x", 40)+`"}`, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	g.declare(t, "saves", storage.Declaration{ValueBytes: 40})
	merge := func(patch string) error {
		_, err := g.Documents.Write(t.Context(), g.ada, storage.Change{Ref: ref, Edit: storage.MergePatch(patch)})
		return err
	}
	if err := merge(`{"b":1}`); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("still too large: %v", err)
	}
	if err := merge(`{"a":"short"}`); err != nil {
		t.Errorf("mended: %v", err)
	}
	if _, err := g.Documents.Restore(t.Context(), g.ada, ref, 1, storage.Precondition{}); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("restored: %v", err)
	}
}

func TestHistoryOfACollection(t *testing.T) {
	g := newGame(t)
	deep, none, ref := g, storage.Declaration{Revisions: 1}, own(g.ada, "slot1")
	write := func(times int) {
		for range times {
			if _, err := deep.Documents.Write(t.Context(), g.ada, storage.Change{Ref: ref, Edit: storage.Steps{{Path: "/n", By: 1}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := func() (versions []int64) {
		all, err := g.Documents.Revisions(t.Context(), g.ada, storage.RevisionQuery{Ref: ref, Before: math.MaxInt64, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			versions = append(versions, one.Version)
		}
		return versions
	}
	g.declare(t, "saves", storage.Declaration{Revisions: 30})
	write(25)
	if got := seen(); len(got) != 25 {
		t.Errorf("of 30: %v", got)
	}
	// Less history is seen at once, and goes with the next writes.
	g.declare(t, "saves", storage.Declaration{Revisions: 3})
	if got := fmt.Sprint(seen()); got != "[25 24 23]" {
		t.Errorf("of 3: %v", got)
	}
	if _, err := g.Documents.Restore(t.Context(), g.ada, ref, 20, storage.Precondition{}); !errors.Is(err, storage.ErrRevisionNotFound) {
		t.Errorf("restored: %v", err)
	}
	write(8)
	kept, err := g.Ports.Store.Documents().Revisions(t.Context(), g.ada.Scope(), storage.RevisionQuery{Ref: ref, Before: math.MaxInt64, Limit: 100})
	if err != nil || len(kept) > 3+8 {
		t.Errorf("%d are stored, %v", len(kept), err)
	}
	g.declare(t, "saves", none)
	write(1)
	if got := fmt.Sprint(seen()); got != "[34]" {
		t.Errorf("of 1: %v", got)
	}
}

func TestDeclarationsAreAuditedWithoutTheirSchema(t *testing.T) {
	g := newGame(t)
	g.declare(t, "c", storage.Declaration{Schema: []byte(`{"title":"secret"}`), Read: storage.Public, Revisions: 3})
	g.declare(t, "c", storage.Declaration{ValueBytes: 100})
	if err := g.Operators.Undeclare(t.Context(), g.operator, here, "c", storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	made, gone := g.Audit(t, g.project, audit.CollectionDeclared), g.Audit(t, g.project, audit.CollectionDeleted)
	if len(made) != 2 || len(gone) != 1 {
		t.Fatalf("%d declarations and %d deletions audited", len(made), len(gone))
	}
	if first, second := made[1], made[0]; len(first.After["schema_sha256"]) != 64 || first.After["read"] != "public" || first.After["revisions"] != "3" || first.Before != nil ||
		second.Before["version"] != "1" || second.After["document_bytes"] != "100" || second.After["schema_sha256"] != "" || strings.Contains(fmt.Sprint(made), "secret\"") || gone[0].Target.ID != "c" {
		t.Errorf("audited %+v %+v", made, gone)
	}
}

func TestDeclarationsOfAnEnvironmentAreBounded(t *testing.T) {
	g := newGame(t)
	g.World = g.Replica(func(p *compose.Ports) { p.Limits.Collections = 2 })
	g.declare(t, "a", storage.Declaration{})
	g.declare(t, "b", atMost(1))
	if _, err := g.Operators.Declare(t.Context(), g.operator, here, "c", storage.Declaration{}, storage.Precondition{}); err == nil {
		t.Error("a third was taken")
	}
	g.declare(t, "b", atMost(2))
	// What was declared under a higher limit holds on.
	fewer := g.Replica(func(p *compose.Ports) { p.Limits.Collections = 1 })
	if _, _, err := fewer.Documents.Put(t.Context(), g.server, storage.Ref{Collection: "b", Key: "k"}, storage.Draft{Value: []byte(`{"n":3}`)}, storage.Precondition{}); !errors.Is(err, storage.ErrSchemaViolation) {
		t.Errorf("over the most: %v", err)
	}
}
