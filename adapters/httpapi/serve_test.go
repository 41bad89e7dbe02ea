package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/limiter"
)

type echoInput struct {
	Name  string `path:"name"`
	Word  string `query:"word"`
	Count int    `query:"count"`
	Flag  bool   `query:"flag"`
	Body  struct {
		Text   string `json:"text"`
		Number int64  `json:"number,omitzero"`
	}
}

type echoOutput struct {
	Name, Word, Text string
	Number           int64
	Count            int
	Flag             bool
}

// with serves a few routes of the test's own on the fixture's use cases.
func (f *fixture) with(handle func(ctx context.Context, c *call) error) *API {
	f.t.Helper()
	f.options.Metrics = nil
	api, err := serving(f.options, []route{
		change(route{Method: "POST", Path: "/v1/echo/{name}", ID: "echo", Tag: "t", Summary: "s", Class: limits.Write}, public(), func(_ *call, out *echoOutput) *echoOutput { return out },
			func(_ context.Context, _ *call, in *echoInput, _ once.Effect[*echoOutput]) (*echoOutput, error) {
				return &echoOutput{in.Name, in.Word, in.Body.Text, in.Body.Number, in.Count, in.Flag}, nil
			}),
		define(route{Method: "GET", Path: "/v1/do", ID: "do", Tag: "t", Summary: "s"}, public(),
			func(ctx context.Context, c *call, _ *nothing) (*nothing, error) { return &nothing{}, handle(ctx, c) }),
		define(route{Method: "GET", Path: "/v1/mine", ID: "mine", Tag: "t", Summary: "s", Class: limits.Read}, runtime(player()),
			func(context.Context, *call, *nothing) (*nothing, error) { return &nothing{}, nil }),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return api
}

func TestRequestsAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes = 1 << 10; o.Limits.DocumentBytes = 1 << 10 })
	api := f.with(nil)
	post := func(target, body string, headers ...header) reply {
		return send(t, api, "POST", target, "", body, headers...)
	}

	if r := post("/v1/echo/a%20b?word=x%26y&count=7&flag=true&int64=string", `{"text":"t","number":5}`).is(200); r.Body.String() != `{"Name":"a b","Word":"x&y","Text":"t","Number":"5","Count":7,"Flag":true}` {
		t.Errorf("echo: %s", r.Body)
	}
	for _, c := range []struct {
		target, body, want string
		headers            []header
	}{
		{"?wrod=x&count=x&flag=yes&int64=no", `{"text":1,"more":2}`, "query /int64 malformed, query /count malformed, query /flag malformed, query /wrod unknown, /text wrong_type, /more unknown", nil},
		{"?word=a&word=b", `{"text":""}`, "query /word repeated", nil},
		{"?word=%00", `{"text":""}`, "query /word malformed", nil},
		{"?word=%ff", `{"text":""}`, "query /word malformed", nil},
		{"?a%2Fb~=1", `{"text":""}`, "query /a~1b~0 unknown", nil},
		{"?word=%zz", `{"text":""}`, "query  malformed", nil},
		{"?word=a;b", `{"text":""}`, "query  malformed", nil},
	} {
		if got := post("/v1/echo/n"+c.target, c.body, c.headers...).faults(http.StatusBadRequest, "request.malformed_parameter"); strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %q", c.target, got)
		}
	}
	if got := post("/v1/echo/%01", `{"text":""}`).faults(http.StatusBadRequest, "request.malformed_parameter"); strings.Join(got, ",") != "path /name malformed" {
		t.Errorf("path: %q", got)
	}
	if got := post("/v1/echo/n", `{"text":1}`).faults(http.StatusUnprocessableEntity, "request.invalid"); strings.Join(got, ",") != "/text wrong_type" {
		t.Errorf("body: %q", got)
	}
	if got := post("/v1/echo/n", "").faults(http.StatusBadRequest, "request.malformed_json"); strings.Join(got, ",") != " required" {
		t.Errorf("no body: %q", got)
	}
	secret := post("/v1/echo/n", `{"text":12345,"password":"hunter2","number":"hunter3"}`).is(http.StatusUnprocessableEntity)
	if strings.Contains(secret.Body.String(), "hunter") || strings.Contains(secret.Body.String(), "12345") {
		t.Errorf("a value is echoed: %s", secret.Body)
	}

	for _, contentType := range []string{"", "text/plain", "application/json; charset=latin1", "application/problem+json", "application/x-www-form-urlencoded", ";"} {
		post("/v1/echo/n", `{"text":""}`, header{"Content-Type", ""}, header{"Content-Type", contentType}).problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type")
	}
	post("/v1/echo/n", `{"text":""}`, header{"Content-Encoding", "gzip"}).problem(http.StatusUnsupportedMediaType, "request.unsupported_media_type")
	post("/v1/echo/n", `{"text":""}`, header{"Content-Type", ""}, header{"Content-Type", "Application/JSON; Charset=UTF-8"}).is(200)

	text := func(n int) string { return `{"text":"` + strings.Repeat("x", n-len(`{"text":""}`)) + `"}` }
	post("/v1/echo/n", text(1<<10)).is(200)
	post("/v1/echo/n", text(1<<10+1)).problem(http.StatusRequestEntityTooLarge, "request.too_large")
	for n, status := range map[int]int{1 << 10: 200, 1<<10 + 1: 413} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/echo/n", io.MultiReader(strings.NewReader(text(n))))
		r.Header.Set("Content-Type", "application/json")
		if r.ContentLength != -1 {
			t.Fatal("the length is known")
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%d bytes without a length: %d %s", n, w.Code, w.Body)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{
		"/v1", "/v1/", "/v2/players/me", "/v1/players", "/v1/players/", "/v1//players/me", "//v1/players/me", "/v1/players/me/", "/v1/players/me/documents/", "/healthz/", "/V1/limits",
		"/v1/players/me%2Fdocuments", "/v1/players/me%2fdocuments", "/v1/documents/a/b%2Fc", "/v1/documents/a/b/c", "/v1/documents/a/", "/v1/documents//b", "/v1/limits/..", "/docs/../healthz/x",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "BREW"} {
			r := f.do(method, path, f.operator, "")
			r.problem(http.StatusNotFound, "request.unknown_route")
			if r.Header().Get("Location") != "" {
				t.Errorf("%s is redirected", path)
			}
		}
	}
	for _, c := range []struct{ path, allow string }{
		{"/v1/players/me", "GET, HEAD, PATCH, OPTIONS"},
		{"/v1/documents/a/b", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{"/v1/auth/guest", "POST, OPTIONS"},
		{"/healthz", "GET, HEAD, OPTIONS"},
	} {
		r := f.do("TRACE", c.path, "", "{}")
		r.problem(http.StatusMethodNotAllowed, "request.method_not_allowed")
		options := f.do("OPTIONS", c.path, "", "").is(http.StatusNoContent)
		if r.Header().Get("Allow") != c.allow || options.Header().Get("Allow") != c.allow {
			t.Errorf("%s allows %q, %q", c.path, r.Header().Get("Allow"), options.Header().Get("Allow"))
		}
		for name := range options.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s is open to other origins: %s", c.path, name)
			}
		}
	}
	// Dots and per cent signs within a name are names, and no way out of a path.
	f.do("GET", "/v1/documents/../x", f.server, "").problem(http.StatusUnprocessableEntity, "request.invalid")
	f.do("GET", "/v1/documents/a/%2e%2e", f.server, "").problem(http.StatusUnprocessableEntity, "request.invalid")
	f.do("GET", "/v1/documents/a/%252F", f.server, "").problem(http.StatusUnprocessableEntity, "request.invalid")
	f.do("GET", "/v1/players/"+strings.ToUpper("018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f"), f.server, "").problem(http.StatusNotFound, "identity.player_not_found")
	for _, id := range []string{"me", "x", "018f4c1e7b6a7c3d9e2f0a1b2c3d4e5f", "{018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5}"} {
		if got := f.do("GET", "/v1/players/"+id, f.server, "").faults(http.StatusBadRequest, "request.malformed_parameter"); got[0] != "path /player malformed" {
			t.Errorf("%s: %q", id, got)
		}
	}
}

func TestCredentialsAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	get := func(headers ...header) reply { return f.do("GET", "/v1/players/me", "", "", headers...) }
	get(header{"Authorization", "bearer " + token}).is(200)
	for value, code := range map[string]string{
		"":                                    "auth.credential_required",
		"Bearer":                              "auth.credential_required",
		"Bearer ":                             "auth.credential_required",
		token:                                 "auth.credential_required",
		"Basic " + token:                      "auth.credential_required",
		"Bearer x" + token:                    "auth.invalid_credential",
		"Bearer " + token + "x":               "auth.invalid_access_token",
		"Bearer " + token + " " + token:       "auth.invalid_credential",
		"Bearer " + strings.Repeat("x", 9000): "auth.invalid_credential",
		"Bearer " + f.operator[:len(f.operator)-1]: "auth.invalid_credential",
		"Bearer \x00":             "auth.invalid_credential",
		"Bearer " + f.publishable: "auth.wrong_credential_kind",
		"Bearer é":                "auth.invalid_credential",
		"Bearer ow_sec_" + strings.Repeat("0", 38+1): "auth.invalid_credential",
	} {
		r := get(header{"Authorization", value})
		challenge := r.Header().Get("WWW-Authenticate")
		if code == "auth.wrong_credential_kind" {
			r.problem(http.StatusForbidden, code)
			if challenge != "" {
				t.Error("403 asks for a credential")
			}
			continue
		}
		if r.Code != http.StatusUnauthorized || !strings.HasPrefix(challenge, `Bearer realm="overworld"`) || strings.Contains(challenge, "invalid_token") != (code != "auth.credential_required") {
			t.Errorf("%.30q: %d %q %s", value, r.Code, challenge, r.Body)
		}
		if value != "Bearer "+token+"x" && r.json()["code"] != code {
			t.Errorf("%.30q: %s", value, r.Body)
		}
	}
	get(header{"Authorization", "Bearer " + token}, header{"Authorization", "Bearer " + token}).problem(http.StatusUnauthorized, "auth.credential_required")
	if logs := f.logs.String(); strings.Contains(logs, token) || strings.Contains(logs, f.operator) || strings.Contains(logs, f.publishable) {
		t.Error("a credential is in the logs")
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.Limits.Rates[limits.Read] = limits.Rates{
			PerCaller:  limiter.Rate{Limit: 1, Period: time.Second, Burst: 3},
			PerAddress: limiter.Rate{Limit: 1, Period: time.Second, Burst: 5},
		}
	})
	_, token := f.guest()
	from := func(address string) func(string) reply {
		return func(credential string) reply {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/players/me", nil)
			r.RemoteAddr = address
			r.Header.Set("Authorization", "Bearer "+credential)
			w := httptest.NewRecorder()
			f.api.ServeHTTP(w, r)
			return reply{t, w}
		}
	}
	mine := from("198.51.100.1:1000")
	first := mine(token).is(200)
	if first.Header().Get("RateLimit-Policy") != `"read";q=3;w=3` || first.Header().Get("RateLimit") != `"read";r=2;t=1` {
		t.Errorf("headers %v", first.Header())
	}
	mine(token).is(200)
	mine(token).is(200)
	over := mine(token)
	over.problem(http.StatusTooManyRequests, "limits.too_many_requests")
	if over.Header().Get("Retry-After") != "1" || over.Header().Get("RateLimit") != `"read";r=0;t=3` {
		t.Errorf("headers %v", over.Header())
	}
	f.clock.advance(time.Second)
	mine(token).is(200)

	// Guesses are counted against their address, whatever they are, and are
	// then refused before they are told whether they were right.
	_, unknown, err := tenancy.NewCredential("x", tenancy.CredentialSpec{Kind: tenancy.PublishableKey, Environment: "e", Name: "x"}, [tenancy.TokenEntropy]byte{7}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ credential, code string }{
		{"x", "auth.invalid_credential"},
		{unknown, "auth.invalid_credential"},
		{token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 86), "auth.invalid_access_token"},
	} {
		guess := from(fmt.Sprintf("203.0.113.%d:1000", 10+i))
		for range 5 {
			guess(c.credential).problem(http.StatusUnauthorized, c.code)
		}
		refused := guess(c.credential)
		refused.problem(http.StatusTooManyRequests, "limits.too_many_requests")
		if refused.Header().Get("WWW-Authenticate") != "" {
			t.Error("429 asks for a credential")
		}
	}
	// Another client isn't touched, nor is health.
	from("203.0.113.2:1000")("x").problem(http.StatusUnauthorized, "auth.invalid_credential")
	for range 20 {
		f.do("GET", "/healthz", "", "").is(200)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		api := f.with(func(ctx context.Context, _ *call) error {
			<-ctx.Done()
			return fmt.Errorf("read: %w", fault.ErrUnavailable.Because(ctx.Err()))
		})
		r := send(t, api, "GET", "/v1/do", "", "")
		r.problem(http.StatusGatewayTimeout, "service.timeout")
	})
	// A client that goes away is no fault of ours.
	ctx, cancel := context.WithCancel(t.Context())
	api := f.with(func(ctx context.Context, _ *call) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	before := f.logs.String()
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/v1/do", nil))
	logged := strings.TrimPrefix(f.logs.String(), before)
	if strings.Contains(logged, `"level":"ERROR"`) || strings.Contains(logged, `"level":"WARN"`) || !strings.Contains(logged, `"status":499`) {
		t.Errorf("logged %s", logged)
	}
}

