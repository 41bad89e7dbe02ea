package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/overworldhq/overworld/ports/blob"
)

// recorded is a provider that keeps what it makes.
func recorded(sampler sdk.Sampler) (*Provider, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return &Provider{sdk.NewTracerProvider(sdk.WithSampler(sdk.ParentBased(forCallers{sampler})), sdk.WithSpanProcessor(spans))}, spans
}

// broken answers every call in the way that it was told to.
type broken struct {
	blob.Store
	err error
}

func (b broken) Put(context.Context, string, io.Reader, int64, string) error { return b.err }
func (b broken) Get(context.Context, string, int64, int64) (blob.Object, error) {
	return blob.Object{}, b.err
}
func (b broken) Stat(context.Context, string) (blob.Info, error)                { return blob.Info{}, b.err }
func (b broken) Delete(context.Context, string) error                           { return b.err }
func (b broken) List(context.Context, string, string, int) ([]blob.Info, error) { return nil, b.err }

func TestCallsOfTheObjectStoreAreChildren(t *testing.T) {
	for _, c := range []struct {
		err  error
		code codes.Code
	}{{nil, codes.Unset}, {blob.ErrNotFound, codes.Unset}, {errors.New("the disk is full"), codes.Error}} {
		provider, spans := recorded(sdk.AlwaysSample())
		ctx, parent := provider.Source().Tracer("test").Start(t.Context(), "request")
		store := Blobs(broken{err: c.err})
		_, errGet := store.Get(ctx, "a", 0, -1)
		_, errStat := store.Stat(ctx, "a")
		_, errList := store.List(ctx, "a", "", 1)
		for _, err := range []error{store.Put(ctx, "a", strings.NewReader(""), 0, ""), errGet, errStat, errList, store.Delete(ctx, "a")} {
			if !errors.Is(err, c.err) {
				t.Errorf("%v became %v", c.err, err)
			}
		}
		names := map[string]bool{}
		for _, s := range spans.Ended() {
			names[s.Name()] = true
			if s.Parent().SpanID() != parent.SpanContext().SpanID() || s.Status().Code != c.code {
				t.Errorf("%s after %v: %v", s.Name(), c.err, s.Status())
			}
		}
		if len(names) != 5 {
			t.Errorf("the calls are %v", names)
		}
		// Nobody asks for these.
		_, _ = store.Stat(t.Context(), "a")
		if n := len(spans.Ended()); n != 5 {
			t.Errorf("%d spans", n)
		}
	}
}

func TestWhatIsSharedIsRecordedForWhoeverIs(t *testing.T) {
	provider, spans := recorded(sdk.NeverSample())
	unrecorded, end := provider.Tracer().Begin(t.Context(), "a job")
	end(nil)
	always, _ := recorded(sdk.AlwaysSample())
	sampled, caller := always.Source().Tracer("test").Start(t.Context(), "request")

	_, end = provider.Tracer().Begin(t.Context(), "for nobody", t.Context(), unrecorded)
	end(errors.New("x"))
	_, end = provider.Tracer().Begin(sampled, "for somebody", unrecorded, sampled)
	end(errors.New("y"))
	if ended := spans.Ended(); len(ended) != 1 {
		t.Fatalf("%d spans", len(ended))
	} else if s := ended[0]; s.Name() != "for somebody" || s.Parent().IsValid() || s.Status().Code != codes.Error || len(s.Links()) != 1 || s.Links()[0].SpanContext.SpanID() != caller.SpanContext().SpanID() {
		t.Errorf("%s: %v", s.Name(), s)
	}
}

func TestLinesHaveTheTrace(t *testing.T) {
	var text bytes.Buffer
	logger := slog.New(Log(slog.NewTextHandler(&text, nil))).With("a", 1)
	provider, _ := recorded(sdk.NeverSample())
	ctx, span := provider.Source().Tracer("test").Start(t.Context(), "request")
	logger.InfoContext(ctx, "within")
	want := fmt.Sprintf("msg=within a=1 trace_id=%s\n", span.SpanContext().TraceID())
	if got := text.String(); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	text.Reset()
	logger.InfoContext(t.Context(), "without")
	if got := text.String(); strings.Contains(got, "trace_id") {
		t.Errorf("got %q", got)
	}
}

func TestNothingIsTracedByNil(t *testing.T) {
	var none *Provider
	if none.Tracer() != nil || none.Source() != nil || none.Close(t.Context()) != nil {
		t.Error("something comes of nothing")
	}
}
