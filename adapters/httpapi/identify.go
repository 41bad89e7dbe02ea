package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/ports/limiter"
)

// identify gives the call its request id and client address.
func (c *call) identify() {
	c.requestID = c.api.requestID(c.r)
	c.header().Set("X-Request-Id", c.requestID)
	c.address = clientAddress(c.r, c.api.TrustedProxies)
}

// requestID is the client's own if it is fit, or a new one.
func (a *API) requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); goodRequestID(id) {
		return id
	}
	return a.IDs.New()
}

const maxRequestID = 128

// goodRequestID tells whether a client's id is fit for our logs.
func goodRequestID(id string) bool {
	return id != "" && len(id) <= maxRequestID && !strings.ContainsFunc(id, func(r rune) bool {
		letterOrDigit := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letterOrDigit && !strings.ContainsRune("-_.:+=/@", r)
	})
}

// clientAddress is the peer's or, when the peer is a proxy of ours, the
// last in X-Forwarded-For that is not: what stands before it anyone could have written.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client := peerOf(r)
	if len(trusted) == 0 {
		return client
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && within(client, trusted); i-- {
		hop, ok := readHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		client = hop
	}
	return client
}

// peerOf is the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return plain(peer)
}

// plain is the address alone, as prefixes are compared with it.
func plain(peer netip.AddrPort) netip.Addr { return peer.Addr().Unmap().WithZone("") }

func within(address netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// readHop reads an address with or without a port, as proxies write it.
func readHop(s string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return address.Unmap().WithZone(""), err == nil
}

// throttleAddress counts the call against its address alone.
func (c *call) throttleAddress(ctx context.Context) error {
	if c.route.Class == "" {
		return nil
	}
	return c.rated(c.api.Throttle.Address(ctx, c.route.Class, c.address))
}

// rated tells the client its rate and what is left of it (the IETF draft
// ratelimit-headers), and passes the refusal on. The quota is the burst, and
// the window the time that the whole burst takes to come back.
func (c *call) rated(rate limiter.Rate, decision limiter.Decision, err error) error {
	if err != nil && decision == (limiter.Decision{}) {
		return err
	}
	class := `"` + string(c.route.Class) + `"`
	window := rate.Interval() * time.Duration(rate.Burst)
	c.header().Set("RateLimit-Policy", class+";q="+strconv.Itoa(rate.Burst)+";w="+seconds(window))
	c.header().Set("RateLimit", class+";r="+strconv.Itoa(min(decision.Remaining, rate.Burst))+";t="+seconds(decision.ResetAfter))
	return err
}

// log writes the access line: who asked for what, and how it went. It
// holds no path and no query, in which there may be names or secrets. What went
// well, or was refused at the gate, is counted, and told at debug only: a line costs as much as
// a cheap request.
func (c *call) log(ctx context.Context, took time.Duration) {
	level := slog.LevelDebug
	if (c.written < 100 || c.written >= 400) && c.code != errOverloaded.Code {
		level = slog.LevelInfo
	}
	if !c.api.Logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("method", c.r.Method), slog.String("route", c.route.Path), slog.String("operation", c.route.ID),
		slog.Int("status", c.written), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("request_id", c.requestID), slog.String("address", c.address.String()),
		slog.String("caller_kind", c.principal.Kind().String()))
	if c.principal.Subject() != "" {
		attrs = append(attrs, slog.String("caller", c.principal.Subject()), slog.String("environment_id", string(c.principal.Scope().Environment())))
	}
	c.api.Logger.LogAttrs(ctx, level, "request", attrs...)
}
