package bootstrap

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
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

type healthIn struct {
	fx.In

	Stop  context.Context // ends when the process is to stop
	Store datastore.Datastore
	Cache cache.Cache
	Blobs blob.Store
	State *degradation
	Clock clock.Clock
}

// health finds out how the parts are.
type health struct {
	in healthIn
	// looks keeps the last one for a moment: anybody may ask for readiness, as often as he likes.
	looks recent.Values[struct{}, []httpapi.Part]
}

func newHealth(in healthIn) *health { return &health{in: in} }

// pingTime bounds one look at a part, so that readiness answers while one hangs.
const pingTime = time.Second

// needed are the parts without which nothing is served; the others degrade what they carry.
var needed = map[string]bool{"database": true}

// ready tells how the parts were when they were last looked at, within recent.Fresh. The schema was
// checked at the start: replicas go on serving while a migration for the next version expands it.
func (h *health) ready(ctx context.Context) httpapi.Readiness {
	readiness := httpapi.Readiness{Ready: true, Stopping: h.in.Stop.Err() != nil}
	parts, err := h.looks.Get(ctx, struct{}{}, h.in.Clock.Now(), h.look)
	if err != nil {
		parts = []httpapi.Part{{Name: "database", Status: "unavailable", Detail: "not known in time"}}
	}
	for _, part := range parts {
		if part.Status != "ok" {
			readiness.Degraded = true
			readiness.Ready = readiness.Ready && !needed[part.Name]
		}
	}
	limits := httpapi.Part{Name: "rate_limits", Status: "ok", Detail: "shared by all replicas"}
	if !h.in.Cache.Shared() {
		limits.Detail = "counted by this process, the only one"
	}
	if h.in.State.is("rate_limits") {
		limits.Status, limits.Detail = "degraded", "counted by each replica for itself"
		readiness.Degraded = true
	}
	readiness.Parts = append(slices.Clip(parts), limits)
	return readiness
}

// look asks every part at once.
func (h *health) look(ctx context.Context) ([]httpapi.Part, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	checks := []struct {
		name string
		ping func(context.Context) error
	}{{"database", h.in.Store.Ping}, {"cache", h.in.Cache.Ping}, {"blobs", h.in.Blobs.Ping}}
	parts := make([]httpapi.Part, len(checks))
	var looks sync.WaitGroup
	for i, check := range checks {
		looks.Go(func() {
			parts[i] = httpapi.Part{Name: check.name, Status: "ok"}
			if err := check.ping(ctx); err != nil {
				parts[i].Status, parts[i].Detail = "unavailable", "can't be reached"
			}
		})
	}
	looks.Wait()
	return parts, nil
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
