package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// A folder gives no links: the bytes come from the server itself.
func TestALinkWithoutLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	hash := f.push(`{"drop":1}`)
	f.activate("gameplay", `{"bundle":"`+hash+`"}`)
	const at = "/v1/config/bundle-link?config=gameplay&sha256="
	r := f.do("GET", at+hash, player, "").is(http.StatusOK)
	if want := `{"url":"/v1/config/bundle?config=gameplay&sha256=` + hash + `","sha256":"` + hash + `","size":10,"content_type":"application/json"}`; r.Body.String() != want {
		t.Errorf("%s", r.Body)
	}
	f.do("GET", at+hash, f.publishable, "").problem(http.StatusNotFound, "config.bundle_not_found")
	f.do("GET", at+strings.Repeat("0", 64), player, "").problem(http.StatusNotFound, "config.bundle_not_found")
	f.do("GET", at, player, "").problem(http.StatusNotFound, "config.bundle_not_found")
}
