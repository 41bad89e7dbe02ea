package httpapi

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	bundlesAt = "/v1/projects/game/environments/development/bundles"
	configsAt = "/v1/projects/game/environments/development/configs"
)

func (f *fixture) push(content string, headers ...header) string {
	f.t.Helper()
	r := f.do("POST", bundlesAt, f.operator, content, headers...).is(http.StatusCreated)
	sum := sha256.Sum256([]byte(content))
	if got := r.text("sha256"); got != hex.EncodeToString(sum[:]) {
		f.t.Fatalf("%q has the hash %s", content, got)
	}
	return r.text("sha256")
}

func (f *fixture) activate(config, body string) reply {
	f.t.Helper()
	return f.do("POST", configsAt+"/"+config+"/releases", f.operator, body).is(http.StatusCreated)
}

func TestABundleIsReleasedAndRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	empty := f.do("GET", "/v1/config", player, "").is(http.StatusOK)
	if empty.Body.String() != `{"configs":{}}` {
		t.Errorf("with no configs: %s", empty.Body)
	}
	first := f.push(`{"drop": 1, "big": 9007199254740993}`)
	if again := f.do("POST", bundlesAt, f.operator, `{"drop": 1, "big": 9007199254740993}`).is(http.StatusOK); again.text("sha256") != first {
		t.Errorf("the same bytes: %s", again.Body)
	}
	made := f.activate("gameplay", `{"bundle":"`+first+`","note":"first"}`)
	if made.Header().Get("ETag") != `"1"` || made.json()["current"].(map[string]any)["note"] != "first" {
		t.Errorf("released: %s", made.Body)
	}
	read := f.do("GET", "/v1/config", player, "").is(http.StatusOK)
	tag := read.Header().Get("ETag")
	want := `{"configs":{"gameplay":{"release":1,"sha256":"` + first + `","size":36,"content_type":"application/json","value":{"drop":1,"big":9007199254740993}}}}`
	if read.Body.String() != want || tag == "" || tag == empty.Header().Get("ETag") {
		t.Errorf("read %s %s", tag, read.Body)
	}
	if r := f.do("GET", "/v1/config?int64=string", player, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"size":"36"`) {
		t.Errorf("as strings: %s", r.Body)
	}
	for _, credential := range []string{player, f.server} {
		f.do("GET", "/v1/config", credential, "", header{"If-None-Match", tag}).is(http.StatusNotModified)
	}
	if r := f.do("GET", "/v1/config", f.publishable, "").is(http.StatusOK); r.Body.String() != `{"configs":{}}` {
		t.Errorf("the game before signing in reads %s", r.Body)
	}
	f.do("PUT", configsAt+"/gameplay", f.operator, `{"readers":"public"}`, header{"If-Match", `"1"`}).is(http.StatusOK)
	f.do("GET", "/v1/config", f.publishable, "", header{"If-None-Match", tag}).is(http.StatusNotModified)

	second := f.push("not json", header{"Content-Type", ""}, header{"Content-Type", "text/plain; charset=utf-8"})
	f.activate("gameplay", `{"bundle":"`+second+`"}`)
	read = f.do("GET", "/v1/config?config=other,gameplay", player, "", header{"If-None-Match", tag}).is(http.StatusOK)
	if !strings.Contains(read.Body.String(), `"release":2,"sha256":"`+second+`","size":8,"content_type":"text/plain; charset=utf-8","url":"/v1/config/bundle?config=gameplay&sha256=`+second) {
		t.Errorf("read a link: %s", read.Body)
	}
	back := f.do("POST", configsAt+"/gameplay/rollback", f.operator, `{}`).is(http.StatusCreated)
	if current := back.json()["current"].(map[string]any); fmt.Sprintf("%v %v", current["release"], current["restores"]) != "3 1" {
		t.Errorf("back at %v", current)
	}
	f.do("POST", configsAt+"/gameplay/rollback", f.operator, `{}`).problem(http.StatusConflict, "config.nothing_before")
	f.do("POST", configsAt+"/gameplay/rollback", f.operator, `{"to":0}`).problem(http.StatusNotFound, "config.release_not_found")
	f.do("POST", configsAt+"/gameplay/rollback", f.operator, `{"to":2}`, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "config.version_mismatch")
	read = f.do("GET", "/v1/config", player, "").is(http.StatusOK)
	if !strings.Contains(read.Body.String(), `"release":3,"sha256":"`+first) {
		t.Errorf("after the rollback: %s", read.Body)
	}
	f.do("DELETE", configsAt+"/gameplay", f.operator, "").problem(http.StatusUnprocessableEntity, "tenancy.not_confirmed")
	f.do("DELETE", configsAt+"/gameplay?confirm=gameplay", f.operator, "").is(http.StatusNoContent)
	if r := f.do("GET", "/v1/config", player, "").is(http.StatusOK); r.Body.String() != `{"configs":{}}` {
		t.Errorf("deleted: %s", r.Body)
	}
	for action, times := range map[audit.Action]int{audit.BundleUploaded: 2, audit.ConfigReleased: 2, audit.ConfigRolledBack: 1, audit.ConfigDeclared: 1, audit.ConfigDeleted: 1} {
		if events := f.do("GET", "/v1/projects/game/environments/development/audit?action="+string(action), f.operator, "").is(http.StatusOK); len(events.json()["items"].([]any)) != times {
			t.Errorf("%s: %s", action, events.Body)
		}
	}
}

func TestReleasesAndBundlesAreListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var hashes []string
	for i := range 3 {
		hashes = append(hashes, f.push(fmt.Sprintf(`{"n":%d}`, i)))
		f.activate("gameplay", `{"bundle":"`+hashes[i]+`"}`)
		f.clock.advance(time.Second)
	}
	f.activate("client", `{}`)
	seen := func(path, member string) (all []string) {
		for next := ""; ; {
			r := f.do("GET", path+"?limit=2"+next, f.operator, "").is(http.StatusOK).json()
			for _, item := range r["items"].([]any) {
				all = append(all, fmt.Sprint(item.(map[string]any)[member]))
			}
			cursor, more := r["next_cursor"].(string)
			if !more {
				return all
			}
			next = "&cursor=" + cursor
		}
	}
	if got := seen(bundlesAt, "sha256"); !slices.Equal(got, []string{hashes[2], hashes[1], hashes[0]}) {
		t.Errorf("bundles %v", got)
	}
	if got := seen(configsAt+"/gameplay/releases", "release"); !slices.Equal(got, []string{"3", "2", "1"}) {
		t.Errorf("releases %v", got)
	}
	if got := seen(configsAt, "config"); !slices.Equal(got, []string{"client", "gameplay"}) {
		t.Errorf("configs %v", got)
	}
	f.do("GET", bundlesAt+"/"+hashes[0], f.operator, "").is(http.StatusOK)
	f.do("GET", bundlesAt+"/"+strings.ToUpper(hashes[0]), f.operator, "").problem(http.StatusNotFound, "config.bundle_not_found")
	f.do("GET", configsAt+"/gameplay/releases/2", f.operator, "").is(http.StatusOK)
	f.do("GET", configsAt+"/gameplay/releases/4", f.operator, "").problem(http.StatusNotFound, "config.release_not_found")
	f.do("GET", configsAt+"/other/releases", f.operator, "").problem(http.StatusNotFound, "config.not_found")
	inspected := f.do("GET", configsAt+"/client", f.operator, "").is(http.StatusOK)
	f.do("GET", configsAt+"/client", f.operator, "", header{"If-None-Match", inspected.Header().Get("ETag")}).is(http.StatusNotModified)
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Limits.BundleBytes, o.Limits.ConfigValueBytes = 4096, 1024 })
	for body, want := range map[string]string{`{"a":1,"a":2}`: "/a duplicate_member", `{`: " truncated", "\xff": " invalid_utf8"} {
		if got := f.do("POST", bundlesAt, f.operator, body).faults(http.StatusUnprocessableEntity, "config.not_json"); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %v", body, got)
		}
	}
	f.do("POST", bundlesAt, f.operator, "").problem(http.StatusUnprocessableEntity, "config.bundle_empty")
	f.do("POST", bundlesAt, f.operator, strings.Repeat(" ", 4097)).problem(http.StatusRequestEntityTooLarge, "config.bundle_too_large")
	f.do("POST", bundlesAt, f.operator, "{}", header{"Content-Type", ""}, header{"Content-Type", "x"}, header{"Content-Encoding", "gzip"}).problem(http.StatusUnsupportedMediaType, "config.content_type")
	f.do("POST", bundlesAt, f.operator, "{}", header{"Content-Type", ""}, header{"Content-Type", strings.Repeat("x", 101)}).problem(http.StatusUnsupportedMediaType, "config.content_type")
	f.push("{}")
	f.do("POST", bundlesAt, f.operator, "{}", header{"Content-Type", ""}, header{"Content-Type", "text/plain"}).problem(http.StatusConflict, "config.other_content_type")
	f.do("POST", "/v1/projects/game/environments/staging/bundles", f.operator, "{}").problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("POST", bundlesAt, f.key("development", tenancy.SecretKey, tenancy.ConfigsRead), "{}").problem(http.StatusForbidden, "auth.scope_required")
	if objects := f.objects(); len(objects) != 1 {
		t.Errorf("left behind: %v", objects)
	}
}

