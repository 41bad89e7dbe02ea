package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/idempotency"
)

// record expires an hour after the suite's time.
func record(holder, name string) idempotency.Record {
	r := idempotency.Record{Key: idempotency.Key{Holder: holder, Name: name}, Reply: []byte("\x00reply\xff"), ExpiresAt: later(time.Hour)}
	copy(r.Fingerprint[:], name)
	return r
}

var idempotencyTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		r := record(strings.Repeat("h", 200), strings.Repeat("~", 255))
		fails(t, "before", second(w.Idempotency().Find(w.ctx, r.Key, start)), idempotency.ErrNotFound)
		must(t, w.Idempotency().Save(w.ctx, r, start))
		same(t, "found", get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, r.Key, start)), r)
	},
	"a key is its holder's and compares by its bytes": func(t *testing.T, w *world) {
		for _, text := range lookalikes {
			r := record("holder", text)
			r.Reply = []byte(text)
			must(t, w.Idempotency().Save(w.ctx, r, start))
			other := record(text, "name")
			must(t, w.Idempotency().Save(w.ctx, other, start))
		}
		for _, text := range lookalikes {
			same(t, text, string(get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, idempotency.Key{Holder: "holder", Name: text}, start)).Reply), text)
		}
		for _, key := range []idempotency.Key{{Holder: "holder", Name: "nothing"}, {Holder: "nobody", Name: "i"}, {Holder: "", Name: ""}, {Holder: "holder", Name: "i\x00"}} {
			fails(t, key.Name, second(w.Idempotency().Find(w.ctx, key, start)), idempotency.ErrNotFound)
		}
	},
	"one that is there is not replaced": func(t *testing.T, w *world) {
		r, other := record("a", "b"), record("a", "b")
		other.Reply, other.ExpiresAt = []byte("other"), later(2*time.Hour)
		must(t, w.Idempotency().Save(w.ctx, r, start))
		fails(t, "again", w.Idempotency().Save(w.ctx, other, later(time.Hour-time.Microsecond)), idempotency.ErrTaken)
		w.inTx(t, func(tx repos) error {
			fails(t, "again", tx.Idempotency().Save(w.ctx, other, start), idempotency.ErrTaken)
			same(t, "in the transaction", get[idempotency.Record](t)(tx.Idempotency().Find(w.ctx, r.Key, start)), r)
			return nil
		})
		same(t, "after", get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, r.Key, start)), r)
	},
	"one that has expired is as none": func(t *testing.T, w *world) {
		r, next := record("a", "b"), record("a", "b")
		next.Reply, next.ExpiresAt = []byte("next"), later(2*time.Hour)
		next.Fingerprint[0] ^= 1
		must(t, w.Idempotency().Save(w.ctx, r, start))
		fails(t, "expired", second(w.Idempotency().Find(w.ctx, r.Key, r.ExpiresAt)), idempotency.ErrNotFound)
		must(t, w.Idempotency().Save(w.ctx, next, r.ExpiresAt))
		same(t, "next", get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, r.Key, r.ExpiresAt)), next)
	},
	"many at once": func(t *testing.T, w *world) {
		there, expired := record("a", "there"), record("a", "expired")
		expired.ExpiresAt = start
		must(t, w.Idempotency().Save(w.ctx, there, start.Add(-time.Hour)))
		must(t, w.Idempotency().Save(w.ctx, expired, start.Add(-time.Hour)))
		fresh := func(name string) idempotency.Record {
			r := record("a", name)
			r.Reply = []byte("fresh " + name)
			return r
		}
		all := []idempotency.Record{fresh("z"), fresh("there"), fresh("b"), fresh("expired")}
		undone := errors.New("undone")
		fails(t, "undone", w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
			same(t, "taken", get[[]idempotency.Key](t)(tx.Idempotency().SaveMany(ctx, all, start)), []idempotency.Key{there.Key})
			same(t, "within", get[idempotency.Record](t)(tx.Idempotency().Find(ctx, all[0].Key, start)), all[0])
			return undone
		}), undone)
		fails(t, "after it", second(w.Idempotency().Find(w.ctx, all[0].Key, start)), idempotency.ErrNotFound)
		same(t, "taken", get[[]idempotency.Key](t)(w.Idempotency().SaveMany(w.ctx, all, start)), []idempotency.Key{there.Key})
		for _, want := range []idempotency.Record{all[0], there, all[2], all[3]} {
			same(t, want.Key.Name, get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, want.Key, start)), want)
		}
		same(t, "none", get[[]idempotency.Key](t)(w.Idempotency().SaveMany(w.ctx, nil, start)), []idempotency.Key{})
	},
	"savers of many wait in no circle": func(t *testing.T, w *world) {
		const savers, keys = 8, 20
		stored := make([]int, savers)
		errs := make([]error, savers)
		together(savers, func(i int) {
			var all []idempotency.Record
			for k := range keys {
				all = append(all, record("a", fmt.Sprint(k)))
			}
			if i%2 == 0 {
				slices.Reverse(all)
			}
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				taken, err := tx.Idempotency().SaveMany(ctx, all, start)
				stored[i] = keys - len(taken)
				return err
			})
		})
		must(t, errors.Join(errs...))
		slices.Sort(stored)
		same(t, "one stored them all", stored[savers-1], keys)
		same(t, "the others none", stored[savers-2], 0)
	},
	"of many transactions with one key, one commits": func(t *testing.T, w *world) {
		const many = 8
		errs := make([]error, many)
		effects := 0
		together(many, func(i int) {
			r := record("a", "b")
			r.Reply = fmt.Appendf(nil, "%d", i)
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				if err := writeOne(ctx, tx, w.here(), document("p", "c", fmt.Sprintf("k%d", i), 1)); err != nil {
					return err
				}
				return tx.Idempotency().Save(ctx, r, start)
			})
		})
		winner := string(get[idempotency.Record](t)(w.Idempotency().Find(w.ctx, record("a", "b").Key, start)).Reply)
		for i, err := range errs {
			written := second(getOne(w.ctx, w, w.here(), document("p", "c", fmt.Sprintf("k%d", i), 1).Ref)) == nil
			if written {
				effects++
			}
			if winner == fmt.Sprint(i) {
				must(t, err)
				continue
			}
			if written || !errors.Is(err, idempotency.ErrTaken) {
				t.Errorf("%d lost: written %t, %v", i, written, err)
			}
		}
		same(t, "effects", effects, 1)
	},
	"purge takes what expired, oldest first, and no more than it may": func(t *testing.T, w *world) {
		for i := range 5 {
			r := record("a", fmt.Sprint(i))
			r.ExpiresAt = later(time.Duration(i) * time.Minute)
			must(t, w.Idempotency().Save(w.ctx, r, start.Add(-time.Hour)))
		}
		purge := func(before time.Time, limit int) int {
			return get[int](t)(w.Idempotency().Purge(w.ctx, before, limit))
		}
		same(t, "none", purge(start, 10), 0)
		same(t, "no limit", purge(later(time.Hour), 0), 0)
		same(t, "two", purge(later(time.Hour), 2), 2)
		for i := range 5 {
			err := second(w.Idempotency().Find(w.ctx, idempotency.Key{Holder: "a", Name: fmt.Sprint(i)}, start.Add(-time.Hour)))
			if (err != nil) != (i < 2) {
				t.Errorf("%d: %v", i, err)
			}
		}
		same(t, "those before", purge(later(3*time.Minute), 10), 1)
		same(t, "the rest", purge(later(time.Hour), 10), 2)
	},
}
