package integration

import (
	"bytes"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/bootstrap/tour"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestTheTourPlaysOnReplicas plays it where each request goes to another replica than the one before.
func TestTheTourPlaysOnReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Production(t))
	var targets []*url.URL
	for _, r := range w.replicas() {
		target, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	var turn atomic.Uint64
	balancer := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(targets[turn.Add(1)%uint64(len(targets))])
	}})
	defer balancer.Close()
	var page bytes.Buffer
	err := tour.Play(t.Context(), &page, tour.Options{
		URL: balancer.URL, PublishableKey: w.project.Publishable[env], ServerToken: w.project.Server[env], SecretKey: w.project.Secret,
		ForeignKey: w.project.Publishable["production"],
	})
	if err != nil || strings.Contains(page.String(), "Left out") {
		t.Errorf("%v\n%s", err, page.String())
	}
}