func (f *fixture) objects() []string {
	f.t.Helper()
	found, err := f.blobs.List(f.t.Context(), "", "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	var keys []string
	for _, one := range found {
		keys = append(keys, one.Key)
	}
	return keys
}

func TestAnUploadIsDoneOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.do("POST", bundlesAt, f.operator, `{"a":1}`, header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	again := f.do("POST", bundlesAt, f.operator, `{"a":1}`, header{"Idempotency-Key", "k"}).is(http.StatusCreated)
	if again.Header().Get("Idempotency-Replayed") != "true" || again.Body.String() != first.Body.String() {
		t.Errorf("again: %v %s", again.Header(), again.Body)
	}
	f.do("POST", bundlesAt, f.operator, `{"a":2}`, header{"Idempotency-Key", "k"}).problem(http.StatusUnprocessableEntity, "idempotency.mismatch")
	if objects := f.objects(); len(objects) != 1 {
		t.Errorf("objects %v", objects)
	}
}

// An upload that is cut off halfway leaves nothing that anybody sees.
func TestAnUploadThatIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := httptest.NewServer(f.api)
	t.Cleanup(s.Close)
	for name, body := range map[string]string{"length": "Content-Length: 5000000\r\n\r\n", "chunks": "Transfer-Encoding: chunked\r\n\r\n100000\r\n"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/octet-stream\r\n%s", bundlesAt, f.operator, body)
		_, _ = conn.Write(bytes.Repeat([]byte("x"), 1<<19))
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if r, body := readResponse(t, bufio.NewReader(conn), nil); r.StatusCode != 400 || !strings.Contains(body, "request.cut_off") {
			t.Errorf("%s: %d %s", name, r.StatusCode, body)
		}
		_ = conn.Close()
	}
	if objects := f.objects(); len(objects) != 0 {
		t.Errorf("objects %v", objects)
	}
	if r := f.do("GET", bundlesAt, f.operator, "").is(http.StatusOK); r.Body.String() != `{"items":[]}` {
		t.Errorf("bundles %s", r.Body)
	}
}

