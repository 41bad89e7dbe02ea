package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// elsewhere is a path of the project in another of its environments.
func elsewhere(path, environment string) string {
	return strings.Replace(path, "/development/", "/"+environment+"/", 1)
}

// stage releases a bundle in staging, with the rules around it if there are any.
func (f *fixture) stage(content, rules string) (hash string) {
	f.t.Helper()
	hash = f.do("POST", elsewhere(bundlesAt, "staging"), f.whole, content).is(http.StatusCreated).text("sha256")
	if rules == "" {
		rules = `{"bundle":"%s"}`
	}
	f.do("POST", elsewhere(configsAt, "staging")+"/gameplay/releases", f.whole, strings.ReplaceAll(rules, "%s", hash)).is(http.StatusCreated)
	return hash
}

func (f *fixture) promote(body string, headers ...header) reply {
	f.t.Helper()
	return f.do("POST", configsAt+"/gameplay/promote", f.whole, body, headers...)
}

// lines are those of a diff.
func lines(t *testing.T, diff any) []string {
	t.Helper()
	var all []string
	for _, line := range diff.(map[string]any)["lines"].([]any) {
		all = append(all, line.(string))
	}
	return all
}

func TestABundleIsPromoted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	old := f.push(`{"drop":1,"gone":true}`)
	f.activate("gameplay", `{"bundle":"`+old+`"}`)
	hash := f.stage(`{"drop":2,"big":9007199254740993}`, "")

	preview := f.promote(`{"from":"staging","preview":true}`).is(http.StatusOK)
	want := []string{"rules ~ /0/bundle: \"" + old + "\" -> \"" + hash + "\"", "~ /drop: 1 -> 2", "- /gone: true", "+ /big: 9007199254740993"}
	if got := lines(t, preview.json()["diff"]); !slices.Equal(got, want) {
		t.Errorf("the preview tells %q", got)
	}
	if preview.json()["preview"] != true || fmt.Sprint(preview.json()["release"].(map[string]any)["release"]) != "0" || preview.Header().Get("ETag") != `"1"` {
		t.Errorf("the preview is %s", preview.Body)
	}
	if read := f.do("GET", "/v1/config", player, "").is(http.StatusOK); !strings.Contains(read.Body.String(), old) {
		t.Errorf("a preview changes something: %s", read.Body)
	}
	if objects := f.objects(); len(objects) != 2 {
		t.Errorf("a preview leaves objects behind: %v", objects)
	}

	f.promote(`{"from":"staging"}`, header{"If-Match", `"7"`}).problem(http.StatusPreconditionFailed, "config.version_mismatch")
	f.promote(`{"from":"staging","preview":true}`, header{"If-Match", `"7"`}).problem(http.StatusPreconditionFailed, "config.version_mismatch")
	made := f.promote(`{"from":"staging","note":"winter"}`, header{"If-Match", `"1"`}, header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	again := f.promote(`{"from":"staging","note":"winter"}`, header{"If-Match", `"1"`}, header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	if again.Body.String() != made.Body.String() || made.Header().Get("ETag") != `"2"` || !slices.Equal(lines(t, made.json()["diff"]), want) {
		t.Errorf("promoted: %s\nagain: %s", made.Body, again.Body)
	}
	release := made.json()["release"].(map[string]any)
	if fmt.Sprintf("%v %v", release["release"], release["promoted"]) != "2 map[from:staging release:1]" || fmt.Sprint(made.json()["config"].(map[string]any)["release"]) != "2" {
		t.Errorf("released %v", release)
	}
	read := f.do("GET", "/v1/config", player, "").is(http.StatusOK)
	if !strings.Contains(read.Body.String(), `"release":2,"sha256":"`+hash+`"`) || !strings.Contains(read.Body.String(), `"big":9007199254740993`) {
		t.Errorf("the player reads %s", read.Body)
	}
	for environment, want := range map[string]string{"development": `"promoted_from":"staging"`, "staging": `"promoted_to":"development"`} {
		events := f.do("GET", elsewhere(configsAt, environment)[:strings.LastIndex(elsewhere(configsAt, environment), "/")]+"/audit?action=config.promoted", f.whole, "").is(http.StatusOK)
		if n := len(events.json()["items"].([]any)); n != 1 || !strings.Contains(events.Body.String(), want) {
			t.Errorf("%s has %d events: %s", environment, n, events.Body)
		}
	}
	// What is there already is not brought again.
	if objects := f.objects(); len(objects) != 3 {
		t.Errorf("the bytes are not this environment's own: %v", objects)
	}
	if twice := f.promote(`{"from":"staging"}`).is(http.StatusCreated); len(lines(t, twice.json()["diff"])) != 0 || twice.json()["diff"].(map[string]any)["same"] != true {
		t.Errorf("promoted again: %s", twice.Body)
	}
	if objects := f.objects(); len(objects) != 3 {
		t.Errorf("brought again: %v", objects)
	}
}

func TestWhatOfAReleaseIsPromoted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.do("POST", elsewhere(bundlesAt, "staging"), f.whole, `{"n":1}`).is(http.StatusCreated).text("sha256")
	second := f.stage(`{"n":2}`, `{"rules":[{"bundle":"%s","basis_points":2000},{"bundle":"`+first+`"}]}`)
	rules := func(r reply) string {
		return fmt.Sprint(r.is(http.StatusCreated).json()["release"].(map[string]any)["rules"])
	}
	if got := rules(f.promote(`{"from":"staging"}`)); got != "[map[bundle:"+first+"]]" {
		t.Errorf("what everyone gets: %s", got)
	}
	if got := rules(f.promote(`{"from":"staging","bundle":"` + second + `"}`)); got != "[map[bundle:"+second+"]]" {
		t.Errorf("one of its bundles: %s", got)
	}
	if got := rules(f.promote(`{"from":"staging","rules":true}`)); got != "[map[basis_points:2000 bundle:"+second+" salt:gameplay] map[bundle:"+first+"]]" {
		t.Errorf("its rules: %s", got)
	}
	third := f.stage(`{"n":3}`, `{"rules":[{"bundle":"%s","tags":["qa"]}]}`)
	if got := rules(f.promote(`{"from":"staging","release":1}`)); got != "[map[bundle:"+first+"]]" {
		t.Errorf("an earlier release: %s", got)
	}
	f.promote(`{"from":"staging"}`).problem(http.StatusConflict, "config.nothing_to_promote")
	f.promote(`{"from":"staging","bundle":"`+first+`"}`).problem(http.StatusConflict, "config.nothing_to_promote")
	if got := rules(f.promote(`{"from":"staging","bundle":"` + third + `"}`)); got != "[map[bundle:"+third+"]]" {
		t.Errorf("a bundle for some: %s", got)
	}
}

func TestPromotionsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stage(`{"drop":"x"}`, "")
	for body, want := range map[string]string{
		`{"from":"nowhere"}`:              "/from unknown",
		`{"from":"development"}`:          "/from not_allowed",
		`{}`:                              "/from required",
		`{"from":"staging","bundle":"x"}`: "/bundle malformed",
		`{"from":"staging","fromm":""}`:   "/fromm unknown",
		`{"from":"staging","note":"` + "\\u0000" + `"}`:                              "/note malformed",
		`{"from":"staging","rules":true,"bundle":"` + strings.Repeat("0", 64) + `"}`: "/bundle unsupported",
	} {
		if got := f.promote(body).faults(http.StatusUnprocessableEntity, "request.invalid"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
	f.promote(`{"from":"production"}`).problem(http.StatusNotFound, "config.not_found")
	f.promote(`{"from":"staging","release":2}`).problem(http.StatusNotFound, "config.release_not_found")
	f.promote(`{"from":"staging","release":0}`).problem(http.StatusNotFound, "config.release_not_found")
	f.do("POST", configsAt+"/gameplay/promote", f.operator, `{"from":"staging"}`).problem(http.StatusForbidden, "tenancy.wrong_environment")

	// The schema of the target judges, and a preview tells so.
	f.do("PUT", configsAt+"/gameplay", f.operator, `{"schema":{"properties":{"drop":{"type":"integer"}}}}`).is(http.StatusCreated)
	for _, body := range []string{`{"from":"staging"}`, `{"from":"staging","preview":true}`} {
		if got := f.promote(body).faults(http.StatusUnprocessableEntity, "config.schema_violation"); len(got) != 1 || got[0] != "bundle /drop type" {
			t.Errorf("%s: %v", body, got)
		}
	}
	f.push(`{"drop":"x"}`) // refused promotions made no bundle

	hash := f.do("POST", elsewhere(bundlesAt, "staging"), f.whole, "text", header{"Content-Type", ""}, header{"Content-Type", "text/plain"}).is(http.StatusCreated).text("sha256")
	f.do("POST", elsewhere(configsAt, "staging")+"/client/releases", f.whole, `{"bundle":"`+hash+`"}`).is(http.StatusCreated)
	f.push("text", header{"Content-Type", ""}, header{"Content-Type", "text/html"})
	f.do("POST", configsAt+"/client/promote", f.whole, `{"from":"staging"}`).problem(http.StatusConflict, "config.other_content_type")
}

func TestADamagedBundleIsNotPromoted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stage(`{"drop":1}`, "")
	object := f.objects()[0]
	if err := f.blobs.Put(t.Context(), object, strings.NewReader(`{"drop":9}`), 10, "application/json"); err != nil {
		t.Fatal(err)
	}
	f.promote(`{"from":"staging"}`).problem(http.StatusServiceUnavailable, "config.bundle_damaged")
	f.promote(`{"from":"staging","preview":true}`).problem(http.StatusServiceUnavailable, "config.bundle_damaged")
	f.do("GET", configsAt+"/gameplay", f.operator, "").problem(http.StatusNotFound, "config.not_found")
}

