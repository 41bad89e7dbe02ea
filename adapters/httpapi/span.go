package httpapi

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// begin gives the context of the request, in which its span is, or the caller's if
// nothing is traced here. The reply tells which it is.
func (c *call) begin() context.Context {
	ctx := c.r.Context()
	parent := c.r.Header.Get("Traceparent")
	if goodTraceparent(parent) {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(c.r.Header))
	} else {
		parent = ""
	}
	if c.api.tracer == nil || c.route.Vital {
		if parent != "" {
			c.header().Set("Traceparent", parent)
		}
		return ctx
	}
	name := c.route.ID
	if name == "" {
		name = "unmatched"
	}
	ctx, c.span = c.api.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(methodOf(c.r)),
		semconv.ClientAddress(c.address.String()),
		attribute.String("overworld.request_id", c.requestID),
	))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(c.header()))
	return ctx
}

// methodOf gives a method that is one of few, as the conventions want it.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "_OTHER"
}

// end ends the span, once it is known how the request went. What the caller
// could have avoided is no error of ours.
func (c *call) end() {
	if c.span == nil {
		return
	}
	defer c.span.End()
	if !c.span.IsRecording() {
		return
	}
	c.span.SetAttributes(semconv.HTTPResponseStatusCode(c.written), attribute.String("overworld.caller_kind", c.principal.Kind().String()))
	if c.route.Path != "" {
		c.span.SetAttributes(semconv.HTTPRoute(c.route.Path))
	}
	if environment := c.principal.Scope().Environment(); environment != "" {
		c.span.SetAttributes(attribute.String("overworld.environment_id", string(environment)))
	}
	if c.code != "" {
		c.span.SetAttributes(attribute.String("overworld.problem", c.code))
	}
	if c.written >= http.StatusInternalServerError || c.written == 0 {
		c.span.SetAttributes(semconv.ErrorTypeKey.String(c.code))
		c.span.SetStatus(codes.Error, c.code)
	}
}

// goodTraceparent tells whether it is one of version 00 (W3C Trace Context).
func goodTraceparent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace, parent, flags := s[3:35], s[36:52], s[53:]
	for _, part := range []string{trace, parent, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(trace, "0") != "" && strings.Trim(parent, "0") != ""
}
