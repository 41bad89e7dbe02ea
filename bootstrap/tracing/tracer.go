package tracing

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/overworldhq/overworld/ports/tracing"
)

// tracer begins spans of work that no single request asked for.
type tracer struct{ tracer trace.Tracer }

var _ tracing.Tracer = tracer{}

// scope names what makes these spans.
const scope = "github.com/overworldhq/overworld"

// Tracer is what use cases and workers begin spans with.
func (p *Provider) Tracer() tracing.Tracer {
	if p == nil {
		return nil
	}
	return tracer{p.provider.Tracer(scope)}
}

// Begin begins a span; see tracing.Tracer. For callers of which none is recorded it does nothing.
func (t tracer) Begin(ctx context.Context, name string, callers ...context.Context) (context.Context, func(error)) {
	var links []trace.Link
	for _, caller := range callers {
		if asked := trace.SpanContextFromContext(caller); asked.IsSampled() {
			links = append(links, trace.Link{SpanContext: asked})
		}
	}
	if len(callers) > 0 && len(links) == 0 {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithNewRoot(), trace.WithLinks(links...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
