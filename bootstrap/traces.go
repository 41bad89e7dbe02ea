package bootstrap

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/bootstrap/tracing"
)

// openTraces gives nil when nothing is to be traced.
func openTraces(c *config.Config, logger *slog.Logger, replica replicaID, metrics *prometheus.Registry) (*tracing.Provider, error) {
	if c.Traces == "" {
		return nil, nil
	}
	lost := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "overworld_trace_spans_lost_total", Help: "Spans that the collector didn't take.",
	})
	metrics.MustRegister(lost)
	return tracing.Open(context.Background(), tracing.Options{
		Collector: c.Traces, Ratio: c.TracesRatio, Version: version(), Instance: string(replica), Logger: logger,
		Lost: func(spans int) { lost.Add(float64(spans)) },
	})
}

// flushTraces delivers the last spans. A stop is no worse for a collector that is away.
func flushTraces(lc fx.Lifecycle, logger *slog.Logger, traces *tracing.Provider) {
	lc.Append(fx.StopHook(func(ctx context.Context) {
		if err := traces.Close(ctx); err != nil {
			logger.Warn("the last traces are lost", "error", err)
		}
	}))
}
