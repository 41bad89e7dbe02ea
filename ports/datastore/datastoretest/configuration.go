package datastoretest

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// third is the error of a call that also gives two values.
func third[A, B any](_ A, _ B, err error) error { return err }

func bundle(content string) configuration.Bundle {
	return configuration.Bundle{
		Hash: sha256.Sum256([]byte(content)), Size: int64(len(content)), ContentType: "application/json", Object: "bundles/" + newID(),
		CreatedAt: start, TouchedAt: start,
	}
}

func config(name string, version int64) configuration.Config {
	return configuration.Config{
		Name: name, Version: version, Release: 3, CreatedAt: start, UpdatedAt: later(time.Microsecond),
		Declaration: configuration.Declaration{Schema: []byte(`{"maximum":9007199254740993,"é":"\u0000 ' ? $1"}`), Readers: configuration.Public},
	}
}

// release names the bundles in rules that have something of everything.
func release(name string, number int, bundles ...configuration.Bundle) configuration.Release {
	r := configuration.Release{
		Config: name, Number: number, Restores: number - 1, PromotedFrom: "staging", PromotedRelease: number + 1, Note: "It's 'new' – 日本語\n?", CreatedBy: "CI", CreatedAt: start,
		Rules: []configuration.Rule{},
	}
	for _, b := range bundles {
		r.Rules = append(r.Rules, configuration.Rule{
			Bundle: b.Hash, BasisPoints: 2000, Salt: "s'alt", Platforms: []string{"ios", "android"}, Regions: []string{"eu"}, Tags: []string{"beta"},
			Callers: []configuration.Caller{configuration.Player}, MinVersion: configuration.Version{1, 2}, BelowVersion: configuration.Version{math.MaxInt32},
			From: later(time.Microsecond), Until: later(time.Hour),
		}, configuration.Rule{Bundle: b.Hash})
	}
	return r
}

// release makes a config with a release of a new bundle, and makes it the current one.
func (w *world) release(t *testing.T, scope tenancy.Scope, name, content string) (configuration.Bundle, configuration.Release) {
	t.Helper()
	b, c, r := bundle(content), config(name, 1), release(name, 1, bundle(content))
	must(t, third(w.Bundles().Save(w.ctx, scope, b)))
	c.Release = 1
	must(t, w.Configs().Save(w.ctx, scope, c))
	must(t, w.Configs().Release(w.ctx, scope, r))
	return b, r
}

