package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

const webPage = "https://play.example.com"

func origin(o string) header { return header{"Origin", o} }

// readable insists on which origin may read the reply; "" is none.
func (r reply) readable(by string) reply {
	r.t.Helper()
	if got := strings.Join(r.Header().Values("Access-Control-Allow-Origin"), " & "); got != by {
		r.t.Errorf("%d may be read by %q, want %q", r.Code, got, by)
	}
	if by != "" && r.Code != http.StatusNoContent {
		for _, name := range []string{"ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "Idempotency-Replayed"} {
			if !strings.Contains(r.Header().Get("Access-Control-Expose-Headers"), name) {
				r.t.Errorf("%s is hidden", name)
			}
		}
	}
	if r.Header().Get("Access-Control-Allow-Credentials") != "" {
		r.t.Error("cookies are allowed")
	}
	return r
}

func TestPagesCallFromListedOrigins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const settings = "/v1/projects/game/environments/development"
	guest := func(o string) reply {
		return f.do("POST", "/v1/auth/guest", f.publishable, mySecret, origin(o))
	}
	guest(webPage).readable("").problem(http.StatusForbidden, "request.origin_not_allowed")
	f.do("PATCH", settings, f.operator, `{"settings":{"cors_origins":["https://play.example.com","http://localhost:8000"]}}`).is(http.StatusOK)

	// Had the refused one made the player, this would be 200.
	in := guest(webPage).readable(webPage).is(http.StatusCreated)
	if in.Header().Get("Vary") != "Origin" {
		t.Errorf("Vary %q", in.Header().Get("Vary"))
	}
	guest("http://localhost:8000").readable("http://localhost:8000").is(http.StatusOK)
	for _, other := range []string{"https://play.example.com.evil.example", "http://play.example.com", "https://play.example.com:444", "null", "https://localhost:8000", "%"} {
		guest(other).readable("").problem(http.StatusForbidden, "request.origin_not_allowed")
	}
	f.do("POST", "/v1/auth/guest", f.publishable, mySecret, origin(webPage), origin("http://localhost:8000")).readable("").problem(http.StatusForbidden, "request.origin_not_allowed")
	// Not a webPage, and a page of the server's own.
	f.do("POST", "/v1/auth/guest", f.publishable, mySecret).readable("").is(http.StatusOK)
	guest("https://example.com").readable("").is(http.StatusOK) // httptest's host

	// Whatever is answered after that is the page's to read, refusals too.
	token := in.text("access_token")
	f.do("GET", "/v1/players/me/documents/saves/one", token, "", origin(webPage)).readable(webPage).is(http.StatusNotFound)
	f.do("GET", "/v1/players/me", f.publishable, "", origin(webPage)).readable(webPage).is(http.StatusForbidden)

	// Another environment's list is another; a project's key has none.
	f.do("GET", settings, f.operator, "", origin(webPage)).readable(webPage).is(http.StatusOK)
	f.do("GET", settings, f.whole, "", origin(webPage)).readable("").problem(http.StatusForbidden, "request.origin_not_allowed")
	f.do("PATCH", settings, f.operator, `{"settings":{"cors_origins":["*"]}}`).is(http.StatusOK)
	guest("https://any.example").readable("https://any.example").is(http.StatusOK)
	f.do("GET", settings, f.whole, "", origin(webPage)).readable("").problem(http.StatusForbidden, "request.origin_not_allowed")
}

func TestPagesReadWhatIsEverybodys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.do("GET", "/v1/limits", "", "", origin(webPage)).readable("*").is(http.StatusOK)
	f.do("GET", "/v1/limits", "", "").readable("*").is(http.StatusOK) // a cache may keep it for both
	f.do("GET", "/v1/nowhere", "", "", origin(webPage)).readable("*").is(http.StatusNotFound)
	f.do("GET", "/v1/players/me", "", "", origin(webPage)).readable("*").is(http.StatusUnauthorized)
	f.do("GET", "/v1/players/me", "ow_pub_wrong", "", origin(webPage)).readable("*").is(http.StatusUnauthorized)
}

func TestBrowsersAskFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	asked := f.do("OPTIONS", "/v1/players/me/documents/saves/one", "", "", origin(webPage), header{"Access-Control-Request-Method", "PUT"}).is(http.StatusNoContent).readable("*")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if !strings.Contains(asked.Header().Get("Access-Control-Allow-Methods"), method) {
			t.Errorf("methods %q", asked.Header().Get("Access-Control-Allow-Methods"))
		}
	}
	for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id"} {
		if !strings.Contains(asked.Header().Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s can't be sent", name)
		}
	}
	if asked.Header().Get("Access-Control-Max-Age") == "" {
		t.Error("it is asked each time")
	}
	if plain := f.do("OPTIONS", "/v1/players/me", "", ""); plain.Header().Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("nobody asked: %v", plain.Header())
	}
	f.do("OPTIONS", "/v1/nowhere", "", "", origin(webPage), header{"Access-Control-Request-Method", "PUT"}).is(http.StatusNotFound).readable("")
}
