package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// An archive is downloaded whole, in part, and not again by whoever has it.
func TestArchives(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, _ := f.guest()
	f.do("POST", operatedBoards, f.operator, `{"id":"laps"}`).is(http.StatusCreated)
	f.do("POST", "/v1/leaderboards/laps/scores", f.server, fmt.Sprintf(`{"player":%q,"score":30}`, ada)).is(http.StatusOK)
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`).is(http.StatusCreated)
	const at = operatedBoards + "/laps/seasons/1/archive"
	f.do("GET", at, f.operator, "").problem(http.StatusNotFound, "ranking.archive_not_found")
	f.do("GET", operatedBoards+"/laps/seasons/3/archive", f.operator, "").problem(http.StatusNotFound, "ranking.season_not_found")
	f.do("GET", operatedBoards+"/none/seasons/1/archive", f.operator, "").problem(http.StatusNotFound, "ranking.season_not_found")
	f.clock.advance(time.Minute)
	for _, e := range f.environments {
		if err := errors.Join(f.app.Leaderboards.Tend(t.Context(), e, f.store.InTx), f.app.Leaderboards.Archive(t.Context(), e, f.store.InTx)); err != nil {
			t.Fatal(err)
		}
	}
	whole := f.do("GET", at, f.operator, "").is(http.StatusOK)
	sum := fmt.Sprintf("%x", sha256.Sum256(whole.Body.Bytes()))
	if h := whole.Header(); h.Get("ETag") != `"`+sum+`"` || h.Get("Content-Type") != "application/gzip" || h.Get("Content-Disposition") != `attachment; filename="laps-1.ndjson.gz"` || h.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("of hash %s: %v", sum, h)
	}
	listed := f.do("GET", "/v1/leaderboards/laps/seasons", f.server, "").is(http.StatusOK).Body.String()
	if want := fmt.Sprintf(`"archive":{"sha256":"%s","bytes":%d,"entries":1}`, sum, whole.Body.Len()); !strings.Contains(listed, want) || !strings.Contains(listed, `"state":"archived"`) {
		t.Errorf("listed %s, want %s", listed, want)
	}
	f.do("GET", at, f.operator, "", header{"If-None-Match", `"` + sum + `"`}).is(http.StatusNotModified)
	part := f.do("GET", at, f.operator, "", header{"Range", "bytes=2-9"}).is(http.StatusPartialContent)
	if got, want := part.Body.String(), whole.Body.String()[2:10]; got != want {
		t.Errorf("part %q, want %q", got, want)
	}
}

func TestRewards(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, adasToken := f.guest()
	bob, bobsToken := f.guest()
	eve, evesToken := f.guest()
	const board = `{"id":"laps","rewards":[{"from_rank":1,"to_rank":1,"payload":{ "coins" : 500 }},{"top_basis_points":5000,"payload":{"coins":100}}]}`
	made := f.do("POST", operatedBoards, f.operator, board).is(http.StatusCreated)
	if !strings.Contains(made.Body.String(), `"rewards":[{"from_rank":1,"to_rank":1,"payload":{"coins":500}},{"top_basis_points":5000,"payload":{"coins":100}}]`) {
		t.Errorf("made: %s", made.Body)
	}
	bad := f.do("POST", operatedBoards, f.operator, `{"id":"other","rewards":[{"from_rank":3,"to_rank":1,"payload":{}},{"payload":[]},{"from_rank":"1","to_rank":2,"top_basis_points":1}]}`)
	if got := bad.faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{"/rewards/2/payload required"}) {
		t.Errorf("bad: %q", got)
	}
	bad = f.do("POST", operatedBoards, f.operator, `{"id":"other","rewards":[{"from_rank":3,"to_rank":1,"payload":{}},{"payload":[]}]}`)
	if got := bad.faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{"/rewards/0/to_rank out_of_range", "/rewards/1 malformed", "/rewards/1/payload not_an_object"}) {
		t.Errorf("bad: %q", got)
	}
	for player, score := range map[string]int{ada: 30, bob: 20, eve: 10} {
		f.do("POST", "/v1/leaderboards/laps/scores", f.server, fmt.Sprintf(`{"player":%q,"score":%d}`, player, score)).is(http.StatusOK)
	}
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`).is(http.StatusCreated)
	f.clock.advance(time.Minute)
	for _, e := range f.environments {
		if err := f.app.Leaderboards.Tend(t.Context(), e, f.store.InTx); err != nil {
			t.Fatal(err)
		}
	}

	const all = "/v1/leaderboards/laps/seasons/1/rewards"
	page := f.do("GET", all+"?limit=1", f.server, "").is(http.StatusOK)
	rest := f.do("GET", all+"?limit=1&cursor="+page.text("next_cursor"), f.server, "").is(http.StatusOK).json()
	if first, second := page.json()["items"].([]any)[0].(map[string]any), rest["items"].([]any)[0].(map[string]any); first["player"] != ada || second["player"] != bob || second["rank"] != json.Number("2") || rest["next_cursor"] != nil {
		t.Errorf("won: %v, %v", first, second)
	}
	f.do("GET", "/v1/leaderboards/laps/seasons/3/rewards", f.server, "").problem(http.StatusNotFound, "ranking.season_not_found")
	f.do("GET", "/v1/leaderboards/laps/seasons/0/rewards", f.server, "").problem(http.StatusNotFound, "ranking.season_not_found")
	f.do("GET", "/v1/leaderboards/laps/seasons/x/rewards", f.server, "").problem(http.StatusBadRequest, "request.malformed_parameter")

	mine := f.do("GET", "/v1/players/me/rewards?unclaimed=true", adasToken, "").is(http.StatusOK)
	if items := mine.json()["items"].([]any); len(items) != 1 || !strings.Contains(mine.Body.String(), `"payload":{"coins":500}`) || strings.Contains(mine.Body.String(), "claimed_at") {
		t.Errorf("mine: %s", mine.Body)
	}
	f.do("GET", "/v1/players/"+ada+"/rewards", bobsToken, "").problem(http.StatusForbidden, "ranking.rewards_denied")
	claim := func(player, token string, headers ...header) reply {
		t.Helper()
		return f.do("POST", "/v1/players/"+player+"/rewards/laps/1/claim", token, "", headers...)
	}
	claim(ada, bobsToken).problem(http.StatusForbidden, "ranking.rewards_denied")
	claim("me", evesToken).problem(http.StatusNotFound, "ranking.reward_not_found")
	key := header{"Idempotency-Key", "claim-1"}
	first := claim("me", adasToken, key).is(http.StatusOK)
	again := claim("me", adasToken, key).is(http.StatusOK)
	if again.Header().Get("Idempotency-Replayed") != "true" || first.Body.String() != again.Body.String() || first.json()["claimed_at"] == nil {
		t.Errorf("claimed: %s, and again: %s", first.Body, again.Body)
	}
	for what, late := range map[string]reply{"the player": claim("me", adasToken), "a server": claim(ada, f.server), "an operator": claim(ada, f.operator)} {
		problem := late.problem(http.StatusConflict, "ranking.reward_claimed")
		if current := problem["current"].(map[string]any); current["claimed_at"] != first.json()["claimed_at"] || current["rank"] != json.Number("1") {
			t.Errorf("%s: %v", what, problem)
		}
	}
	claim(bob, f.server).is(http.StatusOK)
	if left := f.do("GET", all+"?unclaimed=true", f.server, "").is(http.StatusOK).json()["items"].([]any); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if mine := f.do("GET", "/v1/players/me/rewards", bobsToken, "").is(http.StatusOK).json()["items"].([]any); len(mine) != 1 {
		t.Errorf("claimed ones are listed: %v", mine)
	}
}
