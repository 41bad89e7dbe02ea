package redis

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Plugin registers redis:// and rediss://.
func Plugin(r *plugin.Registry) {
	r.Caches.Handle("redis", open)
	r.Caches.Handle("rediss", open)
}

const (
	defaultPrefix = "ow:"
	maxPrefix     = 64
	// dialTimeout bounds connecting, and how long a connection that answers
	// nothing is kept.
	dialTimeout = time.Second
	bufferSize  = 64 << 10 // our commands are a few hundred bytes
	// flushDelay is how long commands may gather while others are on their way: to
	// send each by itself costs more, here and on the server, than to run it.
	flushDelay = 50 * time.Microsecond
)

// open tries to connect, and goes on trying in the background if it can't.
func open(ctx context.Context, address *url.URL, kit plugin.Kit) (cache.Cache, error) {
	option, prefix, err := parse(address)
	if err != nil {
		return nil, err
	}
	l := newLink(option, prefix, kit)
	e := &engine{link: l, limiter: &Limiter{link: l}, revocations: newRevocations(l), ranks: newRanks(l)}
	l.settle = e.revocations.settle
	l.start(ctx)
	return e, nil
}

func parse(address *url.URL) (option rueidis.ClientOption, prefix string, err error) {
	query := address.Query()
	for name := range query {
		if !slices.Contains([]string{"addr", "db", "master_set", "prefix", "protocol", "skip_verify"}, name) {
			return option, "", fmt.Errorf("unknown parameter %q", name)
		}
	}
	prefix = defaultPrefix
	if query.Has("prefix") {
		prefix = query.Get("prefix")
	}
	if len(prefix) > maxPrefix || strings.ContainsAny(prefix, "{}") {
		return option, "", fmt.Errorf("the prefix is over %d bytes or has braces, which would tie all keys to one server of a cluster", maxPrefix)
	}
	if option, err = rueidis.ParseURL(address.String()); err != nil {
		return option, "", err
	}
	for _, server := range option.InitAddress {
		if _, port, err := net.SplitHostPort(server); err != nil {
			return option, "", fmt.Errorf("%q is not host:port", server)
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return option, "", fmt.Errorf("%q is not a port", port)
		}
	}
	option.Dialer.Timeout = dialTimeout
	option.ConnWriteTimeout = dialTimeout
	option.ReadBufferEachConn = bufferSize
	option.WriteBufferEachConn = bufferSize
	// A command that failed is told, not tried again: the caller has a
	// better way out than to wait, and revocations must know of every failure.
	option.DisableRetry = true
	option.MaxFlushDelay = flushDelay
	option.PipelineMultiplex = -1 // one connection, on which all gather
	option.DisableCache = true
	return option, prefix, nil
}

type engine struct {
	link        *link
	limiter     *Limiter
	revocations *Revocations
	ranks       *Ranks
}

var (
	_ cache.Cache  = (*engine)(nil)
	_ cache.Remote = (*engine)(nil)
)

func (e *engine) Limiter() limiter.Limiter       { return e.limiter }
func (e *engine) Revocations() revocation.Memory { return e.revocations }
func (e *engine) Ranks() ranking.Index           { return e.ranks }
func (e *engine) Shared() bool                   { return true }

// Link tells how the last command or probe went, and counts what went wrong.
func (e *engine) Link() (up bool, troubles uint64) {
	h := e.link.state.Load()
	return h.up, h.troubles
}

// Ping tells whether the servers can be written to.
func (e *engine) Ping(ctx context.Context) error {
	return e.link.do(ctx, "ping redis", e.link.probe)
}

// Close ends the background work and the connections, and waits for both.
func (e *engine) Close() error {
	e.link.close()
	return nil
}
