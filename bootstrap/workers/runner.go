package workers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Runner runs jobs in this replica.
type Runner struct {
	store   datastore.Datastore
	clock   clock.Clock
	holder  string
	ttl     time.Duration
	logger  *slog.Logger
	observe func(job string, took time.Duration, err error)
	tracer  tracing.Tracer

	stop context.CancelFunc
	done sync.WaitGroup
}

// Options are what a Runner needs besides the database and the time.
type Options struct {
	// Holder names this replica.
	Holder string
	// Lease is how long after this replica dies another takes over.
	Lease  time.Duration
	Logger *slog.Logger
	// Observe, if not nil, is told of every run but those that Stop ended.
	Observe func(job string, took time.Duration, err error)
	// Tracer, if not nil, shows every run.
	Tracer tracing.Tracer
}

func New(store datastore.Datastore, clock clock.Clock, options Options) *Runner {
	observe := options.Observe
	if observe == nil {
		observe = func(string, time.Duration, error) {}
	}
	return &Runner{store: store, clock: clock, holder: options.Holder, ttl: options.Lease, logger: options.Logger, observe: observe, tracer: options.Tracer}
}

// Start runs the jobs until Stop. It may be called once.
func (r *Runner) Start(all []jobs.Job) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	for _, job := range all {
		r.done.Go(func() { r.loop(ctx, job) })
	}
}

// Stop ends what runs and waits for it, or for ctx.
func (r *Runner) Stop(ctx context.Context) error {
	r.stop()
	finished := make(chan struct{})
	go func() { r.done.Wait(); close(finished) }()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop workers: %w", ctx.Err())
	}
}

// loop gives the job a try whenever it may be due here.
func (r *Runner) loop(ctx context.Context, job jobs.Job) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait, err := r.try(ctx, job)
		if err != nil && ctx.Err() == nil {
			r.logger.Warn("job did not get its turn", "job", job.Name, "error", err)
			wait = r.ttl
		}
		timer.Reset(r.jittered(wait))
	}
}

// try runs the job if it is due and nobody else has it, and tells when to look again.
func (r *Runner) try(ctx context.Context, job jobs.Job) (wait time.Duration, err error) {
	if wait, err := r.due(ctx, job); err != nil || wait > 0 {
		return wait, err
	}
	held, ok, err := r.store.Leases().Acquire(ctx, jobs.LeasePrefix+job.Name, r.holder, r.clock.Now(), r.ttl)
	if err != nil {
		return 0, fmt.Errorf("acquire lease: %w", err)
	}
	if !ok {
		// Another replica is at it. Look again when its lease would lapse.
		return min(r.ttl, max(0, held.ExpiresAt.Sub(r.clock.Now()))), nil
	}
	// A stop must still give the lease up, or the next replica waits for it to lapse.
	defer func() {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if e := r.store.Leases().Release(release, held); e != nil {
			err = errors.Join(err, fmt.Errorf("release lease: %w", e))
		}
	}()
	// Whoever had the lease until now may have just done it.
	if wait, err := r.due(ctx, job); err != nil || wait > 0 {
		return wait, err
	}
	return r.run(ctx, job, held)
}

// due tells how long until the job is due: zero when it is.
func (r *Runner) due(ctx context.Context, job jobs.Job) (time.Duration, error) {
	runs, err := r.store.Runs().List(ctx)
	if err != nil {
		return 0, fmt.Errorf("read last run: %w", err)
	}
	for _, run := range runs {
		if run.Job == job.Name {
			return max(0, run.StartedAt.Add(job.Every).Sub(r.clock.Now())), nil
		}
	}
	return 0, nil
}

func (r *Runner) run(ctx context.Context, job jobs.Job, held lease.Lease) (time.Duration, error) {
	started := r.clock.Now()
	failure := r.work(ctx, job, held)
	finished := r.clock.Now()
	if ctx.Err() != nil {
		// Not a failure, and due again at once for whoever is next.
		return 0, nil //nolint:nilerr // the stop ended the work in the middle; the work did not fail
	}
	// A lost turn is not this replica's to record, whatever the job made of it.
	recorded := failure
	if !errors.Is(failure, lease.ErrLost) {
		word := ""
		if failure != nil {
			word = failure.Error()
		}
		recorded = jobs.NewTurn(r.store, held).InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			return tx.Runs().Record(ctx, job.Name, r.holder, started, finished, word)
		})
	}
	if errors.Is(recorded, lease.ErrLost) {
		r.observe(job.Name, finished.Sub(started), recorded)
		r.logger.Warn("job was taken over by another replica", "job", job.Name, "token", held.Token)
		return r.ttl, nil
	}
	r.observe(job.Name, finished.Sub(started), failure)
	if failure != nil {
		r.logger.Error("job failed", "job", job.Name, "error", failure)
	}
	if recorded != nil {
		return 0, fmt.Errorf("record run: %w", recorded)
	}
	return max(0, started.Add(job.Every).Sub(r.clock.Now())), nil
}

// work runs the job while the lease is renewed beside it. It is lease.ErrLost
// when that ended it.
func (r *Runner) work(ctx context.Context, job jobs.Job, held lease.Lease) error {
	working, cancel := context.WithTimeoutCause(ctx, job.Deadline, fmt.Errorf("job %s ran past its deadline of %s", job.Name, job.Deadline))
	defer cancel()
	working, end := context.WithCancelCause(working)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		if err := r.renew(working, held); err != nil {
			end(err)
		}
	}()
	shown, shownEnd := working, func(error) {}
	if r.tracer != nil {
		shown, shownEnd = r.tracer.Begin(working, "job "+job.Name)
	}
	failure := guarded(shown, job, jobs.NewTurn(r.store, held))
	shownEnd(failure)
	if cause := context.Cause(working); failure != nil && cause != nil {
		failure = fmt.Errorf("%w (%w)", failure, cause)
	}
	end(nil)
	<-renewed
	return failure
}

// renew extends the lease until ctx ends. It is an error when the lease was lost.
func (r *Runner) renew(ctx context.Context, held lease.Lease) error {
	ticker := time.NewTicker(r.ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		_, err := r.store.Leases().Extend(ctx, held, r.clock.Now(), r.ttl)
		if errors.Is(err, lease.ErrLost) {
			return err
		}
		// Any other fault may pass before the lease lapses; the fence holds in any case.
	}
}

// guarded turns a job's panic into an error: the process has other work to do.
func guarded(ctx context.Context, job jobs.Job, turn jobs.Turn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s panicked: %v", job.Name, p)
		}
	}()
	return job.Run(ctx, turn)
}

// jittered keeps replicas that started together from asking together: each
// takes a place in the spread by its name and the time.
func (r *Runner) jittered(d time.Duration) time.Duration {
	h := fnv.New32a()
	fmt.Fprint(h, r.holder, r.clock.Now().UnixMicro())
	spread := d/8 + 10*time.Millisecond
	return d + spread*time.Duration(h.Sum32()>>8)>>24
}
