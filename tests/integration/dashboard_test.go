package integration

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
	"github.com/overworldhq/overworld/tests/servers"
)

var (
	metricNames = regexp.MustCompile(`\b(overworld|process|go)_[a-z0-9_]+`)
	sampleNames = regexp.MustCompile(`(?m)^([a-z_0-9]+)[{ ]`)
)

// TestTheDashboardShowsWhatThereIs compares the names in the dashboard's queries
// with those that a replica tells.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Production(t))
	player, _ := w.player(t)
	player.Do(t, "PUT", "/v1/players/me/documents/saves/one", object{"value": object{}}).Want(t, 201)
	w.arena(t, "arena", 4)

	root, err := servers.Root()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "grafana", "overworld.json"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"expr"`) || strings.Contains(line, `"query"`) {
			for _, name := range metricNames.FindAllString(line, -1) {
				named[name] = true
			}
		}
	}
	if len(named) < 20 {
		t.Fatalf("the dashboard has only %d metrics", len(named))
	}
	var missing []string
	complete := func() bool { // a job's metrics are there when it ran first
		told := map[string]bool{}
		for _, r := range w.replicas() {
			for _, found := range sampleNames.FindAllStringSubmatch(r.Metrics(), -1) {
				told[found[1]] = true
			}
		}
		missing = missing[:0]
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if !told[name] {
				missing = append(missing, name)
			}
		}
		return len(missing) == 0
	}
	defer func() {
		if t.Failed() {
			t.Logf("not told: %v", missing)
		}
	}()
	harness.Eventually(t, patience, "replica that tells every metric of the dashboard", complete)
	if value := metricOf(w.first.Metrics(), "overworld_cache_up"); value != "1" {
		t.Errorf("overworld_cache_up is %q", value)
	}
	if value := metricOf(w.first.Metrics(), `overworld_database_connections_max{pool="all"}`); value == "" || value == "0" {
		t.Errorf("the pool has at most %q connections", value)
	}
	if value := metricOf(w.first.Metrics(), "overworld_document_writes_total"); value != "1" {
		t.Errorf("one document was written, not %q", value)
	}
}

// metricOf is the value of a metric; "" when there is none.
func metricOf(metrics, name string) string {
	for line := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
