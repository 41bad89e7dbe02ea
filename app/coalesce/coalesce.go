// Package coalesce lets concurrent writers share one statement and one commit.
//
// Items gather while the batch before them commits, and leave together when it is
// done; when nothing is under way an item leaves at once, alone. So a batch grows
// with the load and nobody waits for company, unless there is to be a Pause. When more gather than one batch at a
// time can carry, several are under way at once. It knows nothing of
// what an item is or what becomes of it.
package coalesce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/tracing"
)

// ErrBusy refuses an item when too many wait already.
var ErrBusy = fault.New(fault.Unavailable, "service.busy", "Too many others are waiting; try again shortly.").After(time.Second)

// errNotRun is what the items of a batch get when Write panicked or broke its contract.
var errNotRun = errors.New("coalesce: the batch was not written")

// Options bound a Coalescer. All numbers must be at least 1, and Deadline positive.
type Options struct {
	// Batch is the most items that leave together.
	Batch int
	// Flights is how many batches may be under way at once. While one is, another
	// leaves only with Full items: two small ones cost twice what a larger one does.
	Flights int
	Full    int
	// Pause is how long after a batch the next leaves, unless it is Full before. It is for
	// items that come evenly, so that hardly one finds another under way, and whose
	// callers don't mind. 0: there is none.
	Pause time.Duration
	// Queue is the most items that may wait; past it Do is ErrBusy.
	Queue int
	// Deadline bounds one batch. A batch outlives its callers: others' items are in it.
	Deadline time.Duration
	// Splits tells of an error of a whole batch whether its items might fare
	// better each alone, because one of them may have spoilt it. It isn't
	// asked about a batch of one.
	Splits func(error) bool
	// Tracer, if not nil, begins a span of the given Name for each batch that is written.
	Tracer tracing.Tracer
	Name   string
}

// Coalescer gathers items into batches. Make one with New.
type Coalescer[In, Out any] struct {
	write   func(ctx context.Context, items []In) ([]Out, error)
	options Options
	weigh   func(In) int // nil: nobody asks
	heavy   int

	mu      sync.Mutex
	queue   []*waiting[In, Out]
	flights int
	full    chan struct{} // there during a Pause; closed when the next batch is Full
	stats   Stats         // but Waiting
}

// Stats are what a Coalescer has done since it was made.
type Stats struct {
	Waiting int    // items in the queue now
	Refused uint64 // items that were ErrBusy
	Left    uint64 // items that left in a batch
	Batches uint64
}

// Stats tells what it has done.
func (c *Coalescer[In, Out]) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Waiting = len(c.queue)
	return stats
}

type waiting[In, Out any] struct {
	item In
	from context.Context // its caller's, whose end is not the batch's
	gone bool            // its caller gave up while it waited; guarded by the Coalescer's mutex
	out  Out
	err  error
	done chan struct{}
}

// New makes a Coalescer; it panics if options are out of their bounds, with which it would wait forever. Write gets 1 to options.Batch items and gives a result
// for each, in their order, once all are durable; on an error none may be. It is
// called from up to options.Flights goroutines at once.
func New[In, Out any](options Options, write func(ctx context.Context, items []In) ([]Out, error)) *Coalescer[In, Out] {
	for name, number := range map[string]int{"Batch": options.Batch, "Flights": options.Flights, "Full": options.Full, "Queue": options.Queue} {
		if number < 1 {
			panic(fmt.Sprintf("coalesce: %s is %d, and must be at least 1", name, number))
		}
	}
	if options.Deadline <= 0 {
		panic(fmt.Sprintf("coalesce: Deadline is %s, and must be positive", options.Deadline))
	}
	return &Coalescer[In, Out]{write: write, options: options}
}

// Weighed bounds what leaves together by weight, too: at most so much, but for an item that is heavier and leaves
// alone. Call it before the first Do.
func (c *Coalescer[In, Out]) Weighed(most int, weigh func(In) int) *Coalescer[In, Out] {
	c.heavy, c.weigh = most, weigh
	return c
}