var bundleTests = map[string]func(*testing.T, *world){
	"the same bytes are the same bundle": func(t *testing.T, w *world) {
		first := bundle("content")
		stored, created, err := w.Bundles().Save(w.ctx, w.here(), first)
		must(t, err)
		same(t, "stored", stored, first)
		same(t, "created", created, true)
		again := bundle("content")
		again.CreatedAt, again.TouchedAt, again.ContentType = later(time.Hour), later(time.Hour), "text/plain"
		stored, created, err = w.Bundles().Save(w.ctx, w.here(), again)
		must(t, err)
		first.TouchedAt = again.TouchedAt
		same(t, "stored again", stored, first)
		same(t, "created again", created, false)
		same(t, "get", get[configuration.Bundle](t)(w.Bundles().Get(w.ctx, w.here(), first.Hash)), first)
		fails(t, "another", second(w.Bundles().Get(w.ctx, w.here(), bundle("other").Hash)), configuration.ErrBundleNotFound)
		same(t, "many", get[[]configuration.Bundle](t)(w.Bundles().GetMany(w.ctx, w.here(), []configuration.Hash{first.Hash, bundle("other").Hash})), []configuration.Bundle{first})
		same(t, "none", get[[]configuration.Bundle](t)(w.Bundles().GetMany(w.ctx, w.here(), nil)), []configuration.Bundle{})
		same(t, "objects", get[[]string](t)(w.Bundles().Objects(w.ctx, w.here(), []string{again.Object, first.Object})), []string{first.Object})
		same(t, "no objects", get[[]string](t)(w.Bundles().Objects(w.ctx, w.here(), nil)), []string{})
	},
	"many upload the same bytes at once, one makes the bundle": func(t *testing.T, w *world) {
		var made atomic.Int32
		objects, errs := make([]string, 8), make([]error, 8)
		together(len(errs), func(i int) {
			stored, created, err := w.Bundles().Save(w.ctx, w.here(), bundle("content"))
			if created {
				made.Add(1)
			}
			objects[i], errs[i] = stored.Object, err
		})
		must(t, errors.Join(errs...))
		slices.Sort(objects)
		if len(slices.Compact(objects)) != 1 || made.Load() != 1 {
			t.Errorf("%d made it, of the objects %v", made.Load(), objects)
		}
	},
	"list, the latest first": func(t *testing.T, w *world) {
		var want []configuration.Hash
		for i, content := range []string{"a", "b", "c", "d", "e"} {
			b := bundle(content)
			b.CreatedAt = later(time.Duration(i/2) * time.Hour) // two of one moment
			must(t, third(w.Bundles().Save(w.ctx, w.here(), b)))
			want = append(want, b.Hash)
		}
		seen := map[configuration.Hash]bool{}
		var place configuration.BundlePlace
		for {
			page := get[[]configuration.Bundle](t)(w.Bundles().List(w.ctx, w.here(), place, 2))
			for _, b := range page {
				if !place.At.IsZero() && b.CreatedAt.After(place.At) || seen[b.Hash] {
					t.Errorf("%s comes after %s", b.Hash, place.Hash)
				}
				seen[b.Hash] = true
				place = configuration.BundlePlace{At: b.CreatedAt, Hash: b.Hash}
			}
			if len(page) < 2 {
				break
			}
		}
		same(t, "seen", len(seen), len(want))
	},
	"purge leaves what a release names, and what was touched": func(t *testing.T, w *world) {
		named, _ := w.release(t, w.here(), "gameplay", "named")
		old, touched := bundle("old"), bundle("touched")
		for _, b := range []configuration.Bundle{old, touched} {
			must(t, third(w.Bundles().Save(w.ctx, w.here(), b)))
		}
		touched.TouchedAt = later(time.Hour)
		must(t, third(w.Bundles().Save(w.ctx, w.here(), touched)))
		same(t, "limit 0", len(get[[]configuration.Bundle](t)(w.Bundles().Purge(w.ctx, w.here(), later(time.Hour), 0))), 0)
		same(t, "purged", get[[]configuration.Bundle](t)(w.Bundles().Purge(w.ctx, w.here(), later(time.Hour), 10)), []configuration.Bundle{old})
		fails(t, "gone", second(w.Bundles().Get(w.ctx, w.here(), old.Hash)), configuration.ErrBundleNotFound)
		same(t, "named", get[configuration.Bundle](t)(w.Bundles().Get(w.ctx, w.here(), named.Hash)), named)
		must(t, w.Configs().Delete(w.ctx, w.here(), "gameplay"))
		same(t, "purged", len(get[[]configuration.Bundle](t)(w.Bundles().Purge(w.ctx, w.here(), later(time.Minute), 10))), 1)
	},
	"no environment": func(t *testing.T, w *world) {
		w.removed(t, w.away.ID)
		fails(t, "save", third(w.Bundles().Save(w.ctx, w.away.Scope(), bundle("x"))), tenancy.ErrEnvironmentNotFound)
	},
}

var configTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		plain := configuration.Config{Name: "plain", Version: 2, CreatedAt: start, UpdatedAt: start}
		for _, c := range []configuration.Config{config("full", 1), plain} {
			fails(t, "before", second(w.Configs().Get(w.ctx, w.here(), c.Name)), configuration.ErrConfigNotFound)
			must(t, w.Configs().Save(w.ctx, w.here(), c))
			same(t, "get", get[configuration.Config](t)(w.Configs().Get(w.ctx, w.here(), c.Name)), c)
		}
		other := configuration.Config{Name: "full", Version: 9, Release: 4, CreatedAt: later(time.Hour), UpdatedAt: later(2 * time.Hour)}
		must(t, w.Configs().Save(w.ctx, w.here(), other))
		same(t, "list", get[[]configuration.Config](t)(w.Configs().List(w.ctx, w.here(), "", 10)), []configuration.Config{other, plain})
		same(t, "list after", get[[]configuration.Config](t)(w.Configs().List(w.ctx, w.here(), "full", 10)), []configuration.Config{plain})
		must(t, w.Configs().Delete(w.ctx, w.here(), "full"))
		fails(t, "delete again", w.Configs().Delete(w.ctx, w.here(), "full"), configuration.ErrConfigNotFound)
		w.removed(t, w.away.ID)
		fails(t, "no environment", w.Configs().Save(w.ctx, w.away.Scope(), plain), tenancy.ErrEnvironmentNotFound)
	},
	"each change has a version of its own": func(t *testing.T, w *world) {
		same(t, "none", get[int64](t)(w.Configs().Version(w.ctx, w.here())), 0)
		versions, errs := make([]int64, 12), make([]error, 12)
		together(len(errs), func(i int) {
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) (err error) {
				versions[i], err = tx.Configs().NextVersion(ctx, w.here())
				return err
			})
		})
		must(t, errors.Join(errs...))
		slices.Sort(versions)
		if versions[0] != 1 || versions[11] != 12 || len(slices.Compact(versions)) != 12 {
			t.Errorf("versions %v", versions)
		}
		same(t, "at the end", get[int64](t)(w.Configs().Version(w.ctx, w.here())), 12)
	},
	"releases": func(t *testing.T, w *world) {
		b, first := w.release(t, w.here(), "gameplay", "content")
		same(t, "get", get[configuration.Release](t)(w.Configs().GetRelease(w.ctx, w.here(), "gameplay", 1)), first)
		fails(t, "another", second(w.Configs().GetRelease(w.ctx, w.here(), "gameplay", 2)), configuration.ErrReleaseNotFound)
		nobody := release("gameplay", 2)
		must(t, w.Configs().Release(w.ctx, w.here(), nobody))
		third := release("gameplay", 3, b)
		must(t, w.Configs().Release(w.ctx, w.here(), third))
		same(t, "list", get[[]configuration.Release](t)(w.Configs().Releases(w.ctx, w.here(), "gameplay", 0, 2)), []configuration.Release{third, nobody})
		same(t, "list before", get[[]configuration.Release](t)(w.Configs().Releases(w.ctx, w.here(), "gameplay", 2, 2)), []configuration.Release{first})
		same(t, "current", get[[]configuration.Release](t)(w.Configs().Current(w.ctx, w.here())), []configuration.Release{first})
		same(t, "names", get[bool](t)(w.Configs().Names(w.ctx, w.here(), "gameplay", b.Hash)), true)
		same(t, "another config", get[bool](t)(w.Configs().Names(w.ctx, w.here(), "client", b.Hash)), false)
		must(t, w.Configs().Forget(w.ctx, w.here(), "gameplay", 2))
		same(t, "left", get[[]configuration.Release](t)(w.Configs().Releases(w.ctx, w.here(), "gameplay", 0, 9)), []configuration.Release{third})
		must(t, w.Configs().Delete(w.ctx, w.here(), "gameplay"))
		fails(t, "gone", second(w.Configs().GetRelease(w.ctx, w.here(), "gameplay", 3)), configuration.ErrReleaseNotFound)
		same(t, "names no more", get[bool](t)(w.Configs().Names(w.ctx, w.here(), "gameplay", b.Hash)), false)
	},
	"no release of a bundle that is not there": func(t *testing.T, w *world) {
		b, _ := w.release(t, w.here(), "gameplay", "content")
		fails(t, "missing", w.Configs().Release(w.ctx, w.here(), release("gameplay", 2, b, bundle("missing"))), configuration.ErrBundleMissing)
		fails(t, "nothing is left of it", second(w.Configs().GetRelease(w.ctx, w.here(), "gameplay", 2)), configuration.ErrReleaseNotFound)
		fails(t, "no config", w.Configs().Release(w.ctx, w.here(), release("client", 1, b)), configuration.ErrConfigNotFound)
	},
}
