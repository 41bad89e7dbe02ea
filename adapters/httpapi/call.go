package httpapi

import (
	"net/http"
	"net/netip"
	"net/url"

	"go.opentelemetry.io/otel/trace"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// call is one request on its way through the API, and the reply it will get.
type call struct {
	api       *API
	route     *route
	r         *http.Request
	w         http.ResponseWriter
	vars      map[string]string
	query     url.Values
	principal tenancy.Principal
	requestID string
	address   netip.Addr

	// span shows the request; nil when nothing is traced.
	span trace.Span
	// code is the problem's, when there was one.
	code string

	// stringInt64 is the wish to get int64 members as strings.
	stringInt64 bool
	// raw is the body as it was sent; nil when there was none or nobody reads it.
	raw []byte
	// status is that of success: the route's first unless the handler says otherwise.
	status int
	// tag is the opaque part of the reply's entity tag; empty when there is none.
	tag string
	// inside is true while the call has a place of the gate's.
	inside bool
	// written is the status that was sent; 0 before.
	written int
}

// created makes the reply a 201.
func (c *call) created() { c.status = http.StatusCreated }

// header is that of the reply.
func (c *call) header() http.Header { return c.w.Header() }

// page is the output of routes that answer people, or with bytes made beforehand.
type page struct {
	contentType string
	body        []byte
}