func TestSchemasBindBundles(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Limits.ConfigValueBytes = 1024 })
	good, bad := f.push(`{"drop":1}`), f.push(`{"drop":"x","more":[1,{"drop":-1}]}`)
	text, large := f.push("text", header{"Content-Type", ""}, header{"Content-Type", "text/plain"}), f.push(`"`+strings.Repeat("x", 2000)+`"`)
	f.activate("gameplay", `{"bundle":"`+bad+`"}`)
	schema := `{"schema":{"type":"object","properties":{"drop":{"type":"integer"}},"additionalProperties":false}}`
	if got := f.do("PUT", configsAt+"/gameplay", f.operator, schema).faults(http.StatusUnprocessableEntity, "config.schema_violation"); len(got) == 0 || !strings.HasPrefix(got[0], "bundle /") {
		t.Errorf("what is current breaks it: %v", got)
	}
	f.activate("gameplay", `{"bundle":"`+good+`"}`)
	f.do("PUT", configsAt+"/gameplay", f.operator, schema).is(http.StatusOK)
	f.do("PUT", configsAt+"/gameplay", f.operator, `{"schema":{"type":"nothing"}}`).problem(http.StatusUnprocessableEntity, "request.invalid")
	release := func(hash string) reply {
		return f.do("POST", configsAt+"/gameplay/releases", f.operator, `{"bundle":"`+hash+`"}`)
	}
	release(bad).problem(http.StatusUnprocessableEntity, "config.schema_violation")
	release(text).problem(http.StatusUnprocessableEntity, "config.not_checkable")
	release(large).problem(http.StatusUnprocessableEntity, "config.not_checkable")
	release(strings.Repeat("0", 64)).problem(http.StatusUnprocessableEntity, "config.bundle_missing")
	release("0").faults(http.StatusUnprocessableEntity, "request.invalid")
	f.do("POST", configsAt+"/gameplay/rollback", f.operator, `{}`).problem(http.StatusUnprocessableEntity, "config.schema_violation")
	f.do("POST", configsAt+"/Game_Play/releases", f.operator, `{}`).problem(http.StatusUnprocessableEntity, "config.malformed_name")
}

