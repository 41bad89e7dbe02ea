package tracing

import (
	"context"
	"io"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
)

// Blobs shows the calls of an object store, whichever it is, as children of
// whatever asks for them.
func Blobs(store blob.Store) blob.Store {
	if linker, ok := store.(blob.Linker); ok {
		return linking{blobs{store}, linker}
	}
	return blobs{store}
}

type blobs struct{ blob.Store }

var _ blob.Store = blobs{}

// linking also gives links, for which nobody is asked.
type linking struct {
	blobs
	blob.Linker
}

var _ blob.Linker = linking{}

// child begins a span under that of ctx, if that is recorded.
func child(ctx context.Context, name string) (context.Context, func(error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func(error) {}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	return ctx, func(err error) {
		// What the caller may be told of is an answer, and no failure of the store.
		if kind := fault.KindOf(err); err != nil && (kind == fault.Internal || kind == fault.Unavailable) {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// Put stores an object.
func (b blobs) Put(ctx context.Context, key string, content io.Reader, size int64, contentType string) (err error) {
	ctx, end := child(ctx, "put object")
	defer func() { end(err) }()
	return b.Store.Put(ctx, key, content, size, contentType)
}

// Get opens an object; the span ends when it is open.
func (b blobs) Get(ctx context.Context, key string, offset, length int64) (_ blob.Object, err error) {
	within, end := child(ctx, "open object")
	defer func() { end(err) }()
	return b.Store.Get(within, key, offset, length)
}

// Stat describes an object.
func (b blobs) Stat(ctx context.Context, key string) (_ blob.Info, err error) {
	ctx, end := child(ctx, "describe object")
	defer func() { end(err) }()
	return b.Store.Stat(ctx, key)
}

// Delete removes an object.
func (b blobs) Delete(ctx context.Context, key string) (err error) {
	ctx, end := child(ctx, "delete object")
	defer func() { end(err) }()
	return b.Store.Delete(ctx, key)
}

// List lists objects.
func (b blobs) List(ctx context.Context, prefix, after string, limit int) (_ []blob.Info, err error) {
	ctx, end := child(ctx, "list objects")
	defer func() { end(err) }()
	return b.Store.List(ctx, prefix, after, limit)
}
