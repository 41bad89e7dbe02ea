package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func document(owner, collection, key string, version int64) storage.Document {
	return storage.Document{
		Ref:   storage.Ref{Owner: storage.Owner(owner), Collection: collection, Key: key},
		Value: []byte(`{"z":1,"a":[1.0,1e2,9007199254740993],"q":"?"}`), Version: version,
		Read: storage.OwnerOnly, Write: storage.OwnerOnly, CreatedAt: start, UpdatedAt: start,
	}
}

func tombstone(d storage.Document) storage.Document {
	d.Value, d.Deleted, d.UpdatedAt = nil, true, d.UpdatedAt.Add(time.Second)
	d.Version++
	return d
}

// writeOne stores a document over the version before it.
func writeOne(ctx context.Context, r repos, scope tenancy.Scope, d storage.Document) error {
	return r.Documents().WriteMany(ctx, scope, []storage.Write{{Document: d, Before: d.Version - 1}})
}

// getOne reads one document; ErrNotFound when there was never one.
func getOne(ctx context.Context, r repos, scope tenancy.Scope, ref storage.Ref) (storage.Document, error) {
	return only(r.Documents().GetMany(ctx, scope, []storage.Ref{ref}))
}

// lockOne locks one document; ErrNotFound when there was never one.
func lockOne(ctx context.Context, r repos, scope tenancy.Scope, ref storage.Ref) (storage.Document, error) {
	return only(r.Documents().LockMany(ctx, scope, []storage.Ref{ref}))
}

func only(found []storage.Document, err error) (storage.Document, error) {
	if err == nil && len(found) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return storage.Document{}, err
	}
	return found[0], nil
}

var everyAccess = []storage.Access{storage.OwnerOnly, storage.Public, storage.ServerOnly}