func TestErrorsShowNothingInternal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct {
		name   string
		handle func(context.Context, *call) error
		status int
		code   string
		level  string
	}{
		{"an error", func(context.Context, *call) error { return errors.New("dial tcp hunter2") }, 500, "service.internal", "ERROR"},
		{"an internal fault", func(context.Context, *call) error {
			return fault.ErrInternal.With("hunter2").Because(errors.New("cause"))
		}, 500, "service.internal", "ERROR"},
		{"a panic", func(context.Context, *call) error { panic("hunter2") }, 500, "service.internal", "ERROR"},
		{"a part away", func(context.Context, *call) error {
			return fmt.Errorf("read: %w", fault.ErrUnavailable.Because(errors.New("hunter2")))
		}, 503, "service.unavailable", "WARN"},
	} {
		before := f.logs.String()
		r := send(t, f.with(c.handle), "GET", "/v1/do", "", "", header{"X-Request-Id", "find-me"})
		r.problem(c.status, c.code)
		if strings.Contains(r.Body.String(), "hunter2") {
			t.Errorf("%s: %s", c.name, r.Body)
		}
		if c.status == 503 && r.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: no Retry-After", c.name)
		}
		logged := strings.TrimPrefix(f.logs.String(), before)
		if strings.Count(logged, "hunter2") < 1 || strings.Count(logged, `"level":"`+c.level+`"`) != 1 || strings.Count(logged, `"request_id":"find-me"`) != 2 {
			t.Errorf("%s logged %s", c.name, logged)
		}
	}
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Error("an abort is swallowed")
			}
		}()
		send(t, f.with(func(context.Context, *call) error { panic(http.ErrAbortHandler) }), "GET", "/v1/do", "", "")
	}()
}

