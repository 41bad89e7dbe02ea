package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go. All are needed.
type Options struct {
	// Collector is an http or https URL. Without a path it is that of a
	// collector whose traces go to /v1/traces.
	Collector string
	// Ratio is the share of traces that are recorded, from 0 to 1, among those
	// whose caller doesn't say.
	Ratio float64
	// Version and Instance tell this process from others.
	Version, Instance string
	Logger            *slog.Logger
	// Lost, called from one goroutine, counts spans that could not be delivered.
	Lost func(spans int)
}

// Bounds of what is kept of spans until they are delivered.
const (
	queueSpans   = 4096
	exportSpans  = 512
	exportEvery  = 2 * time.Second
	exportWithin = 5 * time.Second
	// flushWithin is how long a stop may wait for the collector.
	flushWithin = 3 * time.Second
)

// Provider makes spans and delivers them until it is closed. A nil Provider
// makes none: its Tracer and its Source are nil.
type Provider struct{ provider *sdk.TracerProvider }

// Open makes a Provider. It doesn't connect.
func Open(ctx context.Context, o Options) (*Provider, error) {
	collector, err := url.Parse(o.Collector)
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	if collector.Path == "" || collector.Path == "/" {
		collector.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(collector.String()), otlptracehttp.WithTimeout(exportWithin),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		// What can't be delivered now makes room for what comes.
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	// OTEL_RESOURCE_ATTRIBUTES may add to these, and say otherwise.
	process, err := resource.New(ctx, resource.WithAttributes(
		semconv.ServiceName("overworld"), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Instance),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe process: %w", err)
	}
	return &Provider{sdk.NewTracerProvider(
		sdk.WithResource(process),
		sdk.WithSampler(sdk.ParentBased(forCallers{sdk.TraceIDRatioBased(o.Ratio)})),
		sdk.WithBatcher(&delivery{SpanExporter: exporter, options: o},
			sdk.WithMaxQueueSize(queueSpans), sdk.WithMaxExportBatchSize(exportSpans),
			sdk.WithBatchTimeout(exportEvery), sdk.WithExportTimeout(exportWithin)),
	)}, nil
}

// Source is what adapters that take requests begin spans with.
func (p *Provider) Source() trace.TracerProvider {
	if p == nil {
		return nil
	}
	return p.provider
}

// Close delivers what is left, within its bound, and ends.
func (p *Provider) Close(ctx context.Context) error {
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	return p.provider.Shutdown(ctx)
}

// delivery keeps failures to itself: nobody could do better about them.
type delivery struct {
	sdk.SpanExporter
	options Options
	failing atomic.Bool
}

// ExportSpans logs the first failure of a row, and its end.
func (d *delivery) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := d.SpanExporter.ExportSpans(ctx, spans)
	if was := d.failing.Swap(err != nil); err != nil && !was {
		d.options.Logger.Warn("traces are not delivered", "error", err)
	} else if err == nil && was {
		d.options.Logger.Info("traces are delivered again")
	}
	if err != nil {
		d.options.Lost(len(spans))
	}
	return nil
}

// forCallers records what is done for callers when one of them is recorded.
type forCallers struct{ otherwise sdk.Sampler }

// ShouldSample decides about a span that has no parent.
func (f forCallers) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() {
			return sdk.SamplingResult{Decision: sdk.RecordAndSample, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
		}
	}
	return f.otherwise.ShouldSample(p)
}

// Description says what is sampled.
func (f forCallers) Description() string { return "ForCallers{" + f.otherwise.Description() + "}" }
