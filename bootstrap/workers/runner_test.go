package workers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/bootstrap/workers"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ttl = 15 * time.Second

// The tests run in bubbles of simulated time, on a real SQLite file: within
// one, the system's clock is the bubble's.
var clock = system.Clock{}

// outcomes collects what a replica's runs came to.
type outcomes struct {
	mu  sync.Mutex
	all []error
}

func (o *outcomes) observe(_ string, _ time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, err)
}

func (o *outcomes) list() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]error(nil), o.all...)
}

// replica starts a runner of one job, which ends with the test at the latest.
func replica(t *testing.T, store datastore.Datastore, holder string, job jobs.Job) (*workers.Runner, *outcomes) {
	t.Helper()
	o := &outcomes{}
	r := workers.New(store, clock, workers.Options{Holder: holder, Lease: ttl, Logger: slog.New(slog.DiscardHandler), Observe: o.observe})
	r.Start([]jobs.Job{job})
	t.Cleanup(func() { stop(t, r) })
	return r, o
}

func stop(t *testing.T, r *workers.Runner) {
	t.Helper()
	if err := r.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func job(run func(ctx context.Context, turn jobs.Turn) error) jobs.Job {
	return jobs.Job{Name: "sweep", Every: 5 * time.Minute, Deadline: 2 * time.Minute, Run: run}
}

// pass lets simulated time go by, or is ctx's error when that ends first.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func lastRun(t *testing.T, store datastore.Datastore) (lease.Run, bool) {
	t.Helper()
	runs, err := store.Runs().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) == 0 {
		return lease.Run{}, false
	}
	return runs[0], true
}

func TestOneReplicaRunsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		var running, most, total atomic.Int32
		var each [3]atomic.Int32
		var stops []*workers.Runner
		for i := range each {
			r, o := replica(t, store, fmt.Sprint(i), job(func(ctx context.Context, _ jobs.Turn) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				each[i].Add(1)
				if err := pass(ctx, 3*ttl); err != nil { // which only a renewed lease outlives
					return err
				}
				total.Add(1)
				return nil
			}))
			stops = append(stops, r)
			defer func() {
				for _, err := range o.list() {
					if err != nil {
						t.Errorf("replica %d: %v", i, err)
					}
				}
			}()
		}
		_ = pass(t.Context(), 4*time.Hour)
		for _, r := range stops {
			stop(t, r)
		}
		run, _ := lastRun(t, store)
		// Each run begins no sooner than five minutes after the one before, and later only by the jitter.
		if n := int(total.Load()); most.Load() != 1 || n > 48 || n < 43 || run.Runs != int64(n) || run.Failures != 0 {
			t.Errorf("%d ran at once, %d in all; recorded %+v", most.Load(), n, run)
		}
		for i := range each {
			if each[i].Load() == 0 {
				t.Errorf("replica %d never had its turn", i)
			}
		}
	})
}

func TestADeadReplicasJobMovesWhenItsLeaseLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		died := clock.Now()
		if _, held, err := store.Leases().Acquire(t.Context(), jobs.LeasePrefix+"sweep", "dead", died, ttl); err != nil || !held {
			t.Fatal(held, err)
		}
		began := make(chan time.Time, 1)
		replica(t, store, "alive", job(func(context.Context, jobs.Turn) error {
			began <- clock.Now()
			return nil
		}))
		if after := (<-began).Sub(died); after < ttl || after > ttl+ttl/4 {
			t.Errorf("it moved after %s", after)
		}
	})
}

// cut is the way of one replica to the database: while it is cut, leases can't be
// extended. A real database can't cut off one of two callers in its process.
type cut struct {
	datastore.Datastore
	off atomic.Bool
}

type cutLeases struct {
	lease.Leases
	off *atomic.Bool
}

func (c *cut) Leases() lease.Leases { return cutLeases{c.Datastore.Leases(), &c.off} }

