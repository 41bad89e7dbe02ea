package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// floodName is no scenario like the others: it measures what some of them do while
// far more players sign in by e-mail than passwords can be hashed.
const floodName = "login-flood"

const (
	// floodTimes is how many times what can be hashed are tried.
	floodTimes = 10
	// flooders send the logins, at one pace together: those that wait for a hash hold up no other.
	flooders = 128
	// calmly is how many connections everything else has. They never wait between
	// requests, so both cores are busy before the flood begins.
	calmly = 4
)

// beside are the scenarios that go on meanwhile.
var beside = []string{"own-profile", "document-get", "document-put", "guest-known"}

// login signs in by an address that nobody has, which costs what any costs.
func login(p place, c *connection, i int) func() (status int, err error) {
	n := 0
	return func() (int, error) {
		n++
		body := fmt.Appendf(nil, `{"email":"nobody-%d-%d@example.com","password":"correct horse"}`, i, n)
		status, _, err := c.exchange(c.request("POST", "/v1/auth/email/login", p.publishable, body))
		return status, err
	}
}

// loginFlood gives the figures of each scenario with and without the flood, and those of the
// flood. The two take turns, so that whatever else the machine does falls on both.
func (r *replica) loginFlood(ctx context.Context, o options) ([]line, error) {
	var lines []line
	add := func(what string, connections int, f figures, note string) {
		l := line{stack: r.stack.name, what: what, connections: connections, figures: f, note: note}
		lines = append(lines, l)
		tell(l)
	}
	can, err := r.hashing(ctx, o)
	if err != nil {
		return nil, err
	}
	add("logins that can be hashed", calmly, can, "")
	once := o
	once.repetitions = 1
	var all floodCount
	for _, name := range beside {
		var calm, flooded []figures
		for range o.repetitions {
			f, err := r.run(ctx, once, scenarioOf(name), calmly)
			if err != nil {
				return nil, err
			}
			calm = append(calm, f)
			pouring, stop := context.WithCancel(ctx)
			ended := make(chan floodCount, 1)
			go func() { ended <- r.pour(pouring, floodTimes*can.persecond) }()
			f, err = r.run(ctx, once, scenarioOf(name), calmly)
			stop()
			all.add(<-ended)
			if err != nil {
				return nil, err
			}
			flooded = append(flooded, f)
		}
		before, during := medians(calm), medians(flooded)
		add(name+", calm", calmly, before, "")
		add(name+", flooded", calmly, during, fmt.Sprintf("p50 %.2f of calm", float64(during.p50)/float64(before.p50)))
	}
	if all.fault != nil {
		return nil, fmt.Errorf("flood: %w", all.fault)
	}
	note := fmt.Sprintf("%.1f times; %d checked, %d refused, %d else", all.persecond()/can.persecond, all.checked, all.busy, all.others)
	add("login flood, all answered", flooders, figures{persecond: all.persecond(), server: -1, database: -1, cache: -1}, note)
	return lines, ctx.Err()
}

// hashing measures how many logins are checked when as many come as may wait.
func (r *replica) hashing(ctx context.Context, o options) (figures, error) {
	l := o.load(calmly)
	l.used = r.used
	l.open = func(i int) (operation, func(), error) {
		c, err := dial(r.place.address)
		if err != nil {
			return nil, nil, err
		}
		try := login(r.place, c, i)
		return func() error {
			status, err := try()
			if err == nil && status != 401 {
				err = fmt.Errorf("login: status %d, want 401", status)
			}
			return err
		}, c.close, nil
	}
	return drive(ctx, l)
}

// floodCount is how a flood was answered: 401, 503, or anything else.
type floodCount struct {
	checked, busy, others int64
	length                time.Duration
	fault                 error
}

func (f floodCount) persecond() float64 {
	return float64(f.checked+f.busy+f.others) / f.length.Seconds()
}

func (f *floodCount) add(g floodCount) {
	f.checked, f.busy, f.others, f.length = f.checked+g.checked, f.busy+g.busy, f.others+g.others, f.length+g.length
	f.fault = errors.Join(f.fault, g.fault)
}

// pour sends so many logins a second until ctx ends, and waits until all are answered.
func (r *replica) pour(ctx context.Context, persecond float64) floodCount {
	var checked, busy, others atomic.Int64
	var failures faultCount
	arrivals := make(chan struct{}, flooders)
	var all sync.WaitGroup
	for i := range flooders {
		all.Go(func() {
			c, err := dial(r.place.address)
			if err != nil {
				failures.add(err)
				return
			}
			defer c.close()
			try := login(r.place, c, flooders+i)
			for range arrivals {
				status, err := try()
				if err != nil {
					failures.add(err)
					return
				}
				switch status {
				case 401:
					checked.Add(1)
				case 503:
					busy.Add(1)
				default:
					others.Add(1)
				}
			}
		})
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; ctx.Err() == nil; {
		now := <-tick.C
		for due := int(now.Sub(began).Seconds() * persecond); sent < due; sent++ {
			select {
			case arrivals <- struct{}{}:
			default: // it is counted by what was answered
			}
		}
	}
	length := time.Since(began)
	close(arrivals)
	all.Wait()
	return floodCount{checked: checked.Load(), busy: busy.Load(), others: others.Load(), length: length, fault: failures.first}
}
