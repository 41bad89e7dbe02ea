package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// What pages of other origins may send, and read of a reply.
const (
	corsSends = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range, Traceparent, X-Request-Id"
	corsReads = "Accept-Ranges, Content-Range, ETag, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
	// corsKept is for how long, in seconds, a browser need not ask again.
	corsKept = "600"
)

// preflight answers the question that a browser asks before a request from a page
// of another origin. It carries no credential, so nobody knows yet which
// environment is meant: what it learns is what the reference tells everyone. The
// request itself is then held against its environment's list. There are no
// cookies, and browsers are never told to send any, so that a page has no more
// than the credential that its own script holds.
func (c *call) preflight(methods string) {
	if c.r.Header.Get("Origin") == "" || c.r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	h := c.header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", corsSends)
	h.Set("Access-Control-Max-Age", corsKept)
}

// open lets pages of any origin read the reply. It is for what everyone may
// read, and for refusals from before the environment is known, such as that of an access
// token that has expired.
func (c *call) open() {
	h := c.header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", corsReads)
}

// origin refuses a request from a page of another origin that the caller's environment does
// not list. A key of a whole project has no environment, and no business in a page.
func (c *call) origin(ctx context.Context) error {
	h := c.header()
	h.Del("Access-Control-Allow-Origin")
	h.Add("Vary", "Origin")
	lines := c.r.Header["Origin"]
	if len(lines) == 0 || len(lines) == 1 && sameOrigin(lines[0], c.r) {
		return nil
	}
	var settings tenancy.Settings
	if scope := c.principal.Scope(); !scope.IsZero() {
		environment, err := c.api.Directory.Get(ctx, scope.Environment())
		if err != nil {
			return err
		}
		settings = environment.Settings
	}
	if len(lines) > 1 || !slices.ContainsFunc(settings.CORSOrigins, func(listed string) bool {
		return listed == "*" || strings.EqualFold(listed, lines[0])
	}) {
		return errOrigin
	}
	h.Set("Access-Control-Allow-Origin", lines[0])
	return nil
}

// sameOrigin tells a page of this very server. Its scheme isn't looked at, for a
// proxy may have ended TLS.
func sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