var documentTests = map[string]func(*testing.T, *world){
	"round trip, byte for byte": func(t *testing.T, w *world) {
		for i, value := range []string{
			`{}`, `{"b":1,"a":2,"b2":1.0,"c":1e400,"n":-0.0}`, `{"s":"\u0000 \ud800 ' \\ ? $1 :x"}`, `{"é":"😀 \" 日本"}`,
			`{"long":"` + strings.Repeat("x", 300_000) + `"}`,
		} {
			d := document("p", "c", fmt.Sprint(i), 1)
			d.Value, d.Read, d.Write, d.UpdatedAt = []byte(value), storage.Public, storage.ServerOnly, later(time.Microsecond)
			must(t, writeOne(w.ctx, w, w.here(), d))
			same(t, "get", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)), d)
			same(t, "lock", get[storage.Document](t)(lockOne(w.ctx, w, w.here(), d.Ref)), d)
		}
	},
	"many are found at once": func(t *testing.T, w *world) {
		var refs []storage.Ref
		want := map[storage.Ref]storage.Document{}
		for i := range 100 {
			d := document(fmt.Sprint("p", i%7), fmt.Sprint("c", i%3), fmt.Sprint(i), 1)
			refs = append(refs, d.Ref)
			if i%4 == 0 {
				continue // was never there
			}
			must(t, writeOne(w.ctx, w, w.here(), d))
			if i%5 == 0 {
				d = tombstone(d)
				must(t, writeOne(w.ctx, w, w.here(), d))
			}
			want[d.Ref] = d
		}
		refs = append(refs, storage.Ref{Owner: "p\x00", Collection: "c0", Key: "0"}, storage.Ref{})
		slices.Reverse(refs)
		check := func(what string, found []storage.Document, err error) {
			must(t, err)
			got := map[storage.Ref]storage.Document{}
			for _, d := range found {
				got[d.Ref] = d
			}
			if len(found) != len(want) {
				t.Errorf("%s: %d documents, want %d", what, len(found), len(want))
			}
			same(t, what, got, want)
		}
		found, err := w.Documents().GetMany(w.ctx, w.here(), refs)
		check("get", found, err)
		w.inTx(t, func(tx repos) error {
			found, err := tx.Documents().LockMany(w.ctx, w.here(), refs)
			check("lock", found, err)
			return nil
		})
		same(t, "none", get[[]storage.Document](t)(w.Documents().GetMany(w.ctx, w.here(), nil)), []storage.Document{})
	},
	"not found": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		for _, ref := range []storage.Ref{
			{Owner: "p", Collection: "c", Key: "K"}, {Owner: "P", Collection: "c", Key: "k"}, {Owner: "p", Collection: "C", Key: "k"}, {},
			{Owner: storage.Shared, Collection: "c", Key: "k"}, {Owner: "p", Collection: "c", Key: "k\x00"}, {Owner: "\xff", Collection: "c", Key: "k"},
		} {
			fails(t, "get", second(getOne(w.ctx, w, w.here(), ref)), storage.ErrNotFound)
			fails(t, "lock", second(lockOne(w.ctx, w, w.here(), ref)), storage.ErrNotFound)
		}
	},
	"a write replaces the version before": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		fails(t, "version 2 of nothing", writeOne(w.ctx, w, w.here(), document("p", "c", "k", 2)), storage.ErrStale)
		fails(t, "nothing", second(getOne(w.ctx, w, w.here(), d.Ref)), storage.ErrNotFound)
		must(t, writeOne(w.ctx, w, w.here(), d))
		for _, version := range []int64{1, 3, math.MaxInt64} {
			stale := document("p", "c", "k", version)
			stale.Value = []byte(`{"stale":true}`)
			fails(t, fmt.Sprint("version ", version), writeOne(w.ctx, w, w.here(), stale), storage.ErrStale)
		}
		same(t, "unchanged", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)), d)
		d.Version, d.Value, d.Read, d.Write, d.UpdatedAt = 2, []byte(`{"two":2}`), storage.ServerOnly, storage.ServerOnly, later(time.Hour)
		must(t, writeOne(w.ctx, w, w.here(), d))
		same(t, "changed", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)), d)
	},
	"a version below one is a bug": func(t *testing.T, w *world) {
		for _, version := range []int64{0, -1, math.MinInt64} {
			if err := writeOne(w.ctx, w, w.here(), document("p", "c", "k", version)); err == nil || errors.Is(err, storage.ErrStale) {
				t.Errorf("version %d: %v", version, err)
			}
		}
	},
	"a stale write leaves its transaction usable": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		w.inTx(t, func(tx repos) error {
			fails(t, "write", writeOne(w.ctx, tx, w.here(), d), storage.ErrStale)
			same(t, "read", get[storage.Document](t)(getOne(w.ctx, tx, w.here(), d.Ref)), d)
			return nil
		})
	},
	"a tombstone keeps the version": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		dead := tombstone(d)
		must(t, writeOne(w.ctx, w, w.here(), dead))
		same(t, "tombstone", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)), dead)
		fails(t, "begin again at 1", writeOne(w.ctx, w, w.here(), d), storage.ErrStale)
		d.Version, d.CreatedAt, d.UpdatedAt = 3, later(time.Hour), later(time.Hour)
		must(t, writeOne(w.ctx, w, w.here(), d))
		same(t, "made again", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)), d)
	},
	"thirty-two writers lose no update": func(t *testing.T, w *world) {
		const writers, each = 32, 4
		ref := document("p", "c", "counter", 1).Ref
		errs := make([]error, writers)
		together(writers, func(i int) {
			for n := 0; n < each && errs[i] == nil; {
				d, err := getOne(w.ctx, w, w.here(), ref)
				if errors.Is(err, storage.ErrNotFound) {
					d, err = document("p", "c", "counter", 0), nil
				}
				if d.Version++; err == nil {
					err = writeOne(w.ctx, w, w.here(), d)
				}
				switch {
				case err == nil:
					n++
				case !errors.Is(err, storage.ErrStale):
					errs[i] = err
				}
			}
		})
		must(t, errors.Join(errs...))
		same(t, "version", get[storage.Document](t)(getOne(w.ctx, w, w.here(), ref)).Version, writers*each)
	},
	"lock keeps other writers out": func(t *testing.T, w *world) {
		const writers, each = 8, 5
		d := document("p", "c", "counter", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		errs := make([]error, writers)
		together(writers, func(i int) {
			for range each {
				err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
					d, err := lockOne(ctx, tx, w.here(), d.Ref)
					if err != nil {
						return err
					}
					d.Version++
					return writeOne(ctx, tx, w.here(), d) // never stale, because it was locked
				})
				errs[i] = errors.Join(errs[i], err)
			}
		})
		must(t, errors.Join(errs...))
		same(t, "version", get[storage.Document](t)(getOne(w.ctx, w, w.here(), d.Ref)).Version, 1+writers*each)
	},
	"many at once": func(t *testing.T, w *world) {
		const there = 40
		at := func(i int, version int64) storage.Document {
			d := document([]string{"", "p", "P"}[i%3], "c", fmt.Sprint("k", i), version)
			d.Value = fmt.Appendf(nil, `{"i":%d,"version":%d}`, i, version)
			return d
		}
		var first, second []storage.Write
		var refs []storage.Ref
		for i := range 2 * there {
			refs = append(refs, at(i, 1).Ref)
			if i < there {
				first = append(first, storage.Write{Document: at(i, 3)}) // three writes at once, of one that was never there
				dead := tombstone(at(i, 4))
				second = append(second, []storage.Write{{Document: at(i, 5), Before: 3}, {Document: dead, Before: 3}}[i%2])
			} else {
				second = append(second, storage.Write{Document: at(i, 1)})
			}
		}
		must(t, w.Documents().WriteMany(w.ctx, w.here(), first))
		must(t, w.Documents().WriteMany(w.ctx, w.here(), nil))
		stale := append(slices.Clone(second[1:]), storage.Write{Document: at(0, 9), Before: 8})
		fails(t, "one stale", w.Documents().WriteMany(w.ctx, w.here(), stale), storage.ErrStale)
		stale[len(stale)-1] = storage.Write{Document: at(0, 1)}
		fails(t, "one made again", w.Documents().WriteMany(w.ctx, w.here(), stale), storage.ErrStale)
		locked := func(in repos) []storage.Document {
			all := get[[]storage.Document](t)(in.Documents().LockMany(w.ctx, w.here(), refs))
			slices.SortFunc(all, func(a, b storage.Document) int { return a.Ref.Compare(b.Ref) })
			return all
		}
		documents := func(writes []storage.Write) (all []storage.Document) {
			for _, one := range writes {
				all = append(all, one.Document)
			}
			slices.SortFunc(all, func(a, b storage.Document) int { return a.Ref.Compare(b.Ref) })
			return all
		}
		w.inTx(t, func(tx repos) error {
			same(t, "nothing of a stale list is written", locked(tx), documents(first))
			slices.Reverse(second)
			return tx.Documents().WriteMany(w.ctx, w.here(), second)
		})
		same(t, "all are written", locked(w), documents(second))
		same(t, "none", get[[]storage.Document](t)(w.Documents().LockMany(w.ctx, w.here(), nil)), []storage.Document{})
	},
	"revisions": func(t *testing.T, w *world) {
		const kept = 3
		d := document("p", "c", "k", 0)
		var past []storage.Document
		for version := range int64(20) {
			next := d
			next.Version, next.Value, next.Deleted = version+1, fmt.Appendf(nil, `{"v":%d}`, version+1), false
			next.Read, next.UpdatedAt = everyAccess[version%3], later(time.Duration(version)*time.Second)
			if next.Version == 18 {
				next.Value, next.Deleted = nil, true
			}
			write := storage.Write{Document: next, Before: version, Forget: next.Version - kept}
			if version > 0 {
				write.Past = []storage.Document{d}
				past = append(past, d)
			}
			must(t, w.Documents().WriteMany(w.ctx, w.here(), []storage.Write{write}))
			d = next
		}
		slices.Reverse(past)
		query := storage.RevisionQuery{Ref: d.Ref, Before: d.Version, Values: true, Limit: kept}
		same(t, "the latest", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)), past[:kept])
		query.Before, query.Limit = past[0].Version, 1
		same(t, "before the latest", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)), past[1:2])
		query.Values, past[1].Value = false, nil
		same(t, "without values", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)), past[1:2])
		query.Limit = 0
		same(t, "limit 0", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)), []storage.Document{})
		query.Before, query.Limit = math.MaxInt64, 100
		if all := get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)); len(all) > 2*kept+8 {
			t.Errorf("%d revisions are kept", len(all))
		}
		same(t, "one", get[storage.Document](t)(w.Documents().Revision(w.ctx, w.here(), d.Ref, past[2].Version)), past[2])
		for _, version := range []int64{-1, 0, 1, d.Version, math.MaxInt64} { // what it is now is no earlier state
			fails(t, fmt.Sprint("version ", version), second(w.Documents().Revision(w.ctx, w.here(), d.Ref, version)), storage.ErrRevisionNotFound)
		}
		fails(t, "of another", second(w.Documents().Revision(w.ctx, w.here(), document("q", "c", "k", 1).Ref, past[0].Version)), storage.ErrRevisionNotFound)
		stale := storage.Write{Document: document("p", "c", "k", 9), Before: 8, Past: []storage.Document{document("p", "c", "k", 100)}}
		fails(t, "stale", w.Documents().WriteMany(w.ctx, w.here(), []storage.Write{stale}), storage.ErrStale)
		fails(t, "of a stale write", second(w.Documents().Revision(w.ctx, w.here(), d.Ref, 100)), storage.ErrRevisionNotFound)
		several := storage.Write{Document: document("p", "c", "new", 3), Past: []storage.Document{document("p", "c", "new", 1), tombstone(document("p", "c", "new", 1))}}
		must(t, w.Documents().WriteMany(w.ctx, w.here(), []storage.Write{several}))
		query = storage.RevisionQuery{Ref: several.Document.Ref, Before: 3, Values: true, Limit: 9}
		same(t, "several at once", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), query)), []storage.Document{several.Past[1], several.Past[0]})
	},
	"writers of many wait in no circle": func(t *testing.T, w *world) {
		const writers, each, keys = 6, 4, 10
		errs := make([]error, writers)
		together(writers, func(i int) {
			for n := range each {
				var refs []storage.Ref
				for k := range keys {
					refs = append(refs, document("p", "c", fmt.Sprint(k), 1).Ref)
				}
				if (i+n)%2 == 0 {
					slices.Reverse(refs)
				}
				for again := true; again; {
					err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
						found, err := tx.Documents().LockMany(ctx, w.here(), refs)
						if err != nil {
							return err
						}
						var writes []storage.Write
						for _, ref := range refs {
							write := storage.Write{Document: document("p", "c", ref.Key, 1)}
							if at := slices.IndexFunc(found, func(d storage.Document) bool { return d.Ref == ref }); at >= 0 {
								write.Before = found[at].Version
								write.Document.Version = write.Before + 1
							}
							writes = append(writes, write)
						}
						return tx.Documents().WriteMany(ctx, w.here(), writes)
					})
					again = errors.Is(err, storage.ErrStale) // another was first to make them
					if !again {
						errs[i] = errors.Join(errs[i], err)
					}
				}
			}
		})
		must(t, errors.Join(errs...))
		for k := range keys {
			same(t, "version", get[storage.Document](t)(getOne(w.ctx, w, w.here(), document("p", "c", fmt.Sprint(k), 1).Ref)).Version, writers*each)
		}
	},
	"list by collection and key, bytewise": func(t *testing.T, w *world) {
		var want []string
		for _, collection := range []string{"-", "A", "a", "a.b", "a_b"} {
			for _, key := range ladder {
				want = append(want, collection+"/"+key)
			}
		}
		for i := range want { // not in the order they are listed in
			collection, key, _ := strings.Cut(want[(i*37)%len(want)], "/")
			d := document("p", collection, key, 1)
			d.Read = everyAccess[i%len(everyAccess)]
			must(t, writeOne(w.ctx, w, w.here(), d))
		}
		all := storage.Query{Owner: "p", Reads: everyAccess, Limit: 1000}
		same(t, "all", list(t, w, all), strings.Join(want, " "))
		all.Collection = "a"
		same(t, "one collection", list(t, w, all), strings.Join(want[2*len(ladder):3*len(ladder)], " "))
		all.Collection = "b"
		same(t, "no collection", list(t, w, all), "")
	},
	"list by prefix": func(t *testing.T, w *world) {
		for _, key := range []string{"a", "aB", "ab", "ab.1", "ab_", "ac", "b", "~", "~~", "a%b"} {
			must(t, writeOne(w.ctx, w, w.here(), document("p", "c", key, 1)))
			must(t, writeOne(w.ctx, w, w.here(), document("p", "d", key, 1)))
		}
		for prefix, want := range map[string]string{
			"ab": "c/ab c/ab.1 c/ab_", "aB": "c/aB", "~": "c/~ c/~~", "a%": "c/a%b", "_": "", "abc": "", "b": "c/b",
		} {
			same(t, prefix, list(t, w, storage.Query{Owner: "p", Collection: "c", Prefix: prefix, Reads: everyAccess, Limit: 100}), want)
		}
		after := storage.Query{Owner: "p", Collection: "c", Prefix: "ab", Reads: everyAccess, Limit: 100}
		for place, want := range map[[2]string]string{{"c", "ab"}: "c/ab.1 c/ab_", {"c", "ab_"}: "", {"c", "b"}: "", {"b", "z"}: "c/ab c/ab.1 c/ab_", {"d", "a"}: ""} {
			after.After.Collection, after.After.Key = place[0], place[1]
			same(t, fmt.Sprint("after ", place), list(t, w, after), want)
		}
		if found, err := w.Documents().List(w.ctx, w.here(), storage.Query{Owner: "p", Prefix: "ac", Reads: everyAccess, Limit: 100}); err == nil {
			t.Errorf("in every collection: %v", found)
		}
	},
	"list what the reader may see": func(t *testing.T, w *world) {
		for _, access := range everyAccess {
			d := document("p", "c", string(access), 1)
			d.Read = access
			must(t, writeOne(w.ctx, w, w.here(), d))
		}
		dead := document("p", "c", "dead", 1)
		must(t, writeOne(w.ctx, w, w.here(), dead))
		must(t, writeOne(w.ctx, w, w.here(), tombstone(dead)))
		must(t, writeOne(w.ctx, w, w.here(), document("q", "c", "theirs", 1)))
		must(t, writeOne(w.ctx, w, w.here(), document("", "c", "shared", 1)))
		for _, c := range []struct {
			reads []storage.Access
			want  string
		}{
			{everyAccess, "c/owner c/public c/server"}, {everyAccess[:2], "c/owner c/public"}, {everyAccess[1:2], "c/public"}, {nil, ""},
		} {
			same(t, fmt.Sprint(c.reads), list(t, w, storage.Query{Owner: "p", Reads: c.reads, Limit: 100}), c.want)
		}
		same(t, "with tombstones", list(t, w, storage.Query{Owner: "p", Reads: everyAccess, Tombstones: true, Limit: 100}), "c/dead c/owner c/public c/server")
		same(t, "one tombstone", get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), storage.Query{Owner: "p", Collection: "c", Prefix: "dead", Reads: everyAccess, Values: true, Tombstones: true, Limit: 1})), []storage.Document{tombstone(dead)})
		if found, err := w.Documents().List(w.ctx, w.here(), storage.Query{Owner: "p", Reads: everyAccess[:2], Tombstones: true, Limit: 100}); err == nil {
			t.Errorf("tombstones for who may not read everything: %v", found)
		}
		same(t, "shared", list(t, w, storage.Query{Owner: storage.Shared, Reads: everyAccess, Limit: 100}), "c/shared")
		same(t, "limit 0", list(t, w, storage.Query{Owner: "p", Reads: everyAccess}), "")
		same(t, "limit -1", list(t, w, storage.Query{Owner: "p", Reads: everyAccess, Limit: -1}), "")
	},
	"list with values or without": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		query := storage.Query{Owner: "p", Reads: everyAccess, Values: true, Limit: 1}
		same(t, "with", get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query)), []storage.Document{d})
		query.Values, d.Value = false, nil
		same(t, "without", get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query)), []storage.Document{d})
	},
	"pages end by the bytes of their values": func(t *testing.T, w *world) {
		sizes := []int{100, 100, 101, 100, 5000, 100, 100}
		of := func(size int) []byte { return []byte(`{"s":"` + strings.Repeat("x", size-8) + `"}`) }
		// The same as documents, and as the earlier states of one.
		reviewed := storage.Write{Document: document("p", "c", "reviewed", int64(len(sizes)+1))}
		for i, size := range sizes {
			d := document("p", "c", fmt.Sprintf("k%d", i), 1)
			d.Value = of(size)
			must(t, writeOne(w.ctx, w, w.here(), d))
			d.Key, d.Version = "reviewed", int64(len(sizes)-i)
			reviewed.Past = append(reviewed.Past, d)
		}
		must(t, w.Documents().WriteMany(w.ctx, w.here(), []storage.Write{reviewed}))
		for _, c := range []struct{ bytes, limit, from, want int }{
			{0, 9, 0, 7}, {1, 9, 0, 2}, {99, 9, 0, 2}, {100, 9, 0, 2}, {200, 9, 0, 3}, {300, 9, 0, 3}, {301, 9, 0, 4}, {301, 3, 0, 3},
			{400, 9, 0, 4}, {401, 9, 0, 5}, {1, 9, 4, 2}, {5099, 9, 4, 2}, {5100, 9, 4, 3}, {1 << 30, 9, 0, 7}, {1, 0, 0, 0},
		} {
			query := storage.Query{Owner: "p", Collection: "c", Prefix: "k", Reads: everyAccess, Values: true, Limit: c.limit, Bytes: c.bytes}
			if c.from > 0 {
				query.After.Collection, query.After.Key = "c", fmt.Sprintf("k%d", c.from-1)
			}
			if found := get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query)); len(found) != c.want || found == nil {
				t.Errorf("%+v: %d documents", c, len(found))
			}
			history := storage.RevisionQuery{Ref: reviewed.Document.Ref, Before: int64(len(sizes) + 1 - c.from), Values: true, Limit: c.limit, Bytes: c.bytes}
			if found := get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, w.here(), history)); len(found) != c.want || found == nil {
				t.Errorf("%+v: %d revisions", c, len(found))
			}
			query.Values = false
			if found := get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query)); len(found) != min(c.limit, len(sizes)-c.from) {
				t.Errorf("%+v: %d documents without values", c, len(found))
			}
		}
	},
	"pages hold still while documents come": func(t *testing.T, w *world) {
		write := func(collection, key string) {
			must(t, writeOne(w.ctx, w, w.here(), document("p", collection, key, 1)))
		}
		for i := range 10 {
			write("a", fmt.Sprintf("k%d", i))
			write("b", fmt.Sprintf("k%d", i))
		}
		query := storage.Query{Owner: "p", Reads: everyAccess, Limit: 3}
		var got []string
		for n := 0; ; n++ {
			page := get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query))
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				got = append(got, d.Collection+"/"+d.Key)
			}
			last := page[len(page)-1]
			query.After.Collection, query.After.Key = last.Collection, last.Key
			write("a", fmt.Sprintf("k%d.%d", 0, n)) // before the next page
		}
		var want []string
		for _, collection := range []string{"a", "b"} {
			for i := range 10 {
				want = append(want, fmt.Sprintf("%s/k%d", collection, i))
			}
		}
		var old []string
		for _, place := range got {
			if !strings.Contains(place, ".") {
				old = append(old, place)
			}
		}
		same(t, "each once, in order", old, want)
	},
}

func list(t *testing.T, w *world, query storage.Query) string {
	t.Helper()
	documents := get[[]storage.Document](t)(w.Documents().List(w.ctx, w.here(), query))
	if documents == nil {
		t.Error("nil, not an empty list")
	}
	return joined(documents, func(d storage.Document) string { return d.Collection + "/" + d.Key })
}
