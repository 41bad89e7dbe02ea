package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/plugin"
)

const (
	// commandTimeout is how long a request waits for an answer.
	commandTimeout = 250 * time.Millisecond
	probeTimeout   = time.Second
	// probeEvery is how often the server is tried while it is up, so that an
	// outage is noticed also without traffic, and probeDown while it is not.
	probeEvery = time.Second
	probeDown  = 250 * time.Millisecond
	// hiccup is how long an outage lasts at least to be one to those who persist.
	hiccup = 2 * time.Second
	// clusterProbes is how many slots of a Cluster a probe touches.
	clusterProbes = 16
)

// link is the connection, and what is known of its health. While it is down
// every command fails at once; only the probe, a goroutine of its own, takes it
// up again.
type link struct {
	option rueidis.ClientOption
	prefix string
	clock  clock.Clock
	logger *slog.Logger

	client atomic.Pointer[rueidis.Client] // nil until it first connected
	state  atomic.Pointer[health]
	turn   sync.Mutex // guards changes of state

	// settle does on a new connection what must be done before it is used.
	settle func(ctx context.Context, client rueidis.Client) error

	dropped chan struct{} // tells the probe that a command failed
	life    context.Context
	end     context.CancelFunc
	done    chan struct{}
	closing sync.Once
}

// health is immutable.
type health struct {
	up  bool
	err error // why it is down
	// troubles counts the failures and new connections seen, and trouble is
	// when the last was: what the server held before may have been lost or
	// have come back old.
	troubles uint64
	trouble  time.Time
	// hope ends when it is up again, or has been down for a hiccup; nil while it is up.
	hope context.Context
	lost context.CancelFunc // ends hope
}

var (
	errNotYet = errors.New("not connected yet")
	errClosed = errors.New("the cache is closed")
	// errSlow stands for the deadline of a command, which is not the caller's.
	errSlow = errors.New("no answer in time")
)

func newLink(option rueidis.ClientOption, prefix string, kit plugin.Kit) *link {
	l := &link{prefix: prefix, clock: kit.Clock, logger: kit.Logger, dropped: make(chan struct{}, 1), done: make(chan struct{})}
	l.life, l.end = context.WithCancel(context.Background())
	l.state.Store(&health{err: errNotYet, trouble: kit.Clock.Now()})
	// The dial's own context would be that of whichever command came first.
	option.DialCtxFn = func(_ context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		l.change(func(*health) {}) // a new connection: whatever was behind the old one may be gone
		if config != nil {
			return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(l.life, "tcp", address)
		}
		return dialer.DialContext(l.life, "tcp", address)
	}
	l.option = option
	return l
}

// start makes the first try, so that a server that is there is up at once, and
// leaves further ones to the probe.
func (l *link) start(ctx context.Context) {
	l.check(ctx)
	if h := l.state.Load(); !h.up {
		l.logger.Warn("redis is away", "error", h.err)
	}
	go l.watch()
}

func (l *link) watch() {
	defer close(l.done)
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	for was := l.state.Load().up; ; {
		select {
		case <-l.life.Done():
			return
		case <-l.dropped:
		case <-timer.C:
			l.check(l.life)
		}
		h := l.state.Load()
		switch {
		case was && !h.up && l.life.Err() == nil:
			l.logger.Warn("redis is away", "error", h.err)
		case !was && h.up:
			l.logger.Info("redis is back")
		}
		if was = h.up; was {
			timer.Reset(probeEvery)
		} else {
			timer.Reset(probeDown)
		}
	}
}

// check tries the server and notes what it found. It is called by one
// goroutine at a time. A link that is down is made anew: of its old
// connections any may be broken without having noticed.
func (l *link) check(ctx context.Context) {
	old := l.client.Load()
	if l.state.Load().up {
		if err := l.try(ctx, *old); err != nil {
			l.drop(old, err)
		}
		return
	}
	client, err := rueidis.NewClient(l.option)
	if err == nil {
		if err = l.try(ctx, client); err == nil {
			err = l.settle(ctx, client)
		}
		if err != nil {
			client.Close()
		}
	}
	if err != nil {
		l.change(func(h *health) { h.err = err })
		return
	}
	l.client.Store(&client)
	l.change(func(h *health) { h.up, h.err = true, nil })
	if old != nil {
		(*old).Close()
	}
}

func (l *link) try(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return l.probe(ctx, client)
}

// probe writes, because a server may answer and yet take no writes: one that is
// loading, full, or no longer the master.
func (l *link) probe(ctx context.Context, client rueidis.Client) error {
	n := 1
	if client.Mode() == rueidis.ClientModeCluster {
		n = clusterProbes
	}
	commands := make(rueidis.Commands, n)
	for i := range commands {
		commands[i] = client.B().Set().Key(l.key("probe", strconv.Itoa(i))).Value("1").Ex(10 * time.Second).Build()
	}
	for _, result := range client.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// do runs commands within their time. What fails takes the link down.
func (l *link) do(ctx context.Context, operation string, f func(context.Context, rueidis.Client) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, span := begin(ctx, operation)
	defer func() { end(span, err) }()
	if h := l.state.Load(); !h.up {
		return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", operation, h.err))
	}
	within, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	client := l.client.Load()
	err = f(within, *client)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", operation, ctx.Err()) // the caller left; the server may be well
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errSlow
	}
	err = fmt.Errorf("%s: %w", operation, err)
	l.drop(client, err)
	return fault.ErrUnavailable.Because(err)
}

// persist is do for what is costly not to have done, and does no harm if it is done twice: when
// the link went down only a moment ago it waits for it to come back, and tries again. It takes a
// hiccup's time at most, and none once the link has been down for longer.
func (l *link) persist(ctx context.Context, operation string, f func(context.Context, rueidis.Client) error) error {
	within, cancel := context.WithTimeout(ctx, hiccup)
	defer cancel()
	for {
		err := l.do(ctx, operation, f)
		if !errors.Is(err, fault.ErrUnavailable) {
			return err
		}
		if h := l.state.Load(); !h.up && h.hope != nil {
			select {
			case <-h.hope.Done():
			case <-within.Done():
			}
		}
		if within.Err() != nil || !l.state.Load().up {
			return err
		}
	}
}

// drop takes the link down, unless it has been made anew since the command was given.
func (l *link) drop(client *rueidis.Client, err error) {
	l.change(func(h *health) {
		if h.up && l.client.Load() == client {
			h.up, h.err = false, err
		}
	})
	select {
	case l.dropped <- struct{}{}:
	default: // it has been told
	}
}

// change notes one more trouble, and what else f changes.
func (l *link) change(f func(*health)) {
	l.turn.Lock()
	defer l.turn.Unlock()
	h := *l.state.Load()
	was := h.up
	h.troubles++
	h.trouble = l.clock.Now()
	f(&h)
	if l.life.Err() != nil {
		h.up, h.err = false, errClosed
	}
	if was && !h.up {
		h.hope, h.lost = context.WithTimeout(l.life, hiccup)
	}
	given := h.lost
	if h.up {
		h.hope, h.lost = nil, nil
	}
	l.state.Store(&h)
	if h.up && given != nil {
		given()
	}
}

func (l *link) close() {
	l.end()
	<-l.done
	l.change(func(*health) {})
	l.closing.Do(func() {
		if client := l.client.Load(); client != nil {
			(*client).Close()
		}
	})
}

// key is the name of a key on the server. kind keeps kinds apart.
func (l *link) key(kind, name string) string { return l.prefix + kind + ":" + name }
