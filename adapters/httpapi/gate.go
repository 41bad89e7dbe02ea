package httpapi

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/clock"
)

// errOverloaded refuses a request before anything is done about it.
var errOverloaded = fault.New(fault.Unavailable, "service.overloaded", "More requests come than this server can serve; try again shortly.").After(respite)

const (
	// longestWait is how long a request waits at the gate. With a database that stands still
	// nobody gets in, and who waits should try another replica.
	longestWait = time.Second
	// slowBody is how long a body may take to arrive before its request's place goes to others.
	slowBody = 20 * time.Millisecond
	// mostStreams is how many contents are sent at once, each with some 100 KiB in memory.
	mostStreams = 1024
	// tellEvery is how often the log tells of an overload.
	tellEvery = 10 * time.Second
)

// gate lets a bounded number of requests in at once. A bounded number of others
// waits, in their order; the rest is refused, which has to cost next to nothing, for
// it is paid with what the others need.
type gate struct {
	places  chan struct{} // holds one for each request that is in
	waiting chan struct{} // and one for each that waits
	// What is slow has no place, but memory.
	uploads room // bodies that may be large and are arriving
	replies room // bytes of long replies that are made, and not sent yet
	streams room // contents that are being sent as they are read

	backoff  backoff
	refusals prometheus.Counter
	refused  atomic.Int64 // since it was last told
	told     atomic.Int64 // when that was, in nanoseconds of Unix time
	clock    clock.Clock
	logger   *slog.Logger
}

func newGate(places, waiting int, o Options, refusals prometheus.Counter) *gate {
	return &gate{
		places: make(chan struct{}, places), waiting: make(chan struct{}, waiting), uploads: room{clock: o.Clock, most: places + waiting, fair: fairTime},
		replies: room{clock: o.Clock, most: o.Limits.ReplyBytes, fair: fairTime}, streams: room{clock: o.Clock, most: mostStreams},
		backoff: newBackoff(), refusals: refusals, clock: o.Clock, logger: o.Logger,
	}
}

// enter takes a place, or is errOverloaded.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case g.waiting <- struct{}{}:
	default:
		return errOverloaded.After(g.refuse())
	}
	defer func() { <-g.waiting }()
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-timer.C:
		return errOverloaded.After(g.refuse())
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.places }

// full tells whether a request that came now would be refused.
func (g *gate) full() bool {
	return len(g.places) == cap(g.places) && len(g.waiting) == cap(g.waiting)
}

// refuse counts a refusal, and tells for how long who is refused should stay away.
func (g *gate) refuse() time.Duration {
	g.count()
	return g.backoff.after(g.clock.Now())
}

// count counts a refusal. It logs now and then: a line for each would make it worse.
func (g *gate) count() {
	g.refusals.Inc()
	g.refused.Add(1)
	now, told := g.clock.Now().UnixNano(), g.told.Load()
	if now-told >= int64(tellEvery) && g.told.CompareAndSwap(told, now) {
		g.logger.Warn("overloaded: requests are refused", "refused", g.refused.Swap(0))
	}
}

// enter takes a place for the call.
func (c *call) enter(ctx context.Context) error {
	if err := c.api.gate.enter(ctx); err != nil {
		return err
	}
	c.inside = true
	return nil
}

// leave gives the call's place back, if it has one: before it writes its reply, since a
// client may take its time to read that.
func (c *call) leave() {
	if c.inside {
		c.inside = false
		c.api.gate.leave()
	}
}

// receive runs read, which waits for the client. A client that takes its time keeps no place
// from others; once read is done the call takes one again, if it can have one like any other.
func (c *call) receive(ctx context.Context, read func() error) error {
	if !c.inside {
		return read()
	}
	lend := time.AfterFunc(slowBody, c.api.gate.leave)
	err := read()
	if lend.Stop() {
		return err
	}
	c.inside = false
	if err != nil {
		return err
	}
	return c.enter(ctx)
}
