package documents_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// held is a store whose first transaction waits until it is let go, so that
// writers gather behind it, and that counts transactions.
type held struct {
	datastore.Datastore
	commits atomic.Int64
	begun   chan struct{}
	let     chan struct{}
}

func (h *held) InTx(ctx context.Context, fn func(context.Context, datastore.Repos) error) error {
	if h.commits.Add(1) == 1 {
		close(h.begun)
		<-h.let
	}
	return h.Datastore.InTx(ctx, fn)
}

// behind lets the rest gather while the first transaction is held.
func behind(h *held, first func(), rest ...func()) {
	var wait sync.WaitGroup
	wait.Go(first)
	<-h.begun
	started := make(chan struct{}, len(rest))
	for _, one := range rest {
		wait.Go(func() { started <- struct{}{}; one() })
	}
	for range rest {
		<-started
	}
	close(h.let)
	wait.Wait()
}

func (g game) held() (game, *held) {
	h := &held{begun: make(chan struct{}), let: make(chan struct{})}
	g.World = g.Replica(func(p *compose.Ports) { h.Datastore = p.Store; p.Store = h })
	return g, h
}

func TestConcurrentWritersOfOneDocumentSeeEachOther(t *testing.T) {
	g, h := newGame(t).held()
	const writers = 100
	ref := own(g.ada, "counter")
	versions := make([]atomic.Int64, writers+2)
	count := func() {
		done, err := g.Documents.Write(context.Background(), g.ada, storage.Change{Ref: ref, Edit: storage.Steps{{Path: "/n", By: 1}}})
		if err != nil {
			t.Error(err)
			return
		}
		versions[done.Document.Version].Add(1)
		if done.Sums[0] != done.Document.Version {
			t.Errorf("sum %d at version %d", done.Sums[0], done.Document.Version)
		}
	}
	rest := make([]func(), writers-1)
	for i := range rest {
		rest[i] = count
	}
	behind(h, count, rest...)
	for v := 1; v <= writers; v++ {
		if versions[v].Load() != 1 {
			t.Errorf("version %d was answered %d times", v, versions[v].Load())
		}
	}
	if d, err := g.Documents.Get(t.Context(), g.server, ref); err != nil || d.Version != writers || string(d.Value) != fmt.Sprintf(`{"n":%d}`, writers) {
		t.Errorf("%+v, %v", d, err)
	}
	if n := h.commits.Load(); n > writers/2 {
		t.Errorf("%d commits for %d writers that were there together", n, writers)
	}
}

func TestARefusalLeavesItsNeighboursAlone(t *testing.T) {
	g, h := newGame(t).held()
	var refused, written atomic.Int64
	write := func(p tenancy.Principal, ref storage.Ref, pre storage.Precondition) func() {
		return func() {
			_, _, err := g.put(p, ref, `{}`, pre)
			switch {
			case err == nil:
				written.Add(1)
			case errors.Is(err, storage.ErrWriteDenied), errors.Is(err, storage.ErrStale):
				refused.Add(1)
			default:
				t.Error(err)
			}
		}
	}
	var rest []func()
	for i := range 20 {
		rest = append(rest, write(g.ada, own(g.ada, fmt.Sprint(i)), storage.Precondition{}), write(g.bob, own(g.ada, fmt.Sprint(i)), storage.Precondition{}),
			write(g.operator, own(g.bob, fmt.Sprint(i)), storage.Precondition{Exists: true}), write(g.server, storage.Ref{Collection: "c", Key: fmt.Sprint(i)}, storage.Precondition{}))
	}
	behind(h, func() {
		// A place that another environment has by the same name is another.
		if _, _, err := g.put(g.abroad, storage.Ref{Collection: "c", Key: "0"}, `{"abroad":true}`, storage.Precondition{Absent: true}); err != nil {
			t.Error(err)
		}
	}, rest...)
	if written.Load() != 40 || refused.Load() != 40 {
		t.Errorf("%d written, %d refused", written.Load(), refused.Load())
	}
	all, err := g.Documents.List(t.Context(), g.server, storage.Query{Owner: storage.Owner(g.ada.Subject()), Limit: 100})
	if err != nil || len(all) != 20 {
		t.Errorf("%d documents, %v", len(all), err)
	}
}

func TestAllOfSeveralOrNone(t *testing.T) {
	g := newGame(t)
	a, b := own(g.ada, "a"), own(g.bob, "b")
	put := func(ref storage.Ref, value string, pre storage.Precondition) storage.Change {
		return storage.Change{Ref: ref, Precondition: pre, Edit: storage.Draft{Value: []byte(value)}}
	}
	absent := storage.Precondition{Absent: true}
	_, err := g.Documents.WriteAll(t.Context(), g.server, []storage.Change{put(a, `{}`, absent), put(b, `{}`, absent), put(a, `{}`, absent)})
	var refused *documents.Refused
	if !errors.As(err, &refused) || refused.Change != 2 || !errors.Is(err, storage.ErrStale) {
		t.Fatalf("the second making of a: %v", err)
	}
	for _, ref := range []storage.Ref{a, b} {
		if _, err := g.Documents.Get(t.Context(), g.server, ref); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s is there: %v", ref.Key, err)
		}
	}
	done, err := g.Documents.WriteAll(t.Context(), g.server, []storage.Change{
		put(a, `{"n":1}`, absent), {Ref: a, Edit: storage.Removal{}}, put(b, `{}`, absent), {Ref: a, Edit: storage.Steps{{Path: "/n", By: 2}}},
	})
	if err != nil || len(done) != 4 || done[3].Document.Version != 3 || string(done[3].Document.Value) != `{"n":2}` || !done[3].Created {
		t.Fatalf("%+v, %v", done, err)
	}
	if d, err := g.Documents.Get(t.Context(), g.server, a); err != nil || d.Version != 3 || string(d.Value) != `{"n":2}` {
		t.Errorf("%+v, %v", d, err)
	}
	// One player writes his own only, whatever else is in the list.
	if _, err := g.Documents.WriteAll(t.Context(), g.ada, []storage.Change{put(a, `{}`, storage.Precondition{}), put(b, `{}`, storage.Precondition{})}); !errors.Is(err, storage.ErrWriteDenied) {
		t.Errorf("another's: %v", err)
	}
	if d, err := g.Documents.Get(t.Context(), g.server, a); err != nil || d.Version != 3 {
		t.Errorf("%+v, %v", d, err)
	}
}
