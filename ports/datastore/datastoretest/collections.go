package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func collection(name string, version int64) storage.Collection {
	return storage.Collection{
		Name: name, Version: version, CreatedAt: start, UpdatedAt: later(time.Microsecond),
		Declaration: storage.Declaration{
			Schema: []byte(`{"type":"object","maximum":9007199254740993,"é":"\u0000 ' ? $1"}`),
			Read:   storage.Public, Write: storage.ServerOnly, ValueBytes: 1 << 20, Revisions: 100,
		},
	}
}

var collectionTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		plain := storage.Collection{Name: "plain", Version: 2, CreatedAt: start, UpdatedAt: start}
		for _, c := range []storage.Collection{collection("full", 1), plain, collection("Full", 3)} {
			fails(t, "before", second(w.Collections().Get(w.ctx, w.here(), c.Name)), storage.ErrCollectionNotFound)
			must(t, w.Collections().Save(w.ctx, w.here(), c))
			same(t, "get", get[storage.Collection](t)(w.Collections().Get(w.ctx, w.here(), c.Name)), c)
		}
		other := storage.Collection{Name: "full", Version: 9, CreatedAt: later(time.Hour), UpdatedAt: later(2 * time.Hour)}
		other.Revisions = 1
		must(t, w.Collections().Save(w.ctx, w.here(), other))
		same(t, "in its place", get[storage.Collection](t)(w.Collections().Get(w.ctx, w.here(), "full")), other)
		must(t, w.Collections().Delete(w.ctx, w.here(), "full"))
		fails(t, "get", second(w.Collections().Get(w.ctx, w.here(), "full")), storage.ErrCollectionNotFound)
		fails(t, "delete again", w.Collections().Delete(w.ctx, w.here(), "full"), storage.ErrCollectionNotFound)
		same(t, "another", get[storage.Collection](t)(w.Collections().Get(w.ctx, w.here(), "plain")), plain)
	},
	"list by name, bytewise": func(t *testing.T, w *world) {
		for i := range ladder {
			must(t, w.Collections().Save(w.ctx, w.here(), collection(ladder[(i*5)%len(ladder)], int64(i+1))))
		}
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := get[[]storage.Collection](t)(w.Collections().List(w.ctx, w.here(), after, 4))
			for _, c := range page {
				got = append(got, c.Name)
			}
			if len(page) < 4 {
				break
			}
		}
		same(t, "names", got, ladder)
		same(t, "limit 0", get[[]storage.Collection](t)(w.Collections().List(w.ctx, w.here(), "", 0)), []storage.Collection{})
	},
	"each change has a version of its own": func(t *testing.T, w *world) {
		same(t, "none", get[int64](t)(w.Collections().Version(w.ctx, w.here())), 0)
		const changes = 20
		versions := make([]int64, changes)
		errs := make([]error, changes)
		together(changes, func(i int) {
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				version, err := tx.Collections().NextVersion(ctx, w.here())
				if err != nil {
					return err
				}
				// Nobody else is between here and the commit.
				all, err := tx.Collections().List(ctx, w.here(), "", 100)
				if err == nil && int64(len(all)) != version-1 {
					err = fmt.Errorf("%d were made before version %d", len(all), version)
				}
				versions[i] = version
				return errors.Join(err, tx.Collections().Save(ctx, w.here(), collection(fmt.Sprintf("c%02d", i), version)))
			})
		})
		must(t, errors.Join(errs...))
		slices.Sort(versions)
		for i, version := range versions {
			same(t, "version", version, int64(i+1))
		}
		same(t, "version", get[int64](t)(w.Collections().Version(w.ctx, w.here())), changes)
		undone := errors.New("undone")
		fails(t, "undone", w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
			same(t, "next", get[int64](t)(tx.Collections().NextVersion(ctx, w.here())), changes+1)
			same(t, "within", get[int64](t)(tx.Collections().Version(ctx, w.here())), changes+1)
			return undone
		}), undone)
		same(t, "after it", get[int64](t)(w.Collections().Version(w.ctx, w.here())), changes)
	},
	"of another environment": func(t *testing.T, w *world) {
		must(t, w.Collections().Save(w.ctx, w.here(), collection("c", 1)))
		get[int64](t)(w.Collections().NextVersion(w.ctx, w.here()))
		for _, foreign := range []tenancy.Scope{w.away.Scope(), w.abroad.Scope()} {
			same(t, "version", get[int64](t)(w.Collections().Version(w.ctx, foreign)), 0)
			fails(t, "get", second(w.Collections().Get(w.ctx, foreign, "c")), storage.ErrCollectionNotFound)
			fails(t, "delete", w.Collections().Delete(w.ctx, foreign, "c"), storage.ErrCollectionNotFound)
			same(t, "list", get[[]storage.Collection](t)(w.Collections().List(w.ctx, foreign, "", 10)), []storage.Collection{})
			must(t, w.Collections().Save(w.ctx, foreign, storage.Collection{Name: "c", Version: 1, CreatedAt: start, UpdatedAt: start}))
		}
		same(t, "ours", get[storage.Collection](t)(w.Collections().Get(w.ctx, w.here(), "c")), collection("c", 1))
		gone := environment(project("gone"), "gone").Scope()
		fails(t, "version of none", second(w.Collections().Version(w.ctx, gone)), tenancy.ErrEnvironmentNotFound)
		fails(t, "next version of none", second(w.Collections().NextVersion(w.ctx, gone)), tenancy.ErrEnvironmentNotFound)
		fails(t, "save in none", w.Collections().Save(w.ctx, gone, collection("c", 1)), tenancy.ErrEnvironmentNotFound)
	},
	"an environment keeps its declarations when it is edited": func(t *testing.T, w *world) {
		get[int64](t)(w.Collections().NextVersion(w.ctx, w.here()))
		edited := w.home
		edited.Version, edited.Name = 2, "Renamed"
		must(t, w.Environments().Update(w.ctx, edited))
		same(t, "version", get[int64](t)(w.Collections().Version(w.ctx, w.here())), 1)
		get[int64](t)(w.Collections().NextVersion(w.ctx, w.here()))
		same(t, "environment", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, w.home.ID)), edited)
	},
	"all documents of a collection": func(t *testing.T, w *world) {
		var want []storage.Document
		for _, owner := range []string{"", "A", "a", "b"} {
			for _, key := range []string{"1", "2", "3"} {
				d := document(owner, "saves", key, 1)
				must(t, writeOne(w.ctx, w, w.here(), d))
				must(t, writeOne(w.ctx, w, w.here(), document(owner, "Saves", key, 1)))
				if owner == "a" && key == "2" {
					must(t, writeOne(w.ctx, w, w.here(), tombstone(d)))
					continue
				}
				want = append(want, d)
			}
		}
		must(t, writeOne(w.ctx, w, w.away.Scope(), document("a", "saves", "1", 1)))
		var got []storage.Document
		query := storage.CollectionQuery{Collection: "saves", Limit: 4}
		for {
			page := get[[]storage.Document](t)(w.Documents().ListAll(w.ctx, w.here(), query))
			got = append(got, page...)
			if len(page) < query.Limit {
				break
			}
			query.After.Owner, query.After.Key = got[len(got)-1].Owner, got[len(got)-1].Key
		}
		same(t, "documents", got, want)
		same(t, "of none", get[[]storage.Document](t)(w.Documents().ListAll(w.ctx, w.here(), storage.CollectionQuery{Collection: "none", Limit: 4})), []storage.Document{})
	},
}