// Of an upload that is refused nothing is left, whether it had an Idempotency-Key or not.
func TestARefusedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.push(`{"a":1}`)
	none, text := header{"Content-Type", ""}, header{"Content-Type", "text/plain"}
	f.do("POST", bundlesAt, f.operator, `{"a":1}`, none, text).problem(http.StatusConflict, "config.other_content_type")
	f.do("POST", bundlesAt, f.operator, `{"a":1}`, none, text, header{"Idempotency-Key", "once"}).problem(http.StatusConflict, "config.other_content_type")
	for _, form := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "Application/X-WWW-Form-Urlencoded; charset=utf-8"} {
		f.do("POST", bundlesAt, f.operator, `{"b":1}`, none, header{"Content-Type", form}).problem(http.StatusUnsupportedMediaType, "config.content_type")
	}
	if left, err := f.blobs.List(t.Context(), "bundles/", "", 10); err != nil || len(left) != 1 {
		t.Errorf("%d objects, %v; want that of the first", len(left), err)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hash := f.push("{}")
	rule := func(members string) string { return `{"rules":[{"bundle":"` + hash + `",` + members + `}]}` }
	for body, want := range map[string]string{
		rule(`"basis_points":10001`):                                         "/rules/0/basis_points out_of_range",
		rule(`"basis_points":-9223372036854775808`):                          "/rules/0/basis_points out_of_range",
		rule(`"salt":"x"`):                                                   "/rules/0/salt unsupported",
		rule(`"basis_points":1,"salt":"\u0000"`):                             "/rules/0/salt malformed",
		rule(`"platforms":["a,b"]`):                                          "/rules/0/platforms/0 malformed",
		rule(`"callers":["operator"]`):                                       "/rules/0/callers not_allowed",
		rule(`"min_version":"x"`):                                            "/rules/0/min_version malformed",
		rule(`"min_version":"2","below_version":"1.9"`):                      "/rules/0/below_version out_of_range",
		rule(`"from":"2030-01-02T00:00:00Z","until":"2030-01-01T00:00:00Z"`): "/rules/0/until out_of_range",
		rule(`"until":"2050-01-01T00:00:00Z"`):                               "/rules/0/until out_of_range",
		rule(`"basis_points":0`):                                             "/rules/0/basis_points out_of_range",
		rule(`"basis_points":"0"`):                                           "/rules/0/basis_points out_of_range",
		rule(`"basis_points":1,"salt":""`):                                   "/rules/0/salt malformed",
		rule(`"platforms":[]`):                                               "/rules/0/platforms too_few",
		rule(`"regions":[]`):                                                 "/rules/0/regions too_few",
		rule(`"tags":[]`):                                                    "/rules/0/tags too_few",
		rule(`"callers":[]`):                                                 "/rules/0/callers too_few",
		rule(`"min_version":""`):                                             "/rules/0/min_version malformed",
		rule(`"below_version":""`):                                           "/rules/0/below_version malformed",
		rule(`"from":"0001-01-01T00:00:00Z"`):                                "/rules/0/from malformed",
		`{"bundle":""}`:                                                      "/bundle malformed",
		rule(`"persent":20`):                                                 "/rules/0/persent unknown",
		`{"bundle":"` + hash + `","rules":[]}`:                               "/bundle unsupported",
		`{"rules":[` + strings.Repeat(`{"bundle":"`+hash+`"},`, 50) + `{"bundle":"` + hash + `"}]}`: "/rules too_many",
		`{"note":"` + strings.Repeat("x", 501) + `"}`:                                               "/note malformed",
	} {
		if got := f.do("POST", configsAt+"/gameplay/releases", f.operator, body).faults(http.StatusUnprocessableEntity, "request.invalid"); len(got) != 1 || got[0] != want {
			t.Errorf("%.80s: %v, want %s", body, got, want)
		}
	}
	for query, want := range map[string]string{
		"app_version=x": "query /app_version malformed", "tags=a,,b": "query /tags malformed", "platform=": "query /platform malformed",
		"region=a,b": "query /region malformed", "config=" + strings.Repeat("a,", 50) + "a": "query /config malformed", "plattform=ios": "query /plattform unknown",
	} {
		if got := f.do("GET", "/v1/config?"+query, f.server, "").faults(http.StatusBadRequest, "request.malformed_parameter"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

func TestWaitingForAChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.activate("gameplay", `{"bundle":"`+f.push(`{"n":1}`)+`"}`)
	for _, wait := range []string{"-1", "61"} {
		if got := f.do("GET", "/v1/config?wait="+wait, f.server, "").faults(http.StatusBadRequest, "request.malformed_parameter"); len(got) != 1 || got[0] != "query /wait out_of_range" {
			t.Errorf("wait %s: %v", wait, got)
		}
	}
	tag := f.do("GET", "/v1/config?wait=60", f.server, "").is(http.StatusOK).Header().Get("ETag")
	f.do("GET", "/v1/config?wait=60", f.server, "", header{"If-None-Match", `"other"`}).is(http.StatusOK)
	second := f.push(`{"n":2}`)
	answered := make(chan reply, 1)
	go func() {
		answered <- send(t, f.api, "GET", "/v1/config?wait=60", f.server, "", header{"If-None-Match", tag})
	}()
	f.activate("gameplay", `{"bundle":"`+second+`"}`)
	r := <-answered
	if r.Code != http.StatusOK || r.Header().Get("ETag") == tag || !strings.Contains(r.Body.String(), `"n":2`) {
		t.Errorf("woken with %d %v %s", r.Code, r.Header(), r.Body)
	}
	f.app.Configs.EndWaits()
	f.do("GET", "/v1/config?wait=60", f.server, "", header{"If-None-Match", r.Header().Get("ETag")}).is(http.StatusNotModified)
	if len(f.api.gate.places) != 0 {
		t.Errorf("%d places are kept", len(f.api.gate.places))
	}
}

// Of polls as many wait as may. One more is refused, and is told so by what it may do instead.
func TestPollsBeyondTheirLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Limits.WaitingPolls = 1 })
	first, second := f.push(`{"n":1}`), f.push(`{"n":2}`)
	f.activate("gameplay", `{"bundle":"`+first+`"}`)
	unchanged := header{"If-None-Match", f.do("GET", "/v1/config", f.server, "").is(http.StatusOK).Header().Get("ETag")}
	answers := make(chan reply, 2)
	for range 2 {
		go func() { answers <- send(t, f.api, "GET", "/v1/config?wait=60", f.server, "", unchanged) }()
	}
	refused := <-answers
	refused.problem(http.StatusServiceUnavailable, "config.too_many_waiting")
	if refused.Header().Get("Retry-After") != "10" {
		t.Errorf("refused with %v", refused.Header())
	}
	f.do("GET", "/v1/config", f.server, "", unchanged).is(http.StatusNotModified)
	f.activate("gameplay", `{"bundle":"`+second+`"}`)
	(<-answers).is(http.StatusOK)
	if polls := f.app.Configs.Polls(); polls.Waiting != 0 || polls.Refused != 1 {
		t.Errorf("%+v", polls)
	}
}
