package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/overworldhq/overworld/tests/servers"
)

// pollsName is no scenario like the others: very many players wait for a change of the live
// configuration, and one release wakes them all.
const pollsName = "polls"

const (
	pollers = 10_000
	// pollFor is how long each would wait.
	pollFor = 60 * time.Second
	// pollOpeners open the connections.
	pollOpeners = 16
	// resting is for how long the server's processor time is measured while all wait.
	resting = 10 * time.Second
)

// poller is one who waits.
type poller struct {
	c        *connection
	answered time.Time
}

// polls gives what it costs that so many wait, and how long it takes until all are answered.
func (r *replica) polls(ctx context.Context) ([]line, error) {
	c, err := dial(r.place.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := r.place.live.make(c); err != nil {
		return nil, err
	}
	g, err := signIn(r.place, c)
	if err != nil {
		return nil, err
	}
	if _, err := c.want(200, c.request("GET", livePath(), g.AccessToken, nil)); err != nil {
		return nil, err
	}
	request := append([]byte(nil), c.unlessIs(string(c.tag), fmt.Sprintf("%s&wait=%d", livePath(), int(pollFor.Seconds())), g.AccessToken)...)
	before, err := servers.Memory(r.child.pid())
	if err != nil {
		return nil, err
	}
	all, err := r.openPolls()
	defer func() {
		for _, p := range all {
			p.c.close()
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("open connections: %w", err)
	}
	idle, err := servers.Memory(r.child.pid())
	if err != nil {
		return nil, err
	}
	var failures faultCount
	var waiting sync.WaitGroup
	for _, p := range all {
		waiting.Go(func() {
			if err := p.wait(request); err != nil {
				failures.add(err)
			}
			p.answered = time.Now()
		})
	}
	if err := r.allWait(ctx, &failures); err != nil {
		return nil, err
	}
	with, rest, err := r.restPolls(ctx)
	if err != nil {
		return nil, err
	}
	used, err := r.used()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := r.place.live.release(c); err != nil {
		return nil, err
	}
	released := time.Now()
	waiting.Wait()
	now, err := r.used()
	if err != nil {
		return nil, err
	}
	if failures.first != nil {
		return nil, fmt.Errorf("%d polls failed: %w", failures.count.Load(), failures.first)
	}
	took := make([]time.Duration, len(all))
	for i, p := range all {
		took[i] = p.answered.Sub(begun)
	}
	slices.Sort(took)
	last, spent := took[len(took)-1], now.since(used)
	f := figures{
		persecond: pollers / last.Seconds(), p50: percentile(took, 50), p95: percentile(took, 95), p99: percentile(took, 99),
		server: spent.server.Seconds() / pollers * 1000, database: spent.database.Seconds() / pollers * 1000, cache: spent.cache.Seconds() / pollers * 1000,
	}
	lines := []line{
		{stack: r.stack.name, what: "10,000 polls, waiting", connections: pollers, figures: figures{server: -1, database: -1, cache: -1}, note: fmt.Sprintf(
			"%d MiB before, %d with connections, %d with polls: %.1f KiB each; %.3f cores", before>>20, idle>>20, with>>20, float64(with-before)/pollers/1024, rest)},
		{stack: r.stack.name, what: "10,000 polls, woken", connections: pollers, figures: f, note: fmt.Sprintf(
			"all answered in %.2f s, the release in %.2f", last.Seconds(), released.Sub(begun).Seconds())},
	}
	for _, l := range lines {
		tell(l)
		fmt.Fprintf(os.Stderr, "%10s %s\n", "", l.note)
	}
	return lines, nil
}

// wait polls once. They all come at once, which is more than the server lets in: who is refused
// comes again, as clients do.
func (p *poller) wait(request []byte) error {
	for {
		_, err := p.c.want(200, request)
		var other *unwanted
		if !errors.As(err, &other) || other.status != 503 {
			return err
		}
		time.Sleep(time.Second)
	}
}

// openPolls opens the connections.
func (r *replica) openPolls() ([]*poller, error) {
	opened := make([]*poller, pollers)
	var failures faultCount
	var all sync.WaitGroup
	for i := range pollOpeners {
		all.Go(func() {
			for n := i; n < pollers; n += pollOpeners {
				c, err := dialed(r.place.address, 8<<10, 2*pollFor)
				if err != nil {
					failures.add(err)
					return
				}
				opened[n] = &poller{c: c}
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(opened, func(p *poller) bool { return p == nil }), failures.first
}

// allWait returns when the server tells that all wait.
func (r *replica) allWait(ctx context.Context, failures *faultCount) error {
	patient, cancel := context.WithTimeout(ctx, pollFor/2)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		counts, err := r.counts()
		if err != nil {
			return err
		}
		if counts["overworld_config_polls_waiting"] == pollers {
			return nil
		}
		if failures.count.Load() > 0 {
			return fmt.Errorf("a poll was answered before there was anything new: %w", failures.first)
		}
		select {
		case <-again.C:
		case <-patient.Done():
			return fmt.Errorf("%.0f of %d polls wait: %w", counts["overworld_config_polls_waiting"], pollers, patient.Err())
		}
	}
}

// restPolls measures the server's memory and processors, with those of what it stands on, while all wait.
func (r *replica) restPolls(ctx context.Context) (memory int64, cores float64, err error) {
	before, err := r.used()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	select {
	case <-time.After(resting):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	after, err := r.used()
	if err != nil {
		return 0, 0, err
	}
	spent := after.since(before)
	if memory, err = servers.Memory(r.child.pid()); err != nil {
		return 0, 0, err
	}
	return memory, (spent.server + spent.database + spent.cache).Seconds() / time.Since(begun).Seconds(), nil
}
