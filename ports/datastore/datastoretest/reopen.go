package datastoretest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// RunReopen proves what takes more than one look at the same data: migrating it,
// and finding it again. Each call of prepare makes empty, unmigrated data, and
// each call of what it gives opens that data once more.
func RunReopen(t *testing.T, prepare func(t *testing.T) (open func(t *testing.T) datastore.Datastore)) {
	t.Run("an empty database has no schema", func(t *testing.T) {
		t.Parallel()
		ds := prepare(t)(t)
		fails(t, "check", ds.CheckSchema(t.Context()), datastore.ErrSchema)
		fails(t, "use", second(ds.Projects().List(t.Context(), "", 1)), datastore.ErrSchema)
		must(t, ds.Ping(t.Context()))
	})
	t.Run("many migrate at once, each step is applied once", func(t *testing.T) {
		t.Parallel()
		open := prepare(t)
		stores := make([]datastore.Datastore, 4)
		for i := range stores {
			stores[i] = open(t)
		}
		applied, errs := make([][]string, len(stores)), make([]error, len(stores))
		together(len(stores), func(i int) { applied[i], errs[i] = stores[i].Migrate(t.Context()) })
		must(t, errors.Join(errs...))
		all := slices.Concat(applied...)
		slices.Sort(all)
		if len(all) == 0 || len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Errorf("applied %v", applied)
		}
		for _, ds := range stores {
			must(t, ds.CheckSchema(t.Context()))
		}
	})
	t.Run("what was committed is found again", func(t *testing.T) {
		t.Parallel()
		open := prepare(t)
		first := open(t)
		get[[]string](t)(first.Migrate(t.Context()))
		w := newWorld(t, first)
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		other := open(t)
		same(t, "through another", get[storage.Document](t)(getOne(w.ctx, other, w.here(), d.Ref)), d)
		must(t, first.Close())
		must(t, other.Close())
		again := open(t)
		must(t, again.CheckSchema(w.ctx))
		same(t, "after all closed", get[storage.Document](t)(getOne(w.ctx, again, w.here(), d.Ref)), d)
	})
	t.Run("a guard and a lock hold against other processes", func(t *testing.T) {
		t.Parallel()
		open := prepare(t)
		mine := open(t)
		get[[]string](t)(mine.Migrate(t.Context()))
		w, theirs := newWorld(t, mine), open(t)
		held := acquire(t, w, "job", "a", start, true)
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		// They wait as long as they may and are told so. Once the transaction has
		// ended nothing is asked: what a caller gave up may still have been done.
		blocked := func(what string, do func(ctx context.Context) error) {
			ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
			defer cancel()
			fails(t, what, do(ctx), context.DeadlineExceeded)
		}
		w.inTx(t, func(tx repos) error {
			must(t, tx.Leases().Guard(w.ctx, held))
			blocked("takeover", func(ctx context.Context) error {
				_, _, err := theirs.Leases().Acquire(ctx, "job", "b", held.ExpiresAt, time.Minute)
				return err
			})
			same(t, "the lease", get[[]lease.Lease](t)(theirs.Leases().List(w.ctx, "")), []lease.Lease{held})
			return nil
		})
		w.inTx(t, func(tx repos) error {
			get[storage.Document](t)(lockOne(w.ctx, tx, w.here(), d.Ref))
			blocked("write", func(ctx context.Context) error {
				next := d
				next.Version = 2
				return writeOne(ctx, theirs, w.here(), next)
			})
			same(t, "the document", get[storage.Document](t)(getOne(w.ctx, theirs, w.here(), d.Ref)), d)
			return nil
		})
	})
}
