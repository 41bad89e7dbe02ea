package integration

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
	"github.com/overworldhq/overworld/tests/servers"
)

// TestFirstStart starts with nothing configured but where to put things.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	stack := harness.Embedded(t)
	first := stack.Serve(t)
	project := harness.ReadCredentials("my-game", first.Output())
	if project.Secret == "" || len(project.Publishable) != 3 || len(project.Server) != 3 {
		t.Fatalf("the first start printed:\n%s", first.Output())
	}
	grant := first.Client(project.Publishable["production"]).Guest(t)
	player := first.Client(grant.AccessToken)
	player.Do(t, "PUT", savePath, object{"value": object{"level": 7}}).Want(t, http.StatusCreated)
	keys := first.Client("").Do(t, "GET", "/v1/environments/"+environmentID(t, first.Client(project.Secret), "my-game", "production")+"/jwks.json", nil)
	first.Stop()

	second := stack.Serve(t)
	for _, prefix := range []string{"ow_sec_", "ow_pub_", "ow_srv_"} {
		if strings.Contains(second.Output(), prefix) {
			t.Errorf("the second start shows credentials:\n%s", second.Output())
		}
	}
	d := player.At(second).Do(t, "GET", savePath, nil).Want(t, http.StatusOK).Document(t)
	if string(d.Value) != `{"level":7}` || d.Version != 1 {
		t.Errorf("after a restart: %s, version %d", d.Value, d.Version)
	}
	second.Client(project.Secret).Do(t, "GET", "/v1/projects", nil).Want(t, http.StatusOK)
	again := second.Client("").Do(t, "GET", strings.TrimPrefix(strings.Fields(keys.Request)[1], first.URL), nil).Want(t, http.StatusOK)
	if string(again.Body) != string(keys.Body) {
		t.Errorf("the signing keys changed: %s, they were %s", again.Body, keys.Body)
	}
	for _, replica := range []*harness.Replica{first, second} {
		for _, secret := range []string{project.Secret, grant.AccessToken, grant.RefreshToken, grant.DeviceSecret} {
			for _, entry := range replica.Log("") {
				for name, value := range entry {
					if text, ok := value.(string); ok && strings.Contains(text, secret) {
						t.Errorf("the log shows a secret under %s", name)
					}
				}
			}
		}
	}
}

func environmentID(t *testing.T, operator harness.Client, project, environment string) string {
	t.Helper()
	var shown struct{ ID string }
	operator.Do(t, "GET", "/v1/projects/"+project+"/environments/"+environment, nil).Want(t, http.StatusOK).Into(t, &shown)
	return shown.ID
}

