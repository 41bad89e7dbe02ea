package datastoretest

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/lease"
)

var leaseTests = map[string]func(*testing.T, *world){
	"acquire, extend, release": func(t *testing.T, w *world) {
		first := acquire(t, w, "job", "a", start, true)
		same(t, "taken", first, lease.Lease{Name: "job", Holder: "a", Token: first.Token, ExpiresAt: later(time.Minute)})
		same(t, "another sees the holder", acquire(t, w, "job", "b", later(time.Second), false), first)
		same(t, "another name is free", acquire(t, w, "job2", "b", start, true).Holder, "b")

		longer := get[lease.Lease](t)(w.Leases().Extend(w.ctx, first, later(30*time.Second), time.Minute))
		want := first
		want.ExpiresAt = later(90 * time.Second)
		same(t, "extended", longer, want)
		same(t, "and stored", acquire(t, w, "job", "b", later(61*time.Second), false), want)

		must(t, w.Leases().Release(w.ctx, longer))
		next := acquire(t, w, "job", "b", later(time.Second), true)
		if next.Token <= first.Token {
			t.Errorf("token %d after %d", next.Token, first.Token)
		}
	},
	"the holder who asks again keeps the token": func(t *testing.T, w *world) {
		first := acquire(t, w, "job", "a", start, true)
		again := acquire(t, w, "job", "a", later(59*time.Second), true)
		same(t, "token", again.Token, first.Token)
		same(t, "end", again.ExpiresAt, later(119*time.Second))
	},
	"a lease lapses at its end": func(t *testing.T, w *world) {
		first := acquire(t, w, "job", "a", start, true)
		same(t, "just before", acquire(t, w, "job", "b", first.ExpiresAt.Add(-time.Microsecond), false), first)
		fails(t, "extend at its end", second(w.Leases().Extend(w.ctx, first, first.ExpiresAt, time.Minute)), lease.ErrLost)
		must(t, w.Leases().Guard(w.ctx, first)) // lapsed, but nobody took it
		again := acquire(t, w, "job", "a", first.ExpiresAt, true)
		if again.Token <= first.Token {
			t.Errorf("taken up again with token %d after %d", again.Token, first.Token)
		}
		fails(t, "guard", w.Leases().Guard(w.ctx, first), lease.ErrLost)
	},
	"the old holder is fenced off": func(t *testing.T, w *world) {
		old := acquire(t, w, "job", "a", start, true)
		next := acquire(t, w, "job", "b", old.ExpiresAt, true)
		if next.Token <= old.Token {
			t.Errorf("token %d after %d", next.Token, old.Token)
		}
		fails(t, "guard", w.Leases().Guard(w.ctx, old), lease.ErrLost)
		fails(t, "extend", second(w.Leases().Extend(w.ctx, old, start, time.Hour)), lease.ErrLost)
		must(t, w.Leases().Release(w.ctx, old)) // lost already: no error, and no effect
		must(t, w.Leases().Guard(w.ctx, next))
		same(t, "still held", acquire(t, w, "job", "c", next.ExpiresAt.Add(-time.Second), false), next)
	},
	"a released lease is lost": func(t *testing.T, w *world) {
		held := acquire(t, w, "job", "a", start, true)
		must(t, w.Leases().Release(w.ctx, held))
		must(t, w.Leases().Release(w.ctx, held))
		fails(t, "guard", w.Leases().Guard(w.ctx, held), lease.ErrLost)
		fails(t, "extend", second(w.Leases().Extend(w.ctx, held, start, time.Hour)), lease.ErrLost)
		if again := acquire(t, w, "job", "a", later(time.Second), true); again.Token <= held.Token {
			t.Errorf("token %d after %d", again.Token, held.Token)
		}
	},
	"what is over is forgotten": func(t *testing.T, w *world) {
		live := acquire(t, w, "replica/a", "a", later(time.Hour), true)
		acquire(t, w, "replica/b", "b", start, true)
		must(t, w.Leases().Release(w.ctx, acquire(t, w, "replica/c", "c", later(time.Hour), true)))
		other := acquire(t, w, "replicas", "d", start, true)
		must(t, w.Leases().Forget(w.ctx, "replica/", later(time.Hour)))
		same(t, "list", get[[]lease.Lease](t)(w.Leases().List(w.ctx, "")), []lease.Lease{live, other})
		if again := acquire(t, w, "replica/b", "b", start, true); again.Token != 1 {
			t.Errorf("a name that was forgotten begins with token %d", again.Token)
		}
	},
	"what was never held is lost": func(t *testing.T, w *world) {
		ghost := lease.Lease{Name: "job", Holder: "a", Token: math.MaxInt64, ExpiresAt: later(time.Minute)}
		fails(t, "guard", w.Leases().Guard(w.ctx, ghost), lease.ErrLost)
		fails(t, "extend", second(w.Leases().Extend(w.ctx, ghost, start, time.Minute)), lease.ErrLost)
		must(t, w.Leases().Release(w.ctx, ghost))
	},
	"of many who ask, one gets it": func(t *testing.T, w *world) {
		var won atomic.Int64
		names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		errs := make([]error, len(names))
		for round := range 5 {
			now := later(time.Duration(round) * time.Hour)
			won.Store(0)
			together(len(names), func(i int) {
				_, held, err := w.Leases().Acquire(w.ctx, "job", names[i], now, time.Minute)
				if errs[i] = err; held {
					won.Add(1)
				}
			})
			must(t, errors.Join(errs...))
			same(t, "winners", won.Load(), 1)
		}
	},
	"guard holds off a takeover": func(t *testing.T, w *world) {
		// What is done under a guard commits before the name changes hands, or not
		// at all: whenever a taker has the lease, no more guarded work appears.
		for range 10 {
			now := later(time.Duration(ids.Load()) * time.Hour)
			old := acquire(t, w, "job", "a", now, true)
			job := newID()
			guarded, taken := make(chan struct{}), make(chan error, 1)
			go func() {
				<-guarded
				_, held, err := w.Leases().Acquire(w.ctx, "job", "b", old.ExpiresAt, time.Minute)
				if err == nil && !held {
					err = errors.New("not taken")
				}
				if err == nil {
					// The guarded transaction has ended, so its work is there.
					var runs []lease.Run
					if runs, err = w.Runs().List(w.ctx); err == nil && !ran(runs, job) {
						err = errors.New("the lease changed hands under a guard")
					}
				}
				taken <- err
			}()
			release := sync.OnceFunc(func() { close(guarded) })
			err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				if err := tx.Leases().Guard(ctx, old); err != nil {
					return err
				}
				release()
				for range 5 { // statements for the taker to slip between
					if _, err := tx.Runs().List(ctx); err != nil {
						return err
					}
				}
				return tx.Runs().Record(ctx, job, "a", now, now, "")
			})
			release() // also when the guard failed
			if takeover := <-taken; takeover != nil {
				t.Fatal(takeover)
			}
			must(t, err)
			fails(t, "guard after the takeover", w.Leases().Guard(w.ctx, old), lease.ErrLost)
			held, _, err := w.Leases().Acquire(w.ctx, "job", "b", old.ExpiresAt, time.Minute)
			must(t, err)
			must(t, w.Leases().Release(w.ctx, held))
		}
	},
	"list": func(t *testing.T, w *world) {
		for _, name := range []string{"job:b", "job:a", "Job:a", "jobs", "job:é", "job;", "a"} {
			acquire(t, w, name, "a", start, true)
		}
		name := func(l lease.Lease) string { return l.Name }
		for prefix, want := range map[string]string{
			"": "Job:a a job:a job:b job:é job; jobs", "job:": "job:a job:b job:é", "job:é": "job:é", "x": "", "%": "", "\U0010FFFF": "",
		} {
			got := get[[]lease.Lease](t)(w.Leases().List(w.ctx, prefix))
			if got == nil || joined(got, name) != want {
				t.Errorf("%q: got %q, want %q", prefix, joined(got, name), want)
			}
		}
	},
}

