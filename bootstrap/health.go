package bootstrap

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/datastore"
)

// degradation is which parts this replica does without, as whoever notices tells.
type degradation struct {
	mu    sync.Mutex
	parts map[string]bool
}

func newDegradation() *degradation { return &degradation{parts: map[string]bool{}} }

func (d *degradation) set(part string, degraded bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parts[part] = degraded
}

func (d *degradation) is(part string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.parts[part]
}

// health finds out how the parts are.
type health struct {
	stop  context.Context // ends when the process is to stop
	store datastore.Datastore
	cache cache.Cache
	blobs blob.Store
	state *degradation
}

func newHealth(stop context.Context, store datastore.Datastore, cache cache.Cache, blobs blob.Store, state *degradation) *health {
	return &health{stop: stop, store: store, cache: cache, blobs: blobs, state: state}
}

// pingTime bounds one look at a part, so that readiness answers while one hangs.
const pingTime = time.Second

// ready asks every part at once. Only the database is needed to serve; the
// others degrade what they carry. The schema was checked at the start: replicas
// go on serving while a migration for the next version expands it.
func (h *health) ready(ctx context.Context) httpapi.Readiness {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	checks := []struct {
		name   string
		needed bool
		ping   func(context.Context) error
	}{
		{"database", true, h.store.Ping},
		{"cache", false, h.cache.Ping},
		{"blobs", false, h.blobs.Ping},
	}
	readiness := httpapi.Readiness{Ready: true, Stopping: h.stop.Err() != nil, Parts: make([]httpapi.Part, len(checks))}
	var looks sync.WaitGroup
	for i, check := range checks {
		looks.Go(func() {
			part := httpapi.Part{Name: check.name, Status: "ok"}
			if err := check.ping(ctx); err != nil {
				part.Status, part.Detail = "unavailable", "can't be reached"
			}
			readiness.Parts[i] = part
		})
	}
	looks.Wait()
	for i, check := range checks {
		if readiness.Parts[i].Status != "ok" {
			readiness.Degraded = true
			readiness.Ready = readiness.Ready && !check.needed
		}
	}
	limits := httpapi.Part{Name: "rate_limits", Status: "ok", Detail: "shared by all replicas"}
	if !h.cache.Shared() {
		limits.Detail = "counted by this process, the only one"
	}
	if h.state.is("rate_limits") {
		limits.Status, limits.Detail = "degraded", "counted by each replica for itself"
		readiness.Degraded = true
	}
	readiness.Parts = append(readiness.Parts, limits)
	return readiness
}

var degraded = prometheus.NewDesc("overworld_degraded", "1 while this replica does without the part.", []string{"part"}, nil)

var _ prometheus.Collector = (*health)(nil)

func watchHealth(metrics *prometheus.Registry, h *health) error { return metrics.Register(h) }

// Describe tells what Collect gives.
func (h *health) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- degraded }

// Collect looks at the parts whenever it is asked, so that nobody has to ask for
// readiness before the metrics tell the truth.
func (h *health) Collect(metrics chan<- prometheus.Metric) {
	for _, part := range h.ready(context.Background()).Parts {
		value := 0.0
		if part.Status != "ok" {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(degraded, prometheus.GaugeValue, value, part.Name)
	}
}
