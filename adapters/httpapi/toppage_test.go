package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A page is encoded once for all its readers, in each of its forms; each gets a cursor of his
// own, and none a page of before a run.
func TestTopPagesAreEncodedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, adasToken := f.guest()
	bob, bobsToken := f.guest()
	for _, board := range []string{"laps", "other"} {
		f.do("POST", operatedBoards, f.operator, fmt.Sprintf(`{"id":%q}`, board)).is(http.StatusCreated)
	}
	submit := func(player string, score int) {
		t.Helper()
		f.do("POST", "/v1/leaderboards/laps/scores", f.server, fmt.Sprintf(`{"player":%q,"score":%d}`, player, score)).is(http.StatusOK)
	}
	submit(ada, 20)
	submit(bob, 10)
	const page = "/v1/leaderboards/laps/standings?limit=1"
	read := func(query, token string) reply {
		t.Helper()
		return f.do("GET", page+query, token, "").is(http.StatusOK)
	}
	without := func(r reply) string {
		body, _, _ := strings.Cut(r.Body.String(), `,"next_cursor"`)
		return body
	}
	for range 2 { // the second time it is kept
		hers, his := read("", adasToken), read("", bobsToken)
		if got := hers.ranks(ada, bob); got != "1:0:20" || without(hers) != without(his) {
			t.Errorf("%s and %s", hers.Body, his.Body)
		}
		if hers.text("next_cursor") == his.text("next_cursor") {
			t.Error("two players have one cursor")
		}
		for token, r := range map[string]reply{adasToken: hers, bobsToken: his} {
			if got := read("&cursor="+r.text("next_cursor"), token).ranks(ada, bob); got != "2:1:10" {
				t.Errorf("the next page: %s", got)
			}
		}
		if r := read("&int64=string", adasToken); !strings.Contains(r.Body.String(), `"score":"20"`) {
			t.Errorf("strings: %s", r.Body)
		}
		if got := f.do("GET", page+"0", adasToken, "").ranks(ada, bob); got != "1:0:20 2:1:10" {
			t.Errorf("a longer page: %s", got)
		}
		if got := f.do("GET", "/v1/leaderboards/other/standings?limit=1", adasToken, "").ranks(ada, bob); got != "" {
			t.Errorf("another leaderboard: %s", got)
		}
	}
	before := read("", adasToken).Header().Get("ETag")
	submit(bob, 30)
	after := read("", adasToken)
	if got := after.ranks(ada, bob); got != "1:1:30" || after.Header().Get("ETag") == before {
		t.Errorf("after a run: %s", after.Body)
	}
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`).is(http.StatusCreated)
	if got := read("", adasToken).ranks(ada, bob); got != "" {
		t.Errorf("the next season: %s", got)
	}
	if got := read("&season=1", adasToken).ranks(ada, bob); got != "1:1:30" {
		t.Errorf("the season before: %s", got)
	}
}
