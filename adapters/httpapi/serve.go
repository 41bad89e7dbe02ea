package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gorilla/mux"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// resource is the routes of one path, by method.
type resource struct {
	routes map[string]*route
	allow  string
}

// mount gives every group of paths a router of its own. gorilla/mux tries its
// routes one after another, so that a short list is a fast one.
func (a *API) mount(table []route) (map[string]*mux.Router, error) {
	groups := map[string]*mux.Router{}
	resources := map[string]*resource{}
	operations := map[string]bool{}
	for i := range table {
		r := &table[i]
		if err := r.check(); err != nil {
			return nil, err
		}
		if operations[r.ID] {
			return nil, fmt.Errorf("two routes are %s", r.ID)
		}
		operations[r.ID] = true
		r.observe = a.metrics.of(r.ID)
		on, ok := resources[r.Path]
		if !ok {
			on = &resource{routes: map[string]*route{}}
			resources[r.Path] = on
			group := groupOf(r.Path)
			if groups[group] == nil {
				groups[group] = mux.NewRouter()
			}
			groups[group].Path(r.Path).Handler(on)
		}
		if on.routes[r.Method] != nil {
			return nil, fmt.Errorf("two routes are %s %s", r.Method, r.Path)
		}
		on.routes[r.Method] = r
	}
	for _, on := range resources {
		on.allow = allowed(on.routes)
	}
	return groups, nil
}

// groupOf gives the first segment of a path, or the first two under /v1.
func groupOf(path string) string {
	rest, versioned := strings.CutPrefix(path, "/v1/")
	if !versioned {
		rest = strings.TrimPrefix(path, "/")
	}
	first, _, _ := strings.Cut(rest, "/")
	return path[:len(path)-len(rest)+len(first)]
}

func allowed(routes map[string]*route) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		of := method
		if method == http.MethodHead {
			of = http.MethodGet
		}
		if routes[of] != nil {
			methods = append(methods, method)
		}
	}
	return strings.Join(append(methods, http.MethodOptions), ", ")
}

// ServeHTTP is only here because gorilla/mux keeps handlers.
func (on *resource) ServeHTTP(http.ResponseWriter, *http.Request) {}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.gate.full() && !a.away.spares(r) {
		a.away.refuse(w, r, a.requestID(r), a.gate.refuse(), !within(peerOf(r), a.TrustedProxies))
		return
	}
	began := a.Clock.Now()
	c := &call{api: a, r: r, w: w, route: a.unmatched}
	on, lost := c.find()
	c.identify()
	traced := c.begin()
	defer c.end()
	a.metrics.inFlight.Inc()
	defer func() {
		defer c.leave()
		if reason := recover(); reason != nil {
			c.panicked(traced, reason)
		}
		a.metrics.inFlight.Dec()
		took := a.Clock.Now().Sub(began)
		c.route.observe.done(c.written, took)
		c.log(traced, took)
	}()
	ctx, cancel := context.WithTimeout(traced, c.route.time(a.Limits))
	defer cancel()
	if err := c.answer(ctx, on, lost); err != nil {
		c.refuse(ctx, err)
	}
}

// answer runs what the route declares, in this order: whether there is room, who
// calls, how often, from which page, whether he may, what he sends, what he gets.
func (c *call) answer(ctx context.Context, on *resource, lost error) error {
	if c.r.Method != http.MethodOptions {
		c.open()
	}
	switch {
	case on == nil:
		return lost
	case c.r.Method == http.MethodOptions:
		c.preflight(on.allow)
		c.header().Set("Allow", on.allow)
		c.send(http.StatusNoContent, "", nil)
		return nil
	case lost != nil:
		c.header().Set("Allow", on.allow)
		return lost
	}
	if !c.route.Vital {
		if err := c.enter(ctx); err != nil {
			return err
		}
	}
	if err := c.admit(ctx); err != nil {
		return err
	}
	c.status = c.route.Statuses[0]
	out, err := c.route.serve(ctx, c)
	if err != nil {
		return err
	}
	return c.reply(out)
}

// find sets the route. What is at the path is given also when there is no route
// for the method.
func (c *call) find() (*resource, error) {
	router := c.api.groups[groupOf(c.r.URL.Path)]
	// A slash in disguise would name another path to whoever decodes it next.
	if router == nil || strings.Contains(strings.ToLower(c.r.URL.RawPath), "%2f") {
		return nil, errRoute
	}
	// To match, unlike to serve, cleans no path and redirects nothing: a path
	// either is one of ours or is not.
	var match mux.RouteMatch
	if !router.Match(c.r, &match) {
		return nil, errRoute
	}
	c.vars = match.Vars
	on := match.Handler.(*resource)
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	r := on.routes[method]
	if r == nil {
		return on, errMethod
	}
	c.route = r
	return on, nil
}

// admit finds out who calls, counts the call, and checks that the route is for him.
func (c *call) admit(ctx context.Context) error {
	audience := c.route.audience
	if audience.Public {
		return c.throttleAddress(ctx)
	}
	// Guessing is counted against the address it comes from: before anything is looked up for it, so
	// that past the rate it costs nothing but this. So a credential's first call counts there twice.
	counted := false
	mayLook := func(ctx context.Context) error {
		counted = true
		return c.throttleAddress(ctx)
	}
	bearer, err := bearerOf(c.r.Header)
	if err == nil {
		c.principal, err = c.api.Authenticator.Authenticate(ctx, bearer, c.address, mayLook)
	}
	if err != nil {
		if kind := fault.KindOf(err); kind == fault.Unauthenticated || kind == fault.Forbidden {
			c.challenge(!errors.Is(err, tenancy.ErrNoCredential))
			if !counted {
				if over := c.throttleAddress(ctx); over != nil {
					return over
				}
			}
		}
		return err
	}
	c.principal.RequestID, c.principal.Address = c.requestID, c.address.String()
	if c.route.Class != "" {
		rate, decision, err := c.api.Throttle.Call(ctx, c.route.Class, c.principal, c.address)
		if err := c.rated(rate, decision, err); err != nil {
			return err
		}
	}
	if err := c.origin(ctx); err != nil {
		return err
	}
	return audience.admit(c.principal)
}

// maxBearer bounds a credential in bytes; the longest are access tokens.
const maxBearer = 8 << 10

// bearerOf gives the credential of a request; ErrNoCredential when there is
// none, or more than one to choose from.
func bearerOf(h http.Header) (string, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return "", tenancy.ErrNoCredential
	}
	if len(lines) > 1 {
		return "", tenancy.ErrNoCredential.With("Send one Authorization header, not several.")
	}
	scheme, bearer, ok := strings.Cut(lines[0], " ")
	bearer = strings.Trim(bearer, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return "", tenancy.ErrNoCredential
	}
	if len(bearer) > maxBearer || strings.ContainsFunc(bearer, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", tenancy.ErrCredential
	}
	return bearer, nil
}

// challenge says how to authenticate, on a reply that refuses to (RFC 6750).
func (c *call) challenge(presented bool) {
	value := `Bearer realm="overworld"`
	if presented {
		value += `, error="invalid_token"`
	}
	c.header().Set("WWW-Authenticate", value)
}

func (c *call) panicked(ctx context.Context, reason any) {
	if err, ok := reason.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(reason)
	}
	c.api.Logger.LogAttrs(ctx, slog.LevelError, "request panicked",
		slog.String("request_id", c.requestID), slog.String("operation", c.route.ID),
		slog.String("panic", fmt.Sprint(reason)), slog.String("stack", string(debug.Stack())))
	if c.written == 0 {
		c.problem(fault.ErrInternal)
	}
}
