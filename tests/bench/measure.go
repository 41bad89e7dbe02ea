package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what is repeated, and by whom.
type load struct {
	connections int
	repetitions int
	seconds     time.Duration // of a repetition; a third of it, before the first, warms up
	// open makes one connection's operation, and its end.
	open func(i int) (operation, func(), error)
	// used is the processor time of each part so far; nil when that is not known.
	used func() (cpu, error)
}

// cpu is processor time by part.
type cpu struct{ server, database, cache time.Duration }

func (c cpu) since(b cpu) cpu {
	return cpu{c.server - b.server, c.database - b.database, c.cache - b.cache}
}

// figures are what was measured: the median of the repetitions of each.
type figures struct {
	persecond     float64
	p50, p95, p99 time.Duration
	// server, database and cache are CPU seconds for 1,000 operations; below 0 when not known.
	server, database, cache float64
	errors                  int64 // of all repetitions
	fault                   error // the first of them
}

// total is the yardstick: server and database, as far as they are known.
func (f figures) total() float64 { return max(f.server, 0) + max(f.database, 0) }

// worker is one connection of a load.
type worker struct {
	do    operation
	close func()
	took  []time.Duration
}

// drive opens the connections and measures.
func drive(ctx context.Context, l load) (figures, error) {
	workers := make([]*worker, 0, l.connections)
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	for i := range l.connections {
		do, closing, err := l.open(i)
		if err != nil {
			return figures{}, err
		}
		workers = append(workers, &worker{do: do, close: closing})
	}
	var failures faultCount
	if _, err := repeat(ctx, l, workers, l.seconds/3, &failures); err != nil {
		return figures{}, err
	}
	failures = faultCount{}
	runs := make([]figures, l.repetitions)
	for i := range runs {
		var err error
		if runs[i], err = repeat(ctx, l, workers, l.seconds, &failures); err != nil {
			return figures{}, err
		}
	}
	f := medians(runs)
	f.errors, f.fault = failures.count.Load(), failures.first
	return f, ctx.Err()
}

// faultCount counts what went wrong, and keeps the first.
type faultCount struct {
	count atomic.Int64
	once  sync.Once
	first error
}

func (f *faultCount) add(err error) {
	f.count.Add(1)
	f.once.Do(func() { f.first = err })
}

// repeat runs all workers for a while.
func repeat(ctx context.Context, l load, workers []*worker, length time.Duration, failures *faultCount) (figures, error) {
	before, err := l.used()
	if err != nil {
		return figures{}, err
	}
	began := time.Now()
	end := began.Add(length)
	var all sync.WaitGroup
	for _, w := range workers {
		w.took = w.took[:0]
		all.Go(func() {
			for at := time.Now(); ; {
				if err := w.do(); err != nil {
					failures.add(err)
					return // it may have lost its place in the stream
				}
				now := time.Now()
				w.took = append(w.took, now.Sub(at))
				if at = now; !at.Before(end) || ctx.Err() != nil {
					return
				}
			}
		})
	}
	all.Wait()
	length = time.Since(began)
	after, err := l.used()
	if err != nil {
		return figures{}, err
	}
	var took []time.Duration
	for _, w := range workers {
		took = append(took, w.took...)
	}
	if len(took) == 0 {
		return figures{}, errors.Join(errors.New("not one operation succeeded"), failures.first, ctx.Err())
	}
	slices.Sort(took)
	thousands := float64(len(took)) / 1000
	used := after.since(before)
	return figures{
		persecond: float64(len(took)) / length.Seconds(),
		p50:       percentile(took, 50), p95: percentile(took, 95), p99: percentile(took, 99),
		server: used.server.Seconds() / thousands, database: used.database.Seconds() / thousands, cache: used.cache.Seconds() / thousands,
	}, nil
}

// percentile is the least of the sorted values that p in a hundred don't exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max((len(sorted)*p+99)/100, 1)-1]
}

// medians takes each figure's own median.
func medians(runs []figures) figures {
	return figures{
		persecond: median(runs, func(f figures) float64 { return f.persecond }),
		p50:       median(runs, func(f figures) time.Duration { return f.p50 }),
		p95:       median(runs, func(f figures) time.Duration { return f.p95 }),
		p99:       median(runs, func(f figures) time.Duration { return f.p99 }),
		server:    median(runs, func(f figures) float64 { return f.server }),
		database:  median(runs, func(f figures) float64 { return f.database }),
		cache:     median(runs, func(f figures) float64 { return f.cache }),
	}
}

func median[T float64 | time.Duration](runs []figures, of func(figures) T) T {
	values := make([]T, len(runs))
	for i, run := range runs {
		values[i] = of(run)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
