package configs_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/overworldhq/overworld/adapters/blobstore"
	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/bootstrap/tracing"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// A bucket that players reach gives them a bundle's bytes itself; who may not read the bundle gets no link.
func TestALinkToTheObjectStore(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	store, err := plugin.NewRegistry(blobstore.Plugin).Blobs.Open(t.Context(), servers.S3(t)+"&links=true", plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: w.Clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w = w.Replica(func(p *compose.Ports) { p.Blobs = tracing.Blobs(store) })
	hash := push(t, w, `{"drop":1}`)
	activate(t, w, configuration.Rule{Bundle: hash})

	link, err := w.Configs.Link(t.Context(), w.Caller(t, here, tenancy.ServerToken), "gameplay", hash)
	if err != nil || !link.ExpiresAt.Equal(w.Clock.Now().Add(configs.LinkLifetime)) {
		t.Fatalf("%+v, %v", link, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK || sha256.Sum256(got) != hash || reply.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s, %v", reply.Status, got, err)
	}
	if link, err := w.Configs.Link(t.Context(), w.Caller(t, here, tenancy.PublishableKey), "gameplay", hash); !errors.Is(err, configuration.ErrBundleNotFound) {
		t.Errorf("the game before signing in: %+v, %v", link, err)
	}
}
