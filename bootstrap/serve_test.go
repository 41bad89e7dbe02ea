package bootstrap

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/ports/plugin"
)

func embedded(t *testing.T, arguments ...string) *config.Config {
	t.Helper()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags)
	arguments = append([]string{"--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}, arguments...)
	if err := flags.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(flags, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTheGraphIsWhole finds a missing constructor or a cycle without starting anything.
func TestTheGraphIsWhole(t *testing.T) {
	graph := server(t.Context(), embedded(t), plugin.NewRegistry(all.Plugins()...), slog.New(slog.DiscardHandler), io.Discard, make(chan error))
	if err := fx.ValidateApp(graph); err != nil {
		t.Fatal(err)
	}
}

// running is a whole server.
type running struct {
	address, greeting string
	ask               func() // it to stop
	ended             chan error
}

func serving(t *testing.T, c *config.Config) *running {
	t.Helper()
	ctx, ask := context.WithCancel(t.Context())
	out, told := io.Pipe()
	r := &running{ask: ask, ended: make(chan error, 1)}
	go func() {
		err := serve(ctx, c, plugin.NewRegistry(all.Plugins()...), told, io.Discard)
		told.CloseWithError(io.EOF)
		r.ended <- err
	}()
	r.address, r.greeting = awaitAddress(t, out)
	return r
}

// stop ends it, and tells how that went.
func (r *running) stop() error {
	r.ask()
	return <-r.ended
}

// TestServeStopsWithoutTrace starts a whole server and stops it, again and
// again on one data folder: nothing may be left running or locked.
func TestServeStopsWithoutTrace(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := embedded(t)
	for round := range 4 {
		server := serving(t, c)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		reply, err := client.Get("http://" + server.address + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			t.Errorf("readyz answers %s", reply.Status)
		}
		if first := strings.Contains(server.greeting, "ow_sec_"); first != (round == 0) {
			t.Errorf("round %d: credentials shown: %t", round, first)
		}
		if err := server.stop(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// TestAStoppingServerServesOn until it is drained, and says meanwhile that it
// will be gone.
func TestAStoppingServerServesOn(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server := serving(t, embedded(t, "--drain-seconds", "2"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ask := func(path string, status int, body string, last bool) {
		t.Helper()
		reply, err := (&http.Client{Transport: transport}).Get("http://" + server.address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		if err != nil || reply.StatusCode != status || !strings.Contains(string(text), body) || reply.Close != last {
			t.Errorf("%s: %s %s, close %t, %v", path, reply.Status, text, reply.Close, err)
		}
	}
	var said strings.Builder
	healthy := func() error { return checkHealth(t.Context(), "http://"+server.address+"/readyz", &said) }
	ask("/readyz", http.StatusOK, `"status":"ok"`, false)
	if err := healthy(); err != nil || !strings.Contains(said.String(), `"status":"ok"`) {
		t.Errorf("overworld health: %v, %s", err, &said)
	}
	server.ask()
	if err := healthy(); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("overworld health of a stopping server: %v", err)
	}
	ask("/readyz", http.StatusServiceUnavailable, `"status":"stopping"`, true)
	ask("/healthz", http.StatusOK, `"status":"ok"`, true)
	if err := <-server.ended; err != nil {
		t.Fatal(err)
	}
	if reply, err := (&http.Client{Transport: transport}).Get("http://" + server.address + "/healthz"); err == nil {
		reply.Body.Close()
		t.Error("it still listens")
	}
	if err := healthy(); err == nil {
		t.Error("overworld health is content without a server")
	}
}

// TestASecondServerIsRefused on the same data, and the first is not disturbed.
func TestASecondServerIsRefused(t *testing.T) {
	c := embedded(t)
	first := serving(t, c)
	if err := serve(t.Context(), c, plugin.NewRegistry(all.Plugins()...), io.Discard, io.Discard); err == nil {
		t.Error("a second server started on the same data")
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestProfilesAreServedOnlyWhenAskedFor(t *testing.T) {
	for argument, want := range map[string]int{"--pprof=false": http.StatusNotFound, "--pprof=true": http.StatusOK} {
		reply := httptest.NewRecorder()
		telemetry(embedded(t, argument), newMetrics()).ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "/debug/pprof/goroutine?debug=1", nil))
		if reply.Code != want {
			t.Errorf("%s: %d", argument, reply.Code)
		}
	}
}

func TestMasterKeyIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	first, err := keptMasterKey(path, newRandom())
	if err != nil {
		t.Fatal(err)
	}
	second, err := keptMasterKey(path, newRandom())
	if err != nil || first != second {
		t.Fatalf("the key changed: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v, %v", info.Mode(), err)
	}
}

var listening = regexp.MustCompile(`listens on http://([^,\s]+)`)

// awaitAddress reads what a server prints until it says where it listens.
func awaitAddress(t *testing.T, out *io.PipeReader) (address, greeting string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		greeting += lines.Text() + "\n"
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, out)
			return found[1], greeting
		}
	}
	t.Fatalf("the server ended without listening; it said:\n%s", greeting)
	return "", ""
}
