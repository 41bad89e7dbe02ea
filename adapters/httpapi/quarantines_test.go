package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestQuarantines(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, adasToken := f.guest()
	bob, bobsToken := f.guest()
	eve, _ := f.guest()
	f.do("POST", operatedBoards, f.operator, `{"id":"laps","metadata_bytes":100}`).is(http.StatusCreated)
	for player, score := range map[string]int{ada: 30, bob: 20, eve: 10} {
		f.do("POST", "/v1/leaderboards/laps/scores", f.server, fmt.Sprintf(`{"player":%q,"score":%d,"metadata":{"n":1}}`, player, score)).is(http.StatusOK)
	}
	const standings = "/v1/leaderboards/laps/standings"
	const quarantines = operatedBoards + "/laps/quarantines"
	everywhere := strings.TrimSuffix(operatedBoards, "/leaderboards")

	foretold := f.do("GET", operatedBoards+"/laps/entries/"+ada, f.operator, "").is(http.StatusOK).json()
	if foretold["state"] != "listed" || foretold["moves"] != json.Number("2") || len(foretold["with"].([]any)) != 3 || len(foretold["without"].([]any)) != 2 || len(foretold["quarantines"].([]any)) != 0 {
		t.Errorf("foretold: %v", foretold)
	}
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"a\nb"}`, `{"reason":"x","until":"2030-01-01T00:00:00Z"}`} {
		f.do("PUT", quarantines+"/"+ada, f.operator, body).faults(http.StatusUnprocessableEntity, "request.invalid")
	}
	f.do("PUT", operatedBoards+"/none/quarantines/"+ada, f.operator, `{"reason":"x"}`).problem(http.StatusNotFound, "ranking.board_not_found")
	f.do("PUT", quarantines+"/01234567-89ab-7cde-8f01-23456789abcd", f.operator, `{"reason":"x"}`).problem(http.StatusNotFound, "identity.player_not_found")
	f.do("GET", operatedBoards+"/laps/entries/01234567-89ab-7cde-8f01-23456789abcd", f.operator, "").problem(http.StatusNotFound, "identity.player_not_found")
	f.do("GET", operatedBoards+"/laps/entries/"+ada+"?before=-1", f.operator, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	f.do("DELETE", quarantines+"/"+ada, f.operator, "").is(http.StatusNoContent) // nothing to lift

	done := f.do("PUT", quarantines+"/"+ada, f.operator, `{"reason":"a wallhack"}`, header{"Idempotency-Key", "q"}).is(http.StatusOK).json()
	if done["leaderboard"] != "laps" || done["reason"] != "a wallhack" || done["leaderboards_affected"] != json.Number("1") {
		t.Errorf("done: %v", done)
	}
	if again := f.do("PUT", quarantines+"/"+ada, f.operator, `{"reason":"a wallhack"}`, header{"Idempotency-Key", "q"}).is(http.StatusOK); again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("not replayed")
	}
	for what, token := range map[string]string{"a server": f.server, "another": bobsToken, "himself": adasToken} {
		if got := f.do("GET", standings, token, ""); got.ranks(ada, bob, eve) != "1:1:20 2:2:10" || got.json()["count"] != json.Number("2") {
			t.Errorf("the top, to %s: %s", what, got.Body)
		}
	}
	own := f.do("GET", standings+"/me", adasToken, "").is(http.StatusOK)
	if own.json()["rank"] != json.Number("1") || own.Header().Get("ETag") != "" || !strings.Contains(own.Body.String(), `"metadata":{"n":1}`) {
		t.Errorf("to himself: %s", own.Body)
	}
	if got := f.do("GET", standings+"?around=me", adasToken, "").ranks(ada, bob, eve); got != "1:0:30 2:1:20 3:2:10" {
		t.Errorf("around himself: %s", got)
	}
	if got := f.do("GET", standings+"?players=me,"+bob, adasToken, "").ranks(ada, bob, eve); got != "1:0:30 2:1:20" {
		t.Errorf("with a friend: %s", got)
	}
	f.do("GET", standings+"/"+ada, bobsToken, "").problem(http.StatusNotFound, "ranking.not_ranked")
	f.do("GET", standings+"?around="+ada, f.server, "").problem(http.StatusNotFound, "ranking.not_ranked")
	if got := f.do("GET", standings+"?players="+ada+","+bob, bobsToken, "").ranks(ada, bob, eve); got != "1:1:20" {
		t.Errorf("of a friend: %s", got)
	}
	if now := f.do("GET", operatedBoards+"/laps/entries/"+ada, f.operator, "").is(http.StatusOK).json(); now["state"] != "hidden" || now["moves"] != json.Number("2") || len(now["quarantines"].([]any)) != 1 {
		t.Errorf("hidden: %v", now)
	}

	f.do("PUT", everywhere+"/players/"+bob+"/quarantine", f.operator, `{"reason":"another"}`).is(http.StatusOK)
	if got := f.do("GET", standings, f.server, "").ranks(ada, bob, eve); got != "1:2:10" {
		t.Errorf("without both: %s", got)
	}
	f.do("PUT", quarantines+"/"+bob, f.operator, `{"reason":"and here"}`).is(http.StatusOK)
	page := f.do("GET", quarantines+"?limit=1", f.operator, "").is(http.StatusOK)
	rest := f.do("GET", quarantines+"?limit=1&cursor="+page.text("next_cursor"), f.operator, "").is(http.StatusOK).json()
	if first := page.json()["items"].([]any)[0].(map[string]any); first["player"] != ada || rest["items"].([]any)[0].(map[string]any)["player"] != bob || rest["next_cursor"] != nil {
		t.Errorf("listed: %v, %v", first, rest)
	}
	if all := f.do("GET", everywhere+"/quarantines", f.operator, "").is(http.StatusOK).json()["items"].([]any); len(all) != 1 || all[0].(map[string]any)["leaderboard"] != nil {
		t.Errorf("everywhere: %v", all)
	}
	f.do("DELETE", everywhere+"/players/"+bob+"/quarantine", f.operator, "").is(http.StatusNoContent)
	for _, player := range []string{ada, bob} {
		f.do("DELETE", quarantines+"/"+player, f.operator, "").is(http.StatusNoContent)
	}
	if got := f.do("GET", standings, f.server, "").ranks(ada, bob, eve); got != "1:0:30 2:1:20 3:2:10" {
		t.Errorf("lifted: %s", got)
	}

	// Removal and its undoing.
	f.do("POST", standings+"/"+eve+"/restore", f.server, "").problem(http.StatusConflict, "ranking.not_removed")
	f.do("DELETE", standings+"/"+eve, f.server, "").is(http.StatusNoContent)
	if now := f.do("GET", operatedBoards+"/laps/entries/"+eve, f.operator, "").is(http.StatusOK).json(); now["state"] != "removed" || now["removed_at"] == nil || len(now["with"].([]any)) != 3 || len(now["without"].([]any)) != 2 {
		t.Errorf("removed: %v", now)
	}
	f.do("POST", standings+"/"+eve+"/restore", f.server, "").is(http.StatusNoContent)
	if got := f.do("GET", standings, f.server, ""); got.ranks(ada, bob, eve) != "1:0:30 2:1:20 3:2:10" || strings.Count(got.Body.String(), `"metadata":{"n":1}`) != 3 {
		t.Errorf("restored: %s", got.Body)
	}
	if none := f.do("GET", operatedBoards+"/laps/entries/"+eve+"?before=0&after=0", f.operator, "").is(http.StatusOK).json(); len(none["with"].([]any)) != 1 || len(none["without"].([]any)) != 0 {
		t.Errorf("alone: %v", none)
	}
}
