package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
)

// table is a store in which a commit takes a millisecond, whatever its size.
type table struct {
	mu      sync.Mutex
	rows    []int
	batches []int
	flying  int
	most    int
}

var errBad = errors.New("a row is bad")

func (t *table) write(ctx context.Context, items []int) ([]int, error) {
	t.mu.Lock()
	t.flying++
	t.most = max(t.most, t.flying)
	t.mu.Unlock()
	defer func() { t.mu.Lock(); t.flying--; t.mu.Unlock() }()
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if slices.Contains(items, -1) {
		return nil, errBad
	}
	if slices.Contains(items, -2) {
		panic("a row too many")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, items...)
	t.batches = append(t.batches, len(items))
	outs := make([]int, len(items))
	for i, item := range items {
		outs[i] = item * 10
	}
	return outs, nil
}

func (t *table) coalescer(options coalesce.Options) *coalesce.Coalescer[int, int] {
	options.Splits = func(err error) bool { return errors.Is(err, errBad) }
	return coalesce.New(options, t.write)
}

var usual = coalesce.Options{Batch: 8, Flights: 1, Full: 1, Queue: 1000, Deadline: time.Second}

func TestAloneNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		began := time.Now()
		out, err := tab.coalescer(usual).Do(t.Context(), 7)
		if out != 70 || err != nil {
			t.Fatalf("got %d, %v", out, err)
		}
		if took := time.Since(began); took != time.Millisecond {
			t.Errorf("an item alone took %s of simulated time, not one commit's", took)
		}
	})
}

func TestHeavyItemsLeaveApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		c := tab.coalescer(usual).Weighed(10, func(item int) int { return item })
		var all sync.WaitGroup
		for _, weight := range []int{1, 4, 6, 1, 9, 30, 2, 2, 2, 2, 3} {
			all.Go(func() {
				if out, err := c.Do(t.Context(), weight); out != weight*10 || err != nil {
					t.Errorf("got %d, %v", out, err)
				}
			})
			synctest.Wait() // in this order
		}
		all.Wait()
		// The first finds nobody, and leaves at once.
		if want := []int{1, 2, 2, 1, 4, 1}; !slices.Equal(tab.batches, want) {
			t.Errorf("batches of %v, want %v", tab.batches, want)
		}
	})
}

func TestWritersShareCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		c := tab.coalescer(usual)
		began := time.Now()
		var callers sync.WaitGroup
		for i := range 65 {
			callers.Go(func() {
				if out, err := c.Do(t.Context(), i); out != i*10 || err != nil {
					t.Errorf("item %d got %d, %v", i, out, err)
				}
			})
			synctest.Wait() // in order, the first alone
		}
		callers.Wait()
		if want := []int{1, 8, 8, 8, 8, 8, 8, 8, 8}; !slices.Equal(tab.batches, want) {
			t.Errorf("batches of %v, want %v", tab.batches, want)
		}
		if took := time.Since(began); took != 9*time.Millisecond {
			t.Errorf("65 items took %s, not nine commits", took)
		}
		if !slices.IsSorted(tab.rows) {
			t.Error("items overtook each other")
		}
	})
}

// Items that come one after another, each when the one before would have been done alone.
func TestItemsThatComeEvenlyGatherInPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		options := usual
		options.Full, options.Pause = 6, 20*time.Millisecond
		c := tab.coalescer(options)
		come := func(apart time.Duration) (first, longest time.Duration) {
			var callers sync.WaitGroup
			took := make([]time.Duration, 25)
			for i := range took {
				callers.Go(func() {
					began := time.Now()
					if out, err := c.Do(t.Context(), i); out != i*10 || err != nil {
						t.Errorf("item %d got %d, %v", i, out, err)
					}
					took[i] = time.Since(began)
				})
				time.Sleep(apart)
			}
			callers.Wait()
			return took[0], slices.Max(took)
		}
		if first, longest := come(5 * time.Millisecond); first != time.Millisecond || longest > 22*time.Millisecond {
			t.Errorf("the first took %s, and one %s: more than a commit of others, the pause and its own", first, longest)
		}
		if len(tab.batches) > 8 {
			t.Errorf("batches of %v", tab.batches)
		}
		time.Sleep(time.Second)
		tab.batches = nil
		// A full batch leaves at once.
		if first, longest := come(time.Millisecond); first != time.Millisecond || longest >= 20*time.Millisecond {
			t.Errorf("the first took %s, and one %s", first, longest)
		}
		if !slices.Contains(tab.batches, 6) {
			t.Errorf("batches of %v", tab.batches)
		}
		time.Sleep(options.Pause) // the last ends
	})
}

func TestFlightsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		options := usual
		options.Flights = 3
		c := tab.coalescer(options)
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() { _, _ = c.Do(t.Context(), i) })
		}
		callers.Wait()
		if tab.most != 3 || len(tab.rows) != 100 {
			t.Errorf("%d flights at once and %d rows, want 3 and 100", tab.most, len(tab.rows))
		}
		if s := c.Stats(); s.Left != 100 || s.Batches != uint64(len(tab.batches)) || s.Waiting != 0 || s.Refused != 0 {
			t.Errorf("it tells of %+v; there were %d batches", s, len(tab.batches))
		}
	})
}

func TestASecondBatchLeavesOnlyFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		options := usual
		options.Flights, options.Full = 2, 4
		c := tab.coalescer(options)
		var callers sync.WaitGroup
		come := func(n int) {
			for i := range n {
				callers.Go(func() { _, _ = c.Do(t.Context(), i) })
				synctest.Wait()
			}
		}
		come(1 + 3)
		if s := c.Stats(); s.Batches != 1 || s.Waiting != 3 {
			t.Errorf("one is under way and three wait: %+v", s)
		}
		come(1)
		if s := c.Stats(); s.Batches != 2 || s.Waiting != 0 {
			t.Errorf("one is under way and a fourth came: %+v", s)
		}
		come(3) // for whichever lands first, and neither is left behind
		callers.Wait()
		slices.Sort(tab.batches) // the first two land at the same instant
		if want := []int{1, 3, 4}; !slices.Equal(tab.batches, want) {
			t.Errorf("batches of %v, want %v", tab.batches, want)
		}
	})
}

func TestABadRowFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		c := tab.coalescer(usual)
		go func() { _, _ = c.Do(context.Background(), 100) }() // keeps the flight busy
		synctest.Wait()
		var callers sync.WaitGroup
		for _, item := range []int{1, 2, -1, 3} {
			callers.Go(func() {
				if _, err := c.Do(t.Context(), item); (item == -1) != errors.Is(err, errBad) {
					t.Errorf("item %d got %v", item, err)
				}
			})
		}
		callers.Wait()
		slices.Sort(tab.rows)
		if !slices.Equal(tab.rows, []int{1, 2, 3, 100}) {
			t.Errorf("rows %v", tab.rows)
		}
	})
}

func TestAPanicIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		c := tab.coalescer(usual)
		if _, err := c.Do(t.Context(), -2); err == nil {
			t.Error("a batch that panicked was answered as written")
		}
		if _, err := c.Do(t.Context(), 1); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
}

func TestWhoGivesUpWhileWaitingIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		c := tab.coalescer(usual)
		go func() { _, _ = c.Do(context.Background(), 1) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() { _, err := c.Do(ctx, 2); gaveUp <- err }()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Do(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tab.rows, []int{1, 3}) {
			t.Errorf("rows %v", tab.rows)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		options := usual
		options.Queue = 2
		c := tab.coalescer(options)
		var callers sync.WaitGroup
		refused := 0
		for i := range 5 {
			callers.Go(func() {
				if _, err := c.Do(t.Context(), i); errors.Is(err, coalesce.ErrBusy) {
					refused++ // synctest.Wait orders the callers
				}
			})
			synctest.Wait()
		}
		callers.Wait()
		if refused != 2 || len(tab.rows) != 3 {
			t.Errorf("%d refused and %d rows, want 2 and 3", refused, len(tab.rows))
		}
	})
}

func TestABatchHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		options := usual
		options.Deadline = time.Microsecond
		if _, err := tab.coalescer(options).Do(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBoundsMustBe(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*coalesce.Options){
		"Batch":    func(o *coalesce.Options) { o.Batch = 0 },
		"Flights":  func(o *coalesce.Options) { o.Flights = -1 },
		"Full":     func(o *coalesce.Options) { o.Full = 0 },
		"Queue":    func(o *coalesce.Options) { o.Queue = 0 },
		"Deadline": func(o *coalesce.Options) { o.Deadline = 0 },
	} {
		func() {
			defer func() {
				if told := fmt.Sprint(recover()); !strings.Contains(told, name) {
					t.Errorf("%s: %s", name, told)
				}
			}()
			o := usual
			spoil(&o)
			coalesce.New(o, func(context.Context, []int) ([]int, error) { return nil, nil })
		}()
	}
}
