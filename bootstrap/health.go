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

// degradation is which parts this replica does without at the moment.
type degradation struct {
	gauge *prometheus.GaugeVec
	mu    sync.Mutex
	parts map[string]bool
}

func newDegradation(metrics *prometheus.Registry) *degradation {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "overworld_degraded", Help: "1 while this replica does without the part.",
	}, []string{"part"})
	metrics.MustRegister(gauge)
	for _, part := range []string{"database", "cache", "blobs", "rate_limits"} {
		gauge.WithLabelValues(part).Set(0)
	}
	return &degradation{gauge: gauge, parts: map[string]bool{}}
}

func (d *degradation) set(part string, degraded bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parts[part] = degraded
	value := 0.0
	if degraded {
		value = 1
	}
	d.gauge.WithLabelValues(part).Set(value)
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
			err := check.ping(ctx)
			if err != nil {
				part.Status, part.Detail = "unavailable", "can't be reached"
			}
			h.state.set(check.name, err != nil)
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