// Do writes one item, with whichever others are there. It returns when the item
// is durable or has failed. If ctx ends while the item waits, it is not written;
// if ctx ends later, it may be or not, as with any commit.
func (c *Coalescer[In, Out]) Do(ctx context.Context, item In) (Out, error) {
	w := &waiting[In, Out]{item: item, from: ctx, done: make(chan struct{})}
	c.mu.Lock()
	switch {
	case len(c.queue) >= c.options.Queue:
		c.stats.Refused++
		c.mu.Unlock()
		return w.out, ErrBusy
	default:
		c.queue = append(c.queue, w)
		switch {
		case c.full != nil:
			if len(c.queue) >= c.options.Full {
				close(c.full)
				c.full = nil
			}
		case c.leaves():
			c.flights++
			go c.fly()
		}
		c.mu.Unlock()
	}
	select {
	case <-w.done:
		return w.out, w.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-w.done: // both at once: what was done is done
		return w.out, w.err
	default:
		w.gone = true
		var none Out
		return none, ctx.Err()
	}
}

// leaves tells whether another batch should leave now.
func (c *Coalescer[In, Out]) leaves() bool {
	return c.flights == 0 || c.flights < c.options.Flights && len(c.queue) >= c.options.Full
}

// fly writes batches until nothing waits, or only what the other flights can take.
func (c *Coalescer[In, Out]) fly() {
	for {
		batch := c.board()
		if len(batch) == 0 {
			return
		}
		c.land(batch)
		c.pause()
	}
}

// pause waits until the next batch may leave. While one flight does so, others don't.
func (c *Coalescer[In, Out]) pause() {
	c.mu.Lock()
	if c.options.Pause == 0 || len(c.queue) >= c.options.Full || c.full != nil {
		c.mu.Unlock()
		return
	}
	full := make(chan struct{})
	c.full = full
	c.mu.Unlock()
	timer := time.NewTimer(c.options.Pause)
	defer timer.Stop()
	select {
	case <-full:
	case <-timer.C:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.full == full {
			c.full = nil
		}
	}
}

// board takes the next batch off the queue; when there is none the flight is over.
func (c *Coalescer[In, Out]) board() []*waiting[In, Out] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flights--
	if !c.leaves() {
		return nil
	}
	var batch []*waiting[In, Out]
	taken, weight := 0, 0
	for _, w := range c.queue {
		if len(batch) == c.options.Batch {
			break
		}
		if c.weigh != nil && !w.gone {
			if weight += c.weigh(w.item); weight > c.heavy && len(batch) > 0 {
				break
			}
		}
		taken++
		if !w.gone {
			batch = append(batch, w)
		}
	}
	c.queue = c.queue[taken:]
	if len(c.queue) == 0 {
		c.queue = nil // lets go of the array
	}
	if len(batch) == 0 {
		return nil
	}
	c.flights++
	c.stats.Left += uint64(len(batch))
	c.stats.Batches++
	return batch
}

// land writes a batch and answers its callers.
func (c *Coalescer[In, Out]) land(batch []*waiting[In, Out]) {
	err := c.attempt(batch)
	if err != nil && len(batch) > 1 && c.options.Splits(err) {
		for i := range batch {
			one := batch[i : i+1]
			if err := c.attempt(one); err != nil {
				one[0].err = err
			}
		}
		err = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range batch {
		if err != nil {
			w.err = err
		}
		close(w.done)
	}
}

// attempt writes a batch and keeps its results.
func (c *Coalescer[In, Out]) attempt(batch []*waiting[In, Out]) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.options.Deadline)
	defer cancel()
	if c.options.Tracer != nil {
		callers := make([]context.Context, len(batch))
		for i, w := range batch {
			callers[i] = w.from
		}
		within, end := c.options.Tracer.Begin(ctx, c.options.Name, callers...)
		ctx = within
		defer func() { end(err) }()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errNotRun, p)
		}
	}()
	items := make([]In, len(batch))
	for i, w := range batch {
		items[i] = w.item
	}
	outs, err := c.write(ctx, items)
	if err != nil {
		return err
	}
	if len(outs) != len(batch) {
		return fmt.Errorf("%w: %d results for %d items", errNotRun, len(outs), len(batch))
	}
	for i, w := range batch {
		w.out = outs[i]
	}
	return nil
}
