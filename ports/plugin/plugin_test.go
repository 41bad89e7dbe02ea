package plugin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/plugin"
)

func TestRedactHidesSecretsAndNothingElse(t *testing.T) {
	for address, want := range map[string]string{
		"memory://": "memory://",
		"sqlite:///var/lib/overworld/overworld.db":               "sqlite:///var/lib/overworld/overworld.db",
		"redis://cache:6379?prefix=ow:&db=1":                     "redis://cache:6379?prefix=ow:&db=1",
		"postgres://user@db/overworld":                           "postgres://user@db/overworld",
		"postgres://user:hunter2@db/overworld?sslmode=require":   "postgres://user:xxxxx@db/overworld?sslmode=require",
		"postgres://db/overworld?user=u&password=hunter2":        "postgres://db/overworld?password=xxxxx&user=u",
		"s3://KEY:hunter2@host/bucket?session_token=hunter2":     "s3://KEY:xxxxx@host/bucket?session_token=xxxxx",
		"postgres://user:hunter2@db:port-that-is-none/overworld": "(not a URL)",
	} {
		if got := plugin.Redact(address); got != want {
			t.Errorf("Redact(%q) = %q, want %q", address, got, want)
		}
	}
}

var errDown = errors.New("down")

func registry() *plugin.Registry {
	return plugin.NewRegistry(func(r *plugin.Registry) {
		for _, scheme := range []string{"memory", "redis"} {
			r.Caches.Handle(scheme, func(context.Context, *url.URL, plugin.Kit) (cache.Cache, error) { return nil, errDown })
		}
	})
}

func TestOpenSaysWhatItKnowsAndNeverAPassword(t *testing.T) {
	kit := plugin.Kit{Logger: slog.New(slog.DiscardHandler)}
	for address, words := range map[string][]string{
		"memcached://u:hunter2@host": {"cache memcached://u:xxxxx@host", `unknown scheme "memcached"`, "memory://, redis://"},
		"redis://u:hunter2@h:port":   {"cache: not a URL"},
		"redis://u:hunter2@host":     {"open cache redis://u:xxxxx@host: down"},
	} {
		_, err := registry().Caches.Open(t.Context(), address, kit)
		if err == nil {
			t.Fatalf("%s opens", address)
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v does not say %q", err, word)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v shows a password", err)
		}
	}
	if err := registry().Caches.Check("redis://host"); err != nil {
		t.Error(err)
	}
}

func TestTwoPluginsForOneSchemeIsAMistakeOfMain(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second one took over")
		}
	}()
	registry().Caches.Handle("redis", nil)
}
