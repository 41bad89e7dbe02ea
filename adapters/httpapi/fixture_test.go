package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/overworldhq/overworld/adapters/argon2"
	"github.com/overworldhq/overworld/adapters/blobstore"
	"github.com/overworldhq/overworld/adapters/cron"
	"github.com/overworldhq/overworld/adapters/jsonschema"
	"github.com/overworldhq/overworld/adapters/jwt"
	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/adapters/sqlstore/sqlite"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/bootstrap/tracing"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

// movable is a clock that a test moves.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

func (m *movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *movable) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// fixture is the API over the real use cases, on SQLite and the cache in process.
type fixture struct {
	t       *testing.T
	api     *API
	options Options
	app     *compose.App
	clock   *movable
	store   datastore.Datastore
	logs    *lockedBuffer
	metrics *prometheus.Registry
	blobs   blob.Store
	mail    composetest.Mailbox

	environments []tenancy.Environment
	operator     string // secret key of development, with all scopes
	whole        string // secret key of the project, with all scopes
	publishable  string
	server       string // server token, with all scopes
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newFixture makes one project, game, with its three environments.
func newFixture(t *testing.T, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &movable{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}, logs: &lockedBuffer{}, metrics: prometheus.NewRegistry()}
	logger := slog.New(tracing.Log(slog.NewJSONHandler(f.logs, nil)))
	kit := plugin.Kit{Logger: logger, Clock: f.clock}
	registry := plugin.NewRegistry(sqlite.Plugin, memory.Plugin)
	store, err := registry.Databases.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "game.db"), kit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine, err := registry.Caches.Open(t.Context(), "memory://", kit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })

	f.store = store
	if f.blobs, err = plugin.NewRegistry(blobstore.Plugin).Blobs.Open(t.Context(), "file://"+t.TempDir(), kit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.blobs.Close() })

	f.options = Options{
		Limits: limits.Default(), Vault: system.NewVault([32]byte{1}), IDs: system.IDs{}, Clock: f.clock, Logger: logger,
		Version: "test", Metrics: f.metrics, Ready: func(context.Context) Readiness { return Readiness{Ready: true} },
	}
	for _, one := range change {
		one(&f.options)
	}
	f.app = compose.New(compose.Ports{
		Store: store, Limiter: engine.Limiter(), Revocations: engine.Revocations(), Ranks: engine.Ranks(), Blobs: f.blobs, Tokens: jwt.Tokens{}, JoinTickets: jwt.Tickets{}, Manifests: jwt.Manifests{}, Clock: f.clock, IDs: system.IDs{},
		Random: system.Random{}, Vault: f.options.Vault, Issuer: "https://game.example", Schemas: jsonschema.Compiler{}, Calendar: cron.Reader{}, Limits: f.options.Limits,
		Passwords: argon2.New(argon2.Parameters{Memory: 64, Time: 1, Threads: 1}, system.Random{}), Mail: &f.mail, MailFrom: "game@example.com",
	})
	o := &f.options
	o.Authenticator, o.SignIn, o.Players, o.Documents = f.app.Authenticator, f.app.SignIn, f.app.Players, f.app.Documents
	o.Operators, o.Throttle, o.Jobs = f.app.Operators, f.app.Throttle, f.app.Jobs
	o.Ledger, o.Directory, o.Leaderboards, o.Servers, o.Configs = f.app.Ledger, f.app.Directory, f.app.Leaderboards, f.app.Servers, f.app.Configs
	if f.api, err = New(*o); err != nil {
		t.Fatal(err)
	}
	made, err := f.app.Operators.CreateProject(t.Context(), tenancy.Local("test"), "game", "Game", operators.FirstCredentials{})
	if err != nil {
		t.Fatal(err)
	}
	f.environments = made.Environments
	f.operator = f.key("development", tenancy.SecretKey, tenancy.Everything)
	f.whole = f.key("", tenancy.SecretKey, tenancy.Everything)
	f.publishable = f.key("development", tenancy.PublishableKey)
	f.server = f.key("development", tenancy.ServerToken, tenancy.Everything)
	return f
}

// key makes a credential of an environment, or with none of the project.
func (f *fixture) key(environment string, kind tenancy.Kind, scopes ...tenancy.Permission) string {
	f.t.Helper()
	place := operators.Place{Project: "game", Environment: environment}
	_, token, err := f.app.Operators.CreateCredential(f.t.Context(), tenancy.Local("test"), place, tenancy.CredentialSpec{Kind: kind, Name: "test", Scopes: scopes})
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// reply is what came back.
type reply struct {
	t *testing.T
	*httptest.ResponseRecorder
}

// header adds to a request; see do.
type header [2]string

// do sends a request and holds the reply against the OpenAPI document. A body
// that is not empty is sent as JSON.
func (f *fixture) do(method, target, credential, body string, headers ...header) reply {
	f.t.Helper()
	r := send(f.t, f.api, method, target, credential, body, headers...)
	f.documented(r, method, target)
	return r
}

func send(t *testing.T, h http.Handler, method, target, credential, body string, headers ...header) reply {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	for _, h := range headers {
		if h[1] == "" {
			r.Header.Del(h[0])
			continue
		}
		r.Header.Add(h[0], h[1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{t, w}
}

// is insists on a status.
func (r reply) is(status int) reply {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d, want %d: %s", r.Code, status, r.Body)
	}
	return r
}

// problem insists on a status and a code, and gives the problem.
func (r reply) problem(status int, code string) map[string]any {
	r.t.Helper()
	r.is(status)
	if got := r.Header().Get("Content-Type"); got != "application/problem+json" {
		r.t.Errorf("Content-Type %q", got)
	}
	members := r.json()
	if members["code"] != code {
		r.t.Fatalf("code %v, want %s: %s", members["code"], code, r.Body)
	}
	if members["type"] != "/problems/"+code || members["status"] != json.Number(itoa(status)) || members["request_id"] != r.Header().Get("X-Request-Id") {
		r.t.Errorf("problem %v", members)
	}
	return members
}

// faults insists on a problem and gives its errors as "in pointer code".
func (r reply) faults(status int, code string) []string {
	r.t.Helper()
	var list []string
	errors, _ := r.problem(status, code)["errors"].([]any)
	for _, one := range errors {
		field := one.(map[string]any)
		line := field["pointer"].(string) + " " + field["code"].(string)
		if in, ok := field["in"].(string); ok {
			line = in + " " + line
		}
		list = append(list, line)
	}
	return list
}

func (r reply) json() map[string]any {
	r.t.Helper()
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(r.Body.Bytes()))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		r.t.Fatalf("%v: %s", err, r.Body)
	}
	return members
}

func (r reply) text(member string) string {
	r.t.Helper()
	s, ok := r.json()[member].(string)
	if !ok {
		r.t.Fatalf("no text %s in %s", member, r.Body)
	}
	return s
}

// guest signs a new guest in and gives his id and access token.
func (f *fixture) guest() (id, token string) {
	f.t.Helper()
	r := f.do("POST", "/v1/auth/guest", f.publishable, "{}").is(http.StatusCreated)
	return r.text("player_id"), r.text("access_token")
}

func itoa(n int) string { return string(json.Number(mustJSON(n))) }

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
