package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
)

// mailed delivers what waits and gives the code in the one mail that came of it.
func (f *fixture) mailed() string {
	f.t.Helper()
	if err := f.app.Outbox.Deliver(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	taken := f.mail.Take()
	if len(taken) != 1 {
		f.t.Fatalf("%d mails", len(taken))
	}
	return composetest.Code(taken[0])
}

// ask asks for a code and gives what proves the address.
func (f *fixture) ask(path, credential, body string) map[string]any {
	f.t.Helper()
	issued := f.do("POST", path, credential, body).is(http.StatusAccepted).json()
	return map[string]any{"ticket": issued["ticket"], "code": f.mailed()}
}

func TestOperatorsFindAPlayerByEmail(t *testing.T) {
	f := newFixture(t)
	proof := f.ask("/v1/auth/email/register", f.publishable, `{"email":"Ada@example.com","password":"correct horse"}`)
	id := f.do("POST", "/v1/auth/email/verify", f.publishable, mustJSON(proof)).is(http.StatusCreated).json()["player_id"].(string)
	search := func(email string) reply { return f.do("GET", operatedPlayers+"?email="+email, f.operator, "") }
	if found := search("ada@EXAMPLE.com").is(http.StatusOK).Body.String(); !strings.Contains(found, `"id":"`+id+`"`) {
		t.Errorf("found %s", found)
	}
	if found := search("bob@example.com").is(http.StatusOK).Body.String(); !strings.Contains(found, `"items":[]`) {
		t.Errorf("found %s", found)
	}
	search("ada").problem(http.StatusBadRequest, "request.malformed_parameter")
	search("ada@example.com&handle=ada").problem(http.StatusBadRequest, "request.malformed_parameter")
	if one := f.do("GET", operatedPlayers+"/"+id, f.operator, "").is(http.StatusOK).Body.String(); !strings.Contains(one, `"logins":[{"method":"email","email":"Ada@example.com","created_at":`) || strings.Contains(one, "argon2") {
		t.Errorf("shown %s", one)
	}
	if logged := strings.ToLower(f.logs.String()); strings.Contains(logged, "ada@example.com") {
		t.Errorf("the log names the address: %s", logged)
	}
}

func TestALoginSentAgainIsOneSession(t *testing.T) {
	f := newFixture(t)
	proof := f.ask("/v1/auth/email/register", f.publishable, `{"email":"ada@example.com","password":"correct horse"}`)
	f.do("POST", "/v1/auth/email/verify", f.publishable, mustJSON(proof)).is(http.StatusCreated)
	login := func(password string) reply {
		return f.do("POST", "/v1/auth/email/login", f.publishable, mustJSON(map[string]any{"email": "ada@example.com", "password": password}), header{keyHeader, "once"})
	}
	login("a wrong one").problem(http.StatusUnauthorized, "identity.wrong_credentials")
	first, again := login("correct horse").is(http.StatusOK), login("correct horse").is(http.StatusOK)
	if first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %s, again %s", first.Body, again.Body)
	}
	login("a wrong one").problem(http.StatusUnprocessableEntity, "idempotency.mismatch")
}

// Bodies hold passwords, and fingerprints of them are stored.
func TestAFingerprintIsNoPlainHash(t *testing.T) {
	of := func(key string) [32]byte {
		c := &call{api: &API{fingerprints: []byte(key)}, r: httptest.NewRequest("POST", "/v1/auth/email/login", nil), raw: []byte(`{"password":"correct horse"}`)}
		return c.fingerprint()
	}
	if of("one") == of("another") {
		t.Error("a fingerprint does not depend on the installation's key")
	}
}
