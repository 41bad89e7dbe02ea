package custody_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/datastore"
)

func keeper(t *testing.T, clock *composetest.Clock, database datastore.Datastore, blobs blob.Store) *custody.Keeper {
	t.Helper()
	return custody.New(database, blobs, clock, system.IDs{})
}

func put(t *testing.T, blobs blob.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := blobs.Put(t.Context(), key, strings.NewReader("x"), 1, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func left(t *testing.T, blobs blob.Store, prefix string) string {
	t.Helper()
	all, err := blobs.List(t.Context(), prefix, "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, len(all))
	for i, one := range all {
		keys[i] = strings.TrimPrefix(one.Key, prefix)
	}
	return strings.Join(keys, " ")
}

// unknown takes every object for a stray but those named.
func unknown(but ...string) func(context.Context, []blob.Info) ([]string, error) {
	return func(_ context.Context, objects []blob.Info) (strays []string, err error) {
		for _, one := range objects {
			known := false
			for _, name := range but {
				known = known || one.Key == custody.Bundles+name
			}
			if !known {
				strays = append(strays, one.Key)
			}
		}
		return strays, nil
	}
}

func TestReplicasThatStartAtOnceAgree(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	database, blobs := composetest.Store(t, clock), composetest.Blobs(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := keeper(t, clock, database, blobs).Settle(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	here, there, err := keeper(t, clock, database, blobs).IDs(t.Context())
	if err != nil || here == "" || here != there {
		t.Errorf("the database tells %q, the store %q, %v", here, there, err)
	}
}

// Nobody who was started on the wrong one of two things touches the right one.
func TestWhatDoesNotBelongTogetherIsRefused(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	settled := func() (datastore.Datastore, blob.Store) {
		database, blobs := composetest.Store(t, clock), composetest.Blobs(t)
		if err := keeper(t, clock, database, blobs).Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, blobs, custody.Bundles+"e/1", custody.Archives+"e/b/1/2")
		return database, blobs
	}
	database, blobs := settled()
	_, others := settled()
	old := composetest.Blobs(t) // of a version that told no store anything
	put(t, old, custody.Archives+"e/b/1/2")
	for name, one := range map[string]struct {
		database datastore.Datastore
		blobs    blob.Store
		want     error
	}{
		"another installation's":             {database, others, custody.ErrOther},
		"an empty one":                       {database, composetest.Blobs(t), custody.ErrGone},
		"one of an older version":            {database, old, custody.ErrGone},
		"a new database":                     {composetest.Store(t, clock), blobs, custody.ErrTaken},
		"a new database, an older version's": {composetest.Store(t, clock), old, custody.ErrTaken},
	} {
		k := keeper(t, clock, one.database, one.blobs)
		before := left(t, one.blobs, "")
		for range 3 { // and it is not forgotten
			if err := k.Settle(t.Context()); !errors.Is(err, one.want) {
				t.Errorf("%s: %v", name, err)
			}
			if err := k.Sweep(t.Context(), custody.Bundles, unknown()); !errors.Is(err, one.want) {
				t.Errorf("%s: sweep: %v", name, err)
			}
			clock.Advance(custody.Kept)
		}
		if after := left(t, one.blobs, ""); after != before {
			t.Errorf("%s: of %s are left %s", name, before, after)
		}
	}
	if err := keeper(t, clock, database, blobs).Settle(t.Context()); err != nil {
		t.Errorf("what belongs together: %v", err)
	}
}

func TestAnAdoptedStoreHasOneOwner(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	blobs := composetest.Blobs(t)
	first, second := keeper(t, clock, composetest.Store(t, clock), blobs), keeper(t, clock, composetest.Store(t, clock), blobs)
	if err := first.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if err := first.Sweep(t.Context(), custody.Bundles, unknown()); !errors.Is(err, custody.ErrOther) {
		t.Errorf("who had it: %v", err)
	}
}

// An object goes once it was a stray at every look for Kept, and not before.
func TestStraysAreKeptForAWeek(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	database, blobs := composetest.Store(t, clock), composetest.Blobs(t)
	put(t, blobs, custody.Bundles+"e/a", custody.Bundles+"e/b", custody.Bundles+"e/c", custody.Archives+"e/b/1/2")
	sweep := func(want string, known ...string) {
		t.Helper()
		k := keeper(t, clock, database, blobs) // a process remembers nothing
		if err := k.Sweep(t.Context(), custody.Bundles, unknown(known...)); err != nil {
			t.Fatal(err)
		}
		if got := left(t, blobs, custody.Bundles); got != want {
			t.Errorf("left are %s, want %s", got, want)
		}
	}
	if err := keeper(t, clock, database, blobs).Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	sweep("e/a e/b e/c", "e/c")
	clock.Advance(custody.Kept - time.Microsecond)
	sweep("e/a e/b e/c", "e/b", "e/c") // b is needed again, if only for a moment
	clock.Advance(time.Microsecond)
	sweep("e/b e/c", "e/c")
	clock.Advance(custody.Kept - time.Microsecond)
	sweep("e/b e/c", "e/c")
	clock.Advance(time.Microsecond)
	sweep("e/c", "e/c")
	put(t, blobs, custody.Bundles+"e/a") // which was noted long ago
	sweep("e/a e/c", "e/c")
	if got := left(t, blobs, custody.Archives); got != "e/b/1/2" {
		t.Errorf("of the archives are left %s", got)
	}
}

func TestASweepGoesThroughAllPages(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	database, blobs := composetest.Store(t, clock), composetest.Blobs(t)
	k := keeper(t, clock, database, blobs)
	if err := k.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 501 {
		put(t, blobs, custody.Bundles+fmt.Sprintf("e/%03d", i))
	}
	for _, want := range []int{501, 0} {
		if err := k.Sweep(t.Context(), custody.Bundles, unknown()); err != nil {
			t.Fatal(err)
		}
		if got := len(strings.Fields(left(t, blobs, custody.Bundles))); got != want {
			t.Errorf("%d are left, want %d", got, want)
		}
		clock.Advance(custody.Kept)
	}
	notes, err := database.Custody().Strays(t.Context(), "", "", "")
	if err != nil || len(notes) != 0 {
		t.Errorf("%d notes of what is gone, %v", len(notes), err)
	}
}
