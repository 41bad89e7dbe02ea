// Package tracing is how use cases show work that no single request asked for.
//
// A request's own span is in its context, put there by whoever took the request,
// and adapters make its children; use cases have nothing to do with it.
package tracing

import "context"

// Tracer begins spans.
type Tracer interface {
	// Begin begins a span with a trace of its own, linked to those that the
	// callers' contexts hold, and gives ctx with it. Without callers it is
	// recorded as often as any other; for callers, when one of theirs is. End
	// says how the work went, and is called once.
	Begin(ctx context.Context, name string, callers ...context.Context) (within context.Context, end func(error))
}
