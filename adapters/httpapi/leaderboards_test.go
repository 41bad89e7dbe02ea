package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const operatedBoards = "/v1/projects/game/environments/development/leaderboards"

// ranks gives "rank player score" of each item, players by their place in the list.
func (r reply) ranks(players ...string) string {
	r.t.Helper()
	var got []string
	for _, one := range r.is(http.StatusOK).json()["items"].([]any) {
		item := one.(map[string]any)
		got = append(got, fmt.Sprintf("%s:%d:%s", item["rank"], slices.Index(players, item["player"].(string)), item["score"]))
	}
	return strings.Join(got, " ")
}

func TestLeaderboards(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, adasToken := f.guest()
	bob, bobsToken := f.guest()
	eve, _ := f.guest()

	made := f.do("POST", operatedBoards, f.operator, `{"id":"laps","name":"Laps","metadata_bytes":100,"max_score":"9223372036854775807"}`).is(http.StatusCreated)
	if made.Header().Get("ETag") != `"1"` || made.json()["current_season"].(map[string]any)["season"] != json.Number("1") {
		t.Errorf("made: %s", made.Body)
	}
	f.do("POST", operatedBoards, f.operator, `{"id":"laps"}`).problem(http.StatusConflict, "ranking.board_exists")
	if got := f.do("POST", operatedBoards, f.operator, `{"id":"No","sort":"up","metadata_bytes":9999}`).faults(http.StatusUnprocessableEntity, "request.invalid"); len(got) != 3 {
		t.Errorf("faults %q", got)
	}

	const scores = "/v1/leaderboards/laps/scores"
	submit := func(player, rest string) reply {
		t.Helper()
		return f.do("POST", scores+"?rank=true", f.server, fmt.Sprintf(`{"player":%q,%s}`, player, rest)).is(http.StatusOK)
	}
	first := submit(ada, `"score":9223372036854775807,"subscore":5,"metadata":{ "car" : "red" }`)
	if want := `"accepted":true,"current":{"score":9223372036854775807,"subscore":5},"rank":1}`; !strings.HasSuffix(first.Body.String(), want) {
		t.Errorf("first: %s", first.Body)
	}
	worse := submit(ada, `"score":"9223372036854775806","subscore":50`)
	if want := `"accepted":false,"reason":"not_better","previous":{"score":9223372036854775807,"subscore":5},"current":{"score":9223372036854775807,"subscore":5},"rank":1}`; !strings.HasSuffix(worse.Body.String(), want) {
		t.Errorf("worse: %s", worse.Body)
	}
	submit(bob, `"score":-3`)
	f.do("POST", scores+":batch", f.server, fmt.Sprintf(`{"runs":[{"player":%q,"score":7},{"player":%q,"score":7,"achieved_at":"2029-12-31T00:00:00Z"}]}`, bob, eve)).is(http.StatusOK)

	const standings = "/v1/leaderboards/laps/standings"
	all := f.do("GET", standings, adasToken, "")
	if got := all.ranks(ada, bob, eve); got != "1:0:9223372036854775807 2:2:7 3:1:7" || all.json()["count"] != json.Number("3") {
		t.Errorf("all: %s", got)
	}
	if !strings.Contains(all.Body.String(), `"metadata":{"car":"red"}`) {
		t.Errorf("all: %s", all.Body)
	}
	f.do("GET", standings, adasToken, "", header{"If-None-Match", all.Header().Get("ETag")}).is(http.StatusNotModified)
	page := f.do("GET", standings+"?limit=2", adasToken, "")
	if got := page.ranks(ada, bob, eve); got != "1:0:9223372036854775807 2:2:7" {
		t.Errorf("page: %s", got)
	}
	rest := f.do("GET", standings+"?limit=2&cursor="+page.text("next_cursor"), adasToken, "")
	if got := rest.ranks(ada, bob, eve); got != "3:1:7" || rest.json()["next_cursor"] != nil {
		t.Errorf("rest: %s", rest.Body)
	}
	f.do("GET", standings+"?limit=2&cursor="+page.text("next_cursor"), bobsToken, "").problem(http.StatusBadRequest, "request.invalid_cursor")
	if got := f.do("GET", standings+"?around=me&before=1&after=0", bobsToken, "").ranks(ada, bob, eve); got != "2:2:7 3:1:7" {
		t.Errorf("around: %s", got)
	}
	friends := f.do("GET", standings+"?players=me,"+eve+","+strings.ToUpper(ada)+"&int64=string", bobsToken, "")
	if got := friends.ranks(ada, bob, eve); got != "1:0:9223372036854775807 2:2:7 3:1:7" || !strings.Contains(friends.Body.String(), `"score":"9223372036854775807"`) {
		t.Errorf("friends: %s", friends.Body)
	}
	if got := f.do("GET", standings+"?players="+bob+","+eve, f.server, ""); !strings.Contains(got.Body.String(), `"rank":2,"place":1`) || !strings.Contains(got.Body.String(), `"rank":3,"place":2`) {
		t.Errorf("among themselves: %s", got.Body)
	}
	if one := f.do("GET", standings+"/me", bobsToken, "").is(http.StatusOK); one.json()["rank"] != json.Number("3") {
		t.Errorf("one: %s", one.Body)
	}
	for _, query := range []string{"around=x", "around=" + ada + "&cursor=x", "players=", "players=" + ada + ",x", "before=1", "season=0", "season=x", "around=" + ada + "&before=-1", "around=" + ada + "&after=101"} {
		f.do("GET", standings+"?"+query, f.server, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	}

	// What breaks a rule.
	f.do("POST", scores, adasToken, `{"score":1}`).problem(http.StatusForbidden, "ranking.submit_denied")
	if got := f.do("POST", scores, f.server, `{"player":"x","score":1,"metadata":[]}`).faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{"/player malformed", "/metadata not_an_object"}) {
		t.Errorf("faults %q", got)
	}
	if got := f.do("POST", scores, f.server, `{"player":"`+ada+`","score":9223372036854775808}`).faults(http.StatusUnprocessableEntity, "request.invalid"); len(got) != 1 {
		t.Errorf("faults %q", got)
	}
	f.do("POST", scores, f.server, `{"player":"01234567-89ab-7cde-8f01-23456789abcd","score":1}`).problem(http.StatusNotFound, "identity.player_not_found")
	refused := f.do("POST", scores+":batch", f.server, fmt.Sprintf(`{"runs":[{"player":%q,"score":99},{"player":%q,"score":1,"achieved_at":"2031-01-01T00:00:00Z"}]}`, bob, eve))
	if got := refused.faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{"/runs/1/achieved_at out_of_range"}) {
		t.Errorf("refused: %q", got)
	}
	missing := f.do("POST", scores+":batch", f.server, fmt.Sprintf(`{"runs":[{"player":%q,"score":99},{"player":"01234567-89ab-7cde-8f01-23456789abcd","score":1}]}`, bob))
	if got := missing.faults(http.StatusNotFound, "identity.player_not_found"); !slices.Equal(got, []string{"/runs/1 player_not_found"}) {
		t.Errorf("missing: %q", got)
	}
	if got := f.do("GET", standings, f.server, "").ranks(ada, bob, eve); got != "1:0:9223372036854775807 2:2:7 3:1:7" {
		t.Errorf("after what was refused: %s", got)
	}
	for _, path := range []string{"/v1/leaderboards/none/standings", "/v1/leaderboards/No_/standings", "/v1/leaderboards/none"} {
		f.do("GET", path, f.server, "").problem(http.StatusNotFound, "ranking.board_not_found")
	}

	// Seasons.
	put := f.do("PUT", operatedBoards+"/laps", f.operator, `{"sort":"asc","submitters":"player"}`, header{"If-Match", `"1"`}).is(http.StatusOK)
	if shown := put.json(); shown["sort"] != "asc" || shown["current_season"].(map[string]any)["sort"] != "desc" || shown["max_score"] != nil {
		t.Errorf("put: %s", put.Body)
	}
	stale := f.do("PUT", operatedBoards+"/laps", f.operator, `{}`, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "ranking.board_version_mismatch")
	if stale["current"].(map[string]any)["version"] != json.Number("2") {
		t.Errorf("stale: %v", stale)
	}
	f.do("POST", scores, adasToken, `{"score":1}`).is(http.StatusOK)
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`, header{"Idempotency-Key", "one"}).is(http.StatusCreated)
	if again := f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`, header{"Idempotency-Key", "one"}).is(http.StatusCreated); again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("not replayed")
	}
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":1}`).problem(http.StatusConflict, "ranking.season_closed")
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":3}`).problem(http.StatusNotFound, "ranking.season_not_found")
	if got := f.do("GET", standings, f.server, "").ranks(ada, bob, eve); got != "" {
		t.Errorf("the new season: %s", got)
	}
	if got := f.do("GET", standings+"?season=1", f.server, "").ranks(ada, bob, eve); got != "1:0:9223372036854775807 2:2:7 3:1:7" {
		t.Errorf("the old season: %s", got)
	}
	if got := f.do("GET", standings+"?limit=2&cursor="+page.text("next_cursor"), adasToken, "").ranks(ada, bob, eve); got != "3:1:7" {
		t.Errorf("a cursor of the old season: %s", got)
	}
	f.do("GET", standings+"/me?season=2", bobsToken, "").problem(http.StatusNotFound, "ranking.not_ranked")
	f.do("GET", standings+"?season=3", f.server, "").problem(http.StatusNotFound, "ranking.season_not_found")
	if seasons := f.do("GET", "/v1/leaderboards/laps/seasons", f.server, "").is(http.StatusOK).json()["items"].([]any); len(seasons) != 2 || seasons[1].(map[string]any)["state"] != "closing" {
		t.Errorf("seasons: %v", seasons)
	}

	// A run has one effect, however often it is sent.
	key := header{"Idempotency-Key", "run-1"}
	f.do("PUT", operatedBoards+"/laps", f.operator, `{"operator":"sum"}`).is(http.StatusOK)
	f.do("POST", operatedBoards+"/laps/seasons", f.operator, `{"closes":2}`).is(http.StatusCreated)
	for range 3 {
		if r := f.do("POST", scores+"?rank=true", f.server, fmt.Sprintf(`{"player":%q,"score":5}`, bob), key).is(http.StatusOK); !strings.Contains(r.Body.String(), `"current":{"score":5,"subscore":0}}`) {
			t.Errorf("keyed: %s", r.Body)
		}
	}
	f.do("DELETE", standings+"/"+bob, f.server, "").is(http.StatusNoContent)
	f.do("DELETE", standings+"/"+bob, f.server, "").problem(http.StatusNotFound, "ranking.not_ranked")
	if got := f.do("GET", standings, f.server, "").ranks(ada, bob, eve); got != "" {
		t.Errorf("after the removal: %s", got)
	}
	f.do("DELETE", operatedBoards+"/laps", f.operator, "").problem(http.StatusUnprocessableEntity, "tenancy.not_confirmed")
	f.do("DELETE", operatedBoards+"/laps?confirm=laps", f.operator, "").is(http.StatusNoContent)
	f.do("GET", standings, f.server, "").problem(http.StatusNotFound, "ranking.board_not_found")
	if list := f.do("GET", operatedBoards, f.operator, "").is(http.StatusOK).json()["items"].([]any); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
}

func TestHowManySeasonsAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := f.do("POST", operatedBoards, f.operator, `{"id":"laps","keep_seasons":"52"}`).is(http.StatusCreated).json()["keep_seasons"]; got != json.Number("52") {
		t.Errorf("keeps %v", got)
	}
	if got := f.do("PUT", operatedBoards+"/laps", f.operator, `{}`).is(http.StatusOK).json()["keep_seasons"]; got != json.Number("0") {
		t.Errorf("keeps %v", got)
	}
	// The last two are 1 more than a multiple of 2^32, which would wrap into the range where ints have 32 bits.
	for _, n := range []string{"-1", "10001", "4294967297", "-9223372036854775807"} {
		bad := f.do("PUT", operatedBoards+"/laps", f.operator, fmt.Sprintf(`{"keep_seasons":%s,"attempts":10000000,"metadata_bytes":%s}`, n, n))
		if got := bad.faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Contains(got, "/keep_seasons out_of_range") || !slices.Contains(got, "/attempts out_of_range") || !slices.Contains(got, "/metadata_bytes out_of_range") {
			t.Errorf("%s: %q", n, got)
		}
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // it is 2 January 2030, 03:04:05 UTC
	made := f.do("POST", operatedBoards, f.operator, `{"id":"laps","schedule":{"cron":"0 5 * * mon"}}`).is(http.StatusCreated)
	if s := made.json(); !reflect.DeepEqual(s["schedule"], map[string]any{"cron": "0 5 * * mon", "time_zone": "UTC"}) || s["current_season"].(map[string]any)["planned_end"] != "2030-01-07T05:00:00Z" {
		t.Errorf("made: %s", made.Body)
	}
	const ends = `"ends":["2030-01-07T05:00:00Z","2030-01-14T05:00:00Z","2030-01-21T05:00:00Z","2030-01-28T05:00:00Z","2030-02-04T05:00:00Z"]}`
	if got := f.do("GET", operatedBoards+"/laps/schedule", f.operator, "").is(http.StatusOK).Body.String(); got != `{"schedule":{"cron":"0 5 * * mon","time_zone":"UTC"},`+ends {
		t.Errorf("schedule: %s", got)
	}
	preview := f.do("GET", operatedBoards+":schedule?cron=0+6+*+*+1&time_zone=Europe/Berlin", f.operator, "").is(http.StatusOK)
	if !strings.HasSuffix(preview.Body.String(), ends) {
		t.Errorf("preview: %s", preview.Body)
	}
	if got := f.do("PUT", operatedBoards+"/laps", f.operator, `{"name":"Laps"}`).is(http.StatusOK).json(); got["schedule"] != nil || got["current_season"].(map[string]any)["planned_end"] != nil {
		t.Errorf("without: %v", got)
	}
	if got := f.do("GET", operatedBoards+"/laps/schedule", f.operator, "").is(http.StatusOK).Body.String(); got != `{"ends":[]}` {
		t.Errorf("schedule of none: %s", got)
	}
	if got := f.do("GET", operatedBoards+":schedule?cron=x&time_zone=x", f.operator, "").faults(http.StatusBadRequest, "request.malformed_parameter"); !slices.Equal(got, []string{"query /cron malformed", "query /time_zone malformed"}) {
		t.Errorf("preview: %v", got)
	}
	f.do("GET", operatedBoards+":schedule", f.operator, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	for body, want := range map[string]string{
		`{"id":"b","schedule":{}}`:                                      "/schedule/cron required",
		`{"id":"b","schedule":{"cron":"* * * * *"}}`:                    "/schedule/cron too_often",
		`{"id":"b","schedule":{"cron":"0 0 * * *","time_zone":"../x"}}`: "/schedule/time_zone malformed",
		`{"id":"b","schedule":{"cron":"0 0 * * *","zone":"UTC"}}`:       "/schedule/zone unknown",
		`{"id":"b","schedule":{"cron":"TZ=UTC 0 0 * * *"}}`:             "/schedule/cron malformed",
	} {
		if got := f.do("POST", operatedBoards, f.operator, body).faults(http.StatusUnprocessableEntity, "request.invalid"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", body, got)
		}
	}
	f.do("GET", operatedBoards+"/none/schedule", f.operator, "").problem(http.StatusNotFound, "ranking.board_not_found")
}