func TestReleasesAreCompared(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.push(`{"drop":1}`), f.push(`{"drop":2}`)
	text := f.push("text", header{"Content-Type", ""}, header{"Content-Type", "text/plain"})
	f.activate("gameplay", `{"bundle":"`+one+`"}`)
	f.activate("gameplay", `{"rules":[{"bundle":"`+two+`","basis_points":2000},{"bundle":"`+one+`"}]}`)
	f.activate("gameplay", `{"bundle":"`+text+`"}`)
	f.stage(`{"drop":5}`, "")
	diff := func(query string) reply {
		return f.do("GET", configsAt+"/gameplay/diff"+query, f.whole, "").is(http.StatusOK)
	}
	for query, want := range map[string]string{
		"?from=1&to=2":                        `[rules + /0: {"basis_points":2000,"bundle":"` + two + `","salt":"gameplay"}] false`,
		"?from=" + one + "&to=" + two:         "[~ /drop: 1 -> 2] false",
		"?from=" + two + "&to=2":              "[~ /drop: 2 -> 1] false",
		"?from=2&to=2":                        "[] true",
		"":                                    "[] true",
		"?from=1":                             `[rules ~ /0/bundle: "` + one + `" -> "` + text + `"] false`,
		"?from_environment=staging&to=" + one: "[~ /drop: 5 -> 1] false",
	} {
		r := diff(query).json()
		if got := fmt.Sprintf("%v %v", lines(t, r), r["same"]); got != want {
			t.Errorf("%q: %s", query, got)
		}
	}
	steps := diff("?from=" + one + "&to=" + two).Body.String()
	if !strings.Contains(steps, `"patch":[{"op":"replace","path":"/drop","before":1,"value":2}]`) || !strings.Contains(steps, `"from":{"environment":"development","bundle":{"sha256":"`+one) {
		t.Errorf("steps %s", steps)
	}
	for query, code := range map[string]string{
		"?from=0": "request.malformed_parameter", "?from=01": "request.malformed_parameter", "?to=": "request.malformed_parameter", "?to=x": "request.malformed_parameter",
		"?to=%2B1": "request.malformed_parameter", "?frm=1": "request.malformed_parameter",
	} {
		f.do("GET", configsAt+"/gameplay/diff"+query, f.whole, "").problem(http.StatusBadRequest, code)
	}
	f.do("GET", configsAt+"/gameplay/diff?from=9", f.whole, "").problem(http.StatusNotFound, "config.release_not_found")
	f.do("GET", configsAt+"/gameplay/diff?to="+strings.Repeat("0", 64), f.whole, "").problem(http.StatusNotFound, "config.bundle_not_found")
	f.do("GET", configsAt+"/other/diff", f.whole, "").problem(http.StatusNotFound, "config.not_found")
	f.do("GET", configsAt+"/gameplay/diff?from_environment=nowhere", f.whole, "").problem(http.StatusNotFound, "tenancy.environment_not_found")
	f.do("GET", configsAt+"/gameplay/diff?from_environment=staging", f.operator, "").problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("GET", configsAt+"/gameplay/diff?from_environment=development", f.operator, "").is(http.StatusOK)
	f.do("GET", configsAt+"/gameplay/diff", f.key("development", tenancy.SecretKey, tenancy.ConfigsRead), "").is(http.StatusOK)
}

// What one environment shows to servers alone isn't shown to players by promoting it.
func TestAPromotionOpensNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	f.do("PUT", elsewhere(configsAt, "staging")+"/gameplay", f.whole, `{"readers":"server","schema":{"required":["drop"]}}`).is(http.StatusCreated)
	f.stage(`{"drop":1}`, "")
	made := f.promote(`{"from":"staging"}`).is(http.StatusCreated).json()["config"].(map[string]any)
	if fmt.Sprint(made["readers"], made["schema"]) != "servermap[required:[drop]]" {
		t.Errorf("it is declared as %v", made)
	}
	if read := f.do("GET", "/v1/config", player, "").is(http.StatusOK); strings.Contains(read.Body.String(), "gameplay") {
		t.Errorf("a player reads %s", read.Body)
	}
	f.do("PUT", configsAt+"/gameplay", f.whole, `{"readers":"player"}`).is(http.StatusOK)
	for _, body := range []string{`{"from":"staging"}`, `{"from":"staging","preview":true}`} {
		f.promote(body).problem(http.StatusConflict, "config.wider_readers")
	}
	f.do("PUT", elsewhere(configsAt, "staging")+"/gameplay", f.whole, `{"readers":"public"}`).is(http.StatusOK)
	f.promote(`{"from":"staging"}`).is(http.StatusCreated)
	for _, body := range []string{`{"from":"staging"}`, `{"from":"staging","preview":true}`} {
		f.do("POST", configsAt+"/gameplay/promote", f.key("", tenancy.SecretKey, tenancy.ConfigsWrite), body).problem(http.StatusForbidden, "auth.scope_required")
	}
}

// A first release that not everyone gets is a difference.
func TestSomethingIsNotTheSameAsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.stage(`{"drop":1}`, `{"rules":[{"bundle":"%s","tags":["qa"]}]}`)
	if preview := f.promote(`{"from":"staging","rules":true,"preview":true}`).is(http.StatusOK); preview.json()["diff"].(map[string]any)["same"] != false {
		t.Errorf("the preview tells %s", preview.Body)
	}
}