// TestRefusals starts servers that must not start, and wants to be told why.
func TestRefusals(t *testing.T) {
	refused := func(t *testing.T, stack *harness.Stack, words ...string) {
		t.Helper()
		_, err := stack.TryServe(t)
		if err == nil {
			t.Fatal("it started")
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the refusal does not say %q: %v", word, err)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the refusal shows a password: %v", err)
		}
	}
	t.Run("a second server on one SQLite file", func(t *testing.T) {
		t.Parallel()
		stack := harness.Embedded(t)
		first := stack.Serve(t)
		refused(t, stack, "Another server process")
		// It was not disturbed, and a killed one leaves nothing in the way.
		first.Client("").Do(t, "GET", "/v1/limits", nil).Want(t, http.StatusOK)
		first.Kill()
		stack.Serve(t)
	})
	t.Run("a replica beside one whose cache is its own", func(t *testing.T) {
		t.Parallel()
		stack := harness.Production(t)
		alone := stack.With("CACHE=memory://").Serve(t)
		t.Run("another of its kind", func(t *testing.T) {
			t.Parallel()
			refused(t, stack.With("CACHE=memory://"), "memory://", "redis://", "revocations")
		})
		t.Run("one with a shared cache", func(t *testing.T) {
			t.Parallel()
			refused(t, stack, "memory://", "redis://", "revocations")
		})
		t.Cleanup(func() { // after both
			reply, err := alone.Readiness()
			if err != nil || reply.Status != http.StatusOK {
				t.Errorf("the first replica was disturbed: %d %v", reply.Status, err)
			}
		})
	})
	t.Run("no master key", func(t *testing.T) {
		t.Parallel()
		refused(t, harness.Production(t).With("MASTER_KEY="), "OVERWORLD_MASTER_KEY", "openssl rand")
	})
	t.Run("another master key than that of the data", func(t *testing.T) {
		t.Parallel()
		stack := harness.Embedded(t)
		stack.Serve(t).Stop()
		other := stack.With("MASTER_KEY=" + strings.Repeat("ab", 32))
		refused(t, other, "made with another", "rotate-signing --at-once")
		for _, environment := range []string{"development", "staging", "production"} {
			other.Must(t, "key", "rotate-signing", "--at-once", "--environment", environment)
		}
		other.Serve(t)
	})
	t.Run("a schema that is not there", func(t *testing.T) {
		t.Parallel()
		refused(t, harness.Production(t).With("DATABASE="+servers.Postgres(t)), "overworld migrate")
	})
	t.Run("a database that is not there", func(t *testing.T) {
		t.Parallel()
		refused(t, harness.Embedded(t).With("DATABASE=postgres://me:hunter2@127.0.0.1:1/x", "MASTER_KEY="+strings.Repeat("ab", 32)), "can't be reached")
	})
	edited := func(t *testing.T, edit func(address *url.URL)) string {
		t.Helper()
		address, err := url.Parse(harness.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		edit(address)
		return "DATABASE=" + address.String()
	}
	for name, c := range map[string]struct {
		edit func(address *url.URL)
		code string
	}{
		"a database that nobody made": {func(address *url.URL) { address.Path = "/gone" }, "3D000"},
		"a user who isn't let in":     {func(address *url.URL) { address.User = url.UserPassword("nobody", "hunter2") }, "(SQLSTATE 28"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, harness.Production(t).With(edited(t, c.edit)), "lets nobody in", "correct its user", c.code)
		})
	}
	t.Run("a database that can't be written", func(t *testing.T) {
		t.Parallel()
		readOnly := edited(t, func(address *url.URL) {
			settings := address.Query()
			settings.Set("default_transaction_read_only", "on")
			address.RawQuery = settings.Encode()
		})
		refused(t, harness.Production(t).With(readOnly), "overworld: the database can be read but not written: is it a standby", "25006")
	})
	for name, damage := range map[string]func(file []byte) []byte{
		"another file's beginning": func(file []byte) []byte { return append(bytes.Repeat([]byte("x"), 4096), file[4096:]...) },
		"half of a file":           func(file []byte) []byte { return file[:len(file)/8192*4096] },
	} {
		t.Run("a damaged database: "+name, func(t *testing.T) {
			t.Parallel()
			stack := harness.Embedded(t)
			stack.Serve(t).Stop()
			path := filepath.Join(stack.Settings["DATA"], "overworld.db")
			file, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, damage(file), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			refused(t, stack, "the database is damaged: restore it from a backup")
		})
	}
	t.Run("every fault of the configuration at once", func(t *testing.T) {
		t.Parallel()
		stack := harness.Embedded(t).With("LISTEN=here", "LOG_LEVEL=loud", "LIMITS_PAGE_ITEMS=many", "TRUSTED_PROXIES=10.0.0.0/99",
			"LIMITS_RATES_READ_CALLER=fast", "LISTN=127.0.0.1:1", "SHUTDOWN_SECONDS=0")
		refused(t, stack, "listen", "log_level", "limits.page_items", "trusted_proxies", "limits.rates.read.caller", "OVERWORLD_LISTN", "shutdown_seconds")
	})
	t.Run("limits that contradict each other", func(t *testing.T) {
		t.Parallel()
		refused(t, harness.Embedded(t).With("LIMITS_PAGE_DEFAULT=500", "LIMITS_BODY_DEPTH=1"), "limits.page_default", "limits.body_depth")
	})
	t.Run("adapters that nobody knows", func(t *testing.T) {
		t.Parallel()
		stack := harness.Embedded(t).With("DATABASE=mysql://me:hunter2@db/x", "CACHE=memcached://c", "BLOBS=ftp://f")
		refused(t, stack, "mysql", "memcached", "ftp", "sqlite", "postgres", "memory", "redis", "file", "s3")
	})
	t.Run("an address that is taken", func(t *testing.T) {
		t.Parallel()
		taken := harness.Embedded(t).Serve(t)
		refused(t, harness.Embedded(t).With("LISTEN="+strings.TrimPrefix(taken.URL, "http://")), "address already in use", "--listen")
	})
	t.Run("a data folder that can't be written", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, harness.Embedded(t).With("DATA="+file), "not a directory")
	})
}