func TestRequestIDsAndTraces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r := f.do("GET", "/nothing", "", "", header{"X-Request-Id", "a.b:c-1"}, header{"Traceparent", trace})
	if r.Header().Get("X-Request-Id") != "a.b:c-1" || r.Header().Get("Traceparent") != trace {
		t.Errorf("headers %v", r.Header())
	}
	if logs := f.logs.String(); !strings.Contains(logs, `"request_id":"a.b:c-1"`) || !strings.Contains(logs, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("logs %s", logs)
	}
	for _, bad := range []string{"a b", "a\tb", "é", strings.Repeat("x", 129), "<b>", `"`} {
		if got := f.do("GET", "/healthz", "", "", header{"X-Request-Id", bad}).Header().Get("X-Request-Id"); got == bad || len(got) != 36 {
			t.Errorf("%q became %q", bad, got)
		}
	}
	for _, bad := range []string{trace[:54], trace + "0", strings.ToUpper(trace), "01" + trace[2:], "00-" + strings.Repeat("0", 32) + trace[35:], trace[:36] + strings.Repeat("0", 16) + trace[52:], strings.ReplaceAll(trace, "-", "_")} {
		if got := f.do("GET", "/healthz", "", "", header{"Traceparent", bad}).Header().Get("Traceparent"); got != "" {
			t.Errorf("%q is a trace", bad)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		peer    string
		forward []string
		trusted []netip.Prefix
		want    string
	}{
		{"198.51.100.1:5", nil, trusted, "198.51.100.1"},
		{"198.51.100.1:5", []string{"1.1.1.1"}, trusted, "198.51.100.1"}, // not a proxy of ours
		{"10.0.0.1:5", []string{"1.1.1.1"}, nil, "10.0.0.1"},
		{"10.0.0.1:5", nil, trusted, "10.0.0.1"},
		{"10.0.0.1:5", []string{"1.1.1.1, 2.2.2.2"}, trusted, "2.2.2.2"},
		{"10.0.0.1:5", []string{"1.1.1.1", "2.2.2.2, 10.9.9.9"}, trusted, "2.2.2.2"},
		{"10.0.0.1:5", []string{"10.1.1.1,10.2.2.2"}, trusted, "10.1.1.1"},
		{"10.0.0.1:5", []string{"2.2.2.2, nonsense, 10.2.2.2"}, trusted, "10.2.2.2"},
		{"10.0.0.1:5", []string{"2.2.2.2:80"}, trusted, "2.2.2.2"},
		{"[::1]:5", []string{"[2001:db8::1]:443"}, trusted, "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", []string{"::ffff:2.2.2.2"}, trusted, "2.2.2.2"},
		{"[fe80::1%eth0]:5", nil, trusted, "fe80::1"},
		{"@", []string{"1.1.1.1"}, trusted, "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forward
		if got := clientAddress(r, c.trusted).String(); got != c.want {
			t.Errorf("%s via %q: %s, want %s", c.peer, c.forward, got, c.want)
		}
	}
}

func TestAccessLogAndMetrics(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	player, token := f.guest()
	f.do("GET", "/v1/players/me/documents/saves/secret-name?int64=string", token, "").is(404)
	f.do("GET", "/nothing", "", "").is(404)
	lines := strings.Split(strings.TrimSpace(f.logs.String()), "\n")
	line := lines[len(lines)-2]
	for _, want := range []string{
		`"level":"INFO"`, `"msg":"request"`, `"method":"GET"`, `"route":"/v1/players/{player}/documents/{collection}/{key}"`, `"operation":"getPlayerDocument"`, `"status":404`,
		`"caller_kind":"player"`, `"caller":"` + player + `"`, `"environment_id":"` + string(f.environments[0].ID) + `"`, `"address":"192.0.2.1"`, `"duration_ms":0`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(f.logs.String(), `"signInGuest"`) {
		t.Errorf("what went well is told at INFO: %s", lines[0])
	}
	if strings.Contains(line, "secret-name") {
		t.Errorf("the path is in %s", line)
	}
	for operation, class := range map[string]string{"getPlayerDocument": "4xx", "signInGuest": "2xx", "unmatched": "4xx"} {
		if got := f.counted(operation, class); got != 1 {
			t.Errorf("%s %s counted %v times", operation, class, got)
		}
	}
	if _, err := New(f.options); err == nil {
		t.Error("metrics are registered twice")
	}
}

// counted tells how many requests of an operation ended in a class.
func (f *fixture) counted(operation, class string) float64 {
	families, err := f.metrics.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := metric.GetLabel()
			if family.GetName() == "overworld_http_requests_total" && labels[0].GetValue() == class && labels[1].GetValue() == operation {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var state Readiness
	f := newFixture(t, func(o *Options) { o.Ready = func(context.Context) Readiness { return state } })
	for _, c := range []struct {
		state  Readiness
		status int
		body   string
	}{
		{Readiness{Ready: true, Parts: []Part{{Name: "database", Status: "ok"}}}, 200, `{"status":"ok","parts":[{"name":"database","status":"ok"}]}`},
		{Readiness{Ready: true, Degraded: true, Parts: []Part{{Name: "cache", Status: "unavailable", Detail: "away"}}}, 200, `{"status":"degraded","parts":[{"name":"cache","status":"unavailable","detail":"away"}]}`},
		{Readiness{Degraded: true}, 503, `{"status":"unavailable","parts":[]}`},
		{Readiness{Ready: true, Stopping: true}, 503, `{"status":"stopping","parts":[]}`},
	} {
		state = c.state
		if r := f.do("GET", "/readyz", "", "").is(c.status); r.Body.String() != c.body {
			t.Errorf("got %s", r.Body)
		}
	}
}

// Every route refuses, with the same manners, whoever is not of its audience.
func TestEveryRouteKeepsItsAudience(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	player, token := f.guest()
	scopeless := map[tenancy.Kind]string{
		tenancy.SecretKey: f.key("development", tenancy.SecretKey, tenancy.PlayersWrite), tenancy.ServerToken: f.key("development", tenancy.ServerToken, tenancy.PlayersRead),
	}
	reader := f.key("development", tenancy.SecretKey, tenancy.PlayersRead)
	holders := map[tenancy.Kind]string{tenancy.SecretKey: f.operator, tenancy.ServerToken: f.server, tenancy.PublishableKey: f.publishable, tenancy.PlayerToken: token}
	names := strings.NewReplacer("{project}", "game", "{environment}", "development", "{environment_id}", string(f.environments[0].ID), "{player}", player,
		"{collection}", "c", "{session}", "018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5e", "{key}", "018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f", "{code}", "request.invalid")
	cases := 0
	for _, r := range Routes() {
		path := names.Replace(r.Path)
		if r.Audience.Public {
			f.do(r.Method, path, "", "").is(200)
			continue
		}
		f.do(r.Method, path, "", "").problem(http.StatusUnauthorized, "auth.credential_required")
		f.do(r.Method, path, "nonsense", "").problem(http.StatusUnauthorized, "auth.invalid_credential")
		for kind, credential := range holders {
			cases++
			allowed, needs := false, tenancy.Permission("")
			for _, g := range r.Audience.Grants {
				if g.Kind == kind {
					allowed, needs = true, g.Permission
				}
			}
			if !allowed {
				f.do(r.Method, path, credential, "").problem(http.StatusForbidden, "auth.wrong_credential_kind")
				continue
			}
			if needs != "" && !(kind == tenancy.ServerToken && needs == tenancy.PlayersRead) {
				without := scopeless[kind]
				if needs == tenancy.PlayersWrite {
					without = reader
				}
				f.do(r.Method, path, without, "").problem(http.StatusForbidden, "auth.scope_required")
			}
		}
		if !r.Audience.Operator {
			for _, g := range r.Audience.Grants {
				if g.Kind == tenancy.SecretKey {
					f.do(r.Method, path, f.whole, "").problem(http.StatusForbidden, "tenancy.environment_required")
				}
			}
		}
	}
	if cases < 80 {
		t.Errorf("only %d cases", cases)
	}
}
