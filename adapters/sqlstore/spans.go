package sqlstore

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/overworldhq/overworld/domain/fault"
)

// begin begins the span of one try of a statement or transaction, under that
// of ctx. Where that is not recorded the span is nil, and costs nothing.
func (s *shared) begin(ctx context.Context, what string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer("github.com/overworldhq/overworld/adapters/sqlstore").Start(ctx, what,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", s.engine.Name)))
}

// end ends a span. A fault that the caller may be told of is an answer of the
// database, and no failure of it.
func (*shared) end(span trace.Span, err error) {
	if span == nil {
		return
	}
	if kind := fault.KindOf(err); err != nil && (kind == fault.Internal || kind == fault.Unavailable) {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
