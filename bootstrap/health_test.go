package bootstrap

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/ports/plugin"
)

// later is a clock that is moved by hand.
type later struct{ moment time.Time }

func (l *later) Now() time.Time { return l.moment }

// TestMetricsTellWhatIsMissing never asks for readiness.
func TestMetricsTellWhatIsMissing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	registry := plugin.NewRegistry(all.Plugins()...)
	kit := plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}}
	store, err := registry.Databases.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(folder, "o.db")), kit)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	cache, err := registry.Caches.Open(t.Context(), "memory://", kit)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	blobs, err := registry.Blobs.Open(t.Context(), "file://"+filepath.ToSlash(filepath.Join(folder, "blobs")), kit)
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	metrics, state, now := prometheus.NewRegistry(), newDegradation(), &later{}
	if err := watchHealth(metrics, newHealth(healthIn{Stop: context.Background(), Store: store, Cache: cache, Blobs: blobs, State: state, Clock: now})); err != nil {
		t.Fatal(err)
	}
	told := func(what string, missing ...string) {
		t.Helper()
		now.moment = now.moment.Add(recent.Fresh)
		found, err := metrics.Gather()
		if err != nil || len(found) != 1 || found[0].GetName() != "overworld_degraded" {
			t.Fatalf("%s: %v, %v", what, found, err)
		}
		parts := map[string]float64{}
		for _, one := range found[0].GetMetric() {
			parts[one.GetLabel()[0].GetValue()] = one.GetGauge().GetValue()
		}
		want := map[string]float64{"database": 0, "cache": 0, "blobs": 0, "rate_limits": 0}
		for _, part := range missing {
			want[part] = 1
		}
		for part, value := range want {
			if got, ok := parts[part]; !ok || got != value {
				t.Errorf("%s: %s is %v", what, part, got)
			}
		}
	}
	told("at first")
	state.set("rate_limits", true)
	told("with limits of its own", "rate_limits")
	state.set("rate_limits", false)
	told("at last")
	if err := os.RemoveAll(filepath.Join(folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	told("without the objects", "blobs")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	told("without the database", "blobs", "database")
}