func acquire(t *testing.T, w *world, name, holder string, now time.Time, want bool) lease.Lease {
	t.Helper()
	got, held, err := w.Leases().Acquire(w.ctx, name, holder, now, time.Minute)
	must(t, err)
	if held != want {
		t.Fatalf("%s asks for %s at %s: held is %v, by %+v", holder, name, now, held, got)
	}
	return got
}

func ran(runs []lease.Run, job string) bool {
	for _, r := range runs {
		if r.Job == job {
			return true
		}
	}
	return false
}

var runTests = map[string]func(*testing.T, *world){
	"record and list": func(t *testing.T, w *world) {
		same(t, "none", get[[]lease.Run](t)(w.Runs().List(w.ctx)), []lease.Run{})
		must(t, w.Runs().Record(w.ctx, "purge", "a", start, later(time.Second), ""))
		must(t, w.Runs().Record(w.ctx, "purge", "b", later(time.Minute), later(time.Hour), "it \x00 broke"))
		must(t, w.Runs().Record(w.ctx, "archive", "a", start, later(time.Second), "never worked"))
		broken := lease.Run{
			Job: "purge", Holder: "b", StartedAt: later(time.Minute), FinishedAt: later(time.Hour), SucceededAt: later(time.Second),
			Runs: 2, Failures: 1, LastError: "it \uFFFD broke",
		}
		never := lease.Run{Job: "archive", Holder: "a", StartedAt: start, FinishedAt: later(time.Second), Runs: 1, Failures: 1, LastError: "never worked"}
		same(t, "list", get[[]lease.Run](t)(w.Runs().List(w.ctx)), []lease.Run{never, broken})

		must(t, w.Runs().Record(w.ctx, "purge", "c", later(2*time.Hour), later(3*time.Hour), ""))
		mended := lease.Run{
			Job: "purge", Holder: "c", StartedAt: later(2 * time.Hour), FinishedAt: later(3 * time.Hour), SucceededAt: later(3 * time.Hour), Runs: 3, Failures: 1,
		}
		same(t, "list", get[[]lease.Run](t)(w.Runs().List(w.ctx)), []lease.Run{never, mended})
	},
	"every run counts": func(t *testing.T, w *world) {
		errs := make([]error, 16)
		together(len(errs), func(i int) { errs[i] = w.Runs().Record(w.ctx, "purge", "a", start, start, "x") })
		must(t, errors.Join(errs...))
		got := get[[]lease.Run](t)(w.Runs().List(w.ctx))
		if len(got) != 1 || got[0].Runs != 16 || got[0].Failures != 16 {
			t.Errorf("got %+v", got)
		}
	},
}