func (c cutLeases) Extend(ctx context.Context, l lease.Lease, now time.Time, ttl time.Duration) (lease.Lease, error) {
	if c.off.Load() {
		return lease.Lease{}, fault.ErrUnavailable
	}
	return c.Leases.Extend(ctx, l, now, ttl)
}

func TestAPausedHolderThatWakesChangesNothing(t *testing.T) {
	for name, wake := range map[string]func(ctx context.Context, turn jobs.Turn, write func(context.Context, datastore.Repos) error) error{
		"writes": func(_ context.Context, turn jobs.Turn, write func(context.Context, datastore.Repos) error) error {
			return turn.InTx(context.Background(), write)
		},
		"hears of it first": func(ctx context.Context, _ jobs.Turn, _ func(context.Context, datastore.Repos) error) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"thinks all went well": func(context.Context, jobs.Turn, func(context.Context, datastore.Repos) error) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := composetest.Store(t, clock)
				paused := &cut{Datastore: store}
				paused.off.Store(true)
				began, resume := make(chan struct{}), make(chan struct{})
				_, ofPaused := replica(t, paused, "paused", job(func(ctx context.Context, turn jobs.Turn) error {
					began <- struct{}{}
					<-resume
					paused.off.Store(false)
					return wake(ctx, turn, func(ctx context.Context, tx datastore.Repos) error {
						return tx.Runs().Record(ctx, "late", "paused", clock.Now(), clock.Now(), "")
					})
				}))
				<-began
				_, ofOther := replica(t, store, "other", job(func(context.Context, jobs.Turn) error { return nil }))
				_ = pass(t.Context(), 2*ttl)
				synctest.Wait()
				if run, _ := lastRun(t, store); run.Holder != "other" {
					t.Fatalf("nobody took over: %+v", run)
				}
				close(resume)
				_ = pass(t.Context(), ttl)
				synctest.Wait()
				if got := ofPaused.list(); len(got) != 1 || !errors.Is(got[0], lease.ErrLost) {
					t.Errorf("the paused one's run came to %v", got)
				}
				if got := ofOther.list(); len(got) != 1 || got[0] != nil {
					t.Errorf("the other's runs came to %v", got)
				}
				run, _ := lastRun(t, store)
				if run.Job != "sweep" || run.Holder != "other" || run.Runs != 1 || run.Failures != 0 {
					t.Errorf("recorded %+v", run)
				}
			})
		})
	}
}

func TestFailuresAreRecordedAndTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name, want string
		fail       func(ctx context.Context) error
	}{
		{"error", "out of luck", func(context.Context) error { return errors.New("out of luck") }},
		{"panic", "panicked: out of luck", func(context.Context) error { panic("out of luck") }},
		{"deadline", "ran past its deadline of 2m0s", func(ctx context.Context) error { return pass(ctx, time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := composetest.Store(t, clock)
				var runs atomic.Int32
				_, o := replica(t, store, "one", job(func(ctx context.Context, _ jobs.Turn) error {
					if runs.Add(1) == 1 {
						return c.fail(ctx)
					}
					return nil
				}))
				_ = pass(t.Context(), 3*time.Minute)
				synctest.Wait()
				if run, _ := lastRun(t, store); run.Runs != 1 || run.Failures != 1 || !strings.Contains(run.LastError, c.want) || !run.SucceededAt.IsZero() {
					t.Errorf("at first %+v", run)
				}
				_ = pass(t.Context(), 5*time.Minute)
				synctest.Wait()
				if run, _ := lastRun(t, store); run.Runs != 2 || run.Failures != 1 || run.LastError != "" || run.SucceededAt.IsZero() {
					t.Errorf("then %+v", run)
				}
				if got := o.list(); len(got) != 2 || got[0] == nil || got[1] != nil {
					t.Errorf("observed %v", got)
				}
			})
		})
	}
}

func TestStoppingHandsTheJobOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		began := make(chan struct{})
		leaving, o := replica(t, store, "leaving", job(func(ctx context.Context, _ jobs.Turn) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}))
		<-began
		stop(t, leaving)
		if run, ran := lastRun(t, store); ran || len(o.list()) != 0 {
			t.Errorf("it counts as a run: %+v, %v", run, o.list())
		}
		stopped := clock.Now()
		next := make(chan time.Time, 1)
		replica(t, store, "next", job(func(context.Context, jobs.Turn) error {
			next <- clock.Now()
			return nil
		}))
		if after := (<-next).Sub(stopped); after != 0 {
			t.Errorf("the next replica waited %s", after)
		}
	})
}

func TestStopWaitsNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		began, end := make(chan struct{}), make(chan struct{})
		r, _ := replica(t, store, "deaf", job(func(context.Context, jobs.Turn) error {
			close(began)
			<-end
			return nil
		}))
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
		close(end)
	})
}

func TestWhatBecameDueDuringDowntimeRunsAtStart(t *testing.T) {
	for _, c := range []struct {
		name string
		ago  time.Duration // since the last run began
		wait time.Duration
	}{
		{"long ago", 24 * time.Hour, 0},
		{"just due", 5 * time.Minute, 0},
		{"not yet due", 4 * time.Minute, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := composetest.Store(t, clock)
				started := clock.Now()
				if err := store.Runs().Record(t.Context(), "sweep", "before", started.Add(-c.ago), started.Add(-c.ago), ""); err != nil {
					t.Fatal(err)
				}
				began := make(chan time.Time, 10)
				replica(t, store, "one", job(func(context.Context, jobs.Turn) error {
					began <- clock.Now()
					return nil
				}))
				if waited := (<-began).Sub(started); waited < c.wait || waited > c.wait+c.wait/8+10*time.Millisecond {
					t.Errorf("waited %s", waited)
				}
				_ = pass(t.Context(), 4*time.Minute)
				synctest.Wait()
				if len(began) != 0 {
					t.Error("it ran twice")
				}
			})
		})
	}
}

func TestADatabaseThatComesBackIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		away := &gone{Datastore: store}
		away.off.Store(true)
		var runs atomic.Int32
		replica(t, away, "one", job(func(context.Context, jobs.Turn) error { runs.Add(1); return nil }))
		_ = pass(t.Context(), time.Minute)
		away.off.Store(false)
		_ = pass(t.Context(), 2*ttl)
		synctest.Wait()
		if runs.Load() != 1 {
			t.Errorf("ran %d times", runs.Load())
		}
	})
}

// gone is a database that can't be read for a while.
type gone struct {
	datastore.Datastore
	off atomic.Bool
}

type goneRuns struct {
	lease.Runs
	off *atomic.Bool
}

func (g *gone) Runs() lease.Runs { return goneRuns{g.Datastore.Runs(), &g.off} }

func (g goneRuns) List(ctx context.Context) ([]lease.Run, error) {
	if g.off.Load() {
		return nil, fault.ErrUnavailable
	}
	return g.Runs.List(ctx)
}

func TestStartingAndStoppingAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := composetest.Store(t, clock)
		frequent := jobs.Job{Name: "sweep", Every: time.Millisecond, Deadline: time.Second, Run: func(ctx context.Context, turn jobs.Turn) error {
			return turn.InTx(ctx, func(context.Context, datastore.Repos) error { return nil })
		}}
		for i := range 10 {
			one, _ := replica(t, store, "one", frequent)
			two, _ := replica(t, store, "two", frequent)
			_ = pass(t.Context(), time.Duration(i)*time.Millisecond)
			stop(t, one)
			stop(t, two)
		}
		leases, err := store.Leases().List(t.Context(), jobs.LeasePrefix)
		if err != nil || len(leases) != 1 || clock.Now().Before(leases[0].ExpiresAt) {
			t.Errorf("left behind: %+v, %v", leases, err)
		}
	})
}
