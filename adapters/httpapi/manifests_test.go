package httpapi

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A manifest is of what the same caller gets, and of nothing else.
func TestAManifestIsOfWhatTheCallerGets(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	hash := f.push(`{"drop":1}`)
	f.activate("gameplay", `{"rules":[{"bundle":"`+hash+`","platforms":["ios"]}]}`)
	f.do("PUT", configsAt+"/servers", f.operator, `{"readers":"server"}`).is(http.StatusCreated)
	f.activate("servers", `{"bundle":"`+hash+`"}`)
	gameplay := `{"config":"gameplay","release":1,"sha256":"` + hash + `","size":10,"content_type":"application/json"}`
	for _, c := range []struct{ credential, query, want string }{
		{player, "", "[]"},
		{player, "?platform=ios", "[" + gameplay + "]"},
		{f.server, "?platform=ios&config=gameplay", "[" + gameplay + "]"},
		{f.server, "", "[" + strings.Replace(gameplay, "gameplay", "servers", 1) + "]"},
		{f.publishable, "?platform=ios", "[]"},
	} {
		r := f.do("GET", "/v1/config/manifest"+c.query, c.credential, "").is(http.StatusOK)
		_, payload, _ := strings.Cut(r.text("manifest"), ".")
		payload, _, _ = strings.Cut(payload, ".")
		claims, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil || !strings.HasSuffix(string(claims), `"configs":`+c.want+"}") {
			t.Errorf("%q: %s, %v", c.query, claims, err)
		}
		if want := f.clock.Now().Add(24 * time.Hour).Format(time.RFC3339); r.text("expires_at") != want {
			t.Errorf("expires at %s, not %s", r.text("expires_at"), want)
		}
	}
	f.do("GET", "/v1/config/manifest?wait=1", player, "").faults(http.StatusBadRequest, "request.malformed_parameter")
	f.do("GET", "/v1/config/manifest", f.operator, "").problem(http.StatusForbidden, "auth.wrong_credential_kind")
}
