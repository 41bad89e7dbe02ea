package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const savePath = "/v1/players/me/documents/saves/slot"

// faultsOf are the pointers and codes that a problem lists, in order of the pointers.
func faultsOf(p harness.Problem) string {
	var all []string
	for _, e := range p.Errors {
		all = append(all, strings.TrimPrefix(e.In+":", ":")+e.Pointer+" "+e.Code)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestHostileRequests sends what no honest client would, and wants of each the
// documented problem, with a pointer to what is wrong, and never an error of ours.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Embedded(t))
	player, _ := w.player(t)
	t.Run("bodies", func(t *testing.T) { hostileBodies(t, w, player) })
	t.Run("parameters and headers", func(t *testing.T) { hostileParameters(t, w, player) })
	t.Run("paths and methods", func(t *testing.T) { hostilePaths(t, w, player) })
	t.Run("mutated bodies", func(t *testing.T) { mutatedBodies(t, player) })
	if faults := w.first.Faults(); len(faults) > 0 {
		t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
	}
	for _, entry := range w.first.Log("request") {
		if status, _ := entry["status"].(float64); status >= 500 {
			t.Errorf("a reply of %v: %v", status, entry)
		}
	}
}

func hostileBodies(t *testing.T, w world, player harness.Client) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	large := `{"value":{"a":"` + strings.Repeat("x", 300<<10) + `"}}`
	huge := `{"value":{"a":"` + strings.Repeat("x", 2<<20) + `"}}`
	for _, c := range []struct {
		name, body string
		status     int
		code       string
		faults     string
	}{
		{"empty", "", 400, "request.malformed_json", " required"},
		{"cut off", `{"value":{"a":1`, 400, "request.malformed_json", "/value truncated"},
		{"not JSON", `value=1`, 400, "request.malformed_json", " syntax"},
		{"a comment", `{"value":{/* */}}`, 400, "request.malformed_json", "/value syntax"},
		{"a byte order mark", "\xef\xbb\xbf{}", 400, "request.malformed_json", " syntax"},
		{"not a number", `{"value":{"a":NaN}}`, 400, "request.malformed_json", "/value/a syntax"},
		{"trailing data", `{"value":{}} {}`, 400, "request.malformed_json", " trailing_data"},
		{"invalid UTF-8", "{\"value\":{\"a\":\"\xff\"}}", 400, "request.malformed_json", " invalid_utf8"},
		{"half a surrogate", `{"value":{"a":"\ud800"}}`, 400, "request.malformed_json", "/value/a syntax"},
		{"a member twice", `{"value":{},"value":{}}`, 400, "request.malformed_json", "/value duplicate_member"},
		{"a member twice within", `{"value":{"a":{"b":1,"b":2}}}`, 400, "request.malformed_json", "/value/a/b duplicate_member"},
		{"a member twice, once escaped", `{"value":{"a":1,"\u0061":2}}`, 400, "request.malformed_json", "/value/a duplicate_member"},
		{"too deep", `{"value":` + deep + `}`, 400, "request.malformed_json", " too_deep"},
		{"too deep and never closed", strings.Repeat("[", 900<<10), 400, "request.malformed_json", " too_deep"},
		{"unknown members", `{"value":{},"valeu":1,"a/b~c":{"value":{}},"":1}`, 422, "request.invalid", "/ unknown, /a~1b~0c unknown, /valeu unknown"},
		{"wrong types", `{"value":{},"read":1,"write":["owner"]}`, 422, "request.invalid", "/read wrong_type, /write wrong_type"},
		{"all at once", `{"read":null,"extra":true}`, 422, "request.invalid", "/extra unknown, /read wrong_type, /value required"},
		{"an array", `[{"value":{}}]`, 422, "request.invalid", " wrong_type"},
		{"null", `null`, 422, "request.invalid", " wrong_type"},
		{"a value that is no object", `{"value":[1]}`, 422, "request.invalid", "/value not_an_object"},
		{"unknown words", `{"value":{},"read":"everyone","write":"nobody"}`, 422, "request.invalid", "/read not_allowed, /write not_allowed"},
		{"a value too large", large, 413, "storage.value_too_large", ""},
		{"a body too large", huge, 413, "request.too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := player.Do(t, "PUT", savePath, c.body).Refused(t, c.status, c.code)
			if got := faultsOf(p); got != c.faults {
				t.Errorf("it tells of %q, want %q", got, c.faults)
			}
		})
	}
	t.Run("a body too large, of unknown length", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), "PUT", player.URL+savePath, io.MultiReader(strings.NewReader(huge)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+player.Credential)
		reply, err := harness.Exchange(request)
		if err != nil {
			t.Fatal(err)
		}
		reply.Refused(t, http.StatusRequestEntityTooLarge, "request.too_large")
	})
	for name, header := range map[string][]string{
		"no media type":      {"Content-Type", ""},
		"text":               {"Content-Type", "text/plain"},
		"a form":             {"Content-Type", "application/x-www-form-urlencoded"},
		"JSON of a sort":     {"Content-Type", "application/jsonp"},
		"not UTF-8":          {"Content-Type", "application/json; charset=latin1"},
		"no media type ever": {"Content-Type", ";;;"},
		"compressed":         {"Content-Type", "application/json", "Content-Encoding", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			player.Do(t, "PUT", savePath, `{"value":{}}`, header...).Refused(t, http.StatusUnsupportedMediaType, "request.unsupported_media_type")
		})
	}
	t.Run("every route with a body", func(t *testing.T) {
		staging := "/v1/projects/" + w.project.Slug + "/environments/staging"
		for _, c := range []struct {
			client       harness.Client
			method, path string
			body, faults string
		}{
			{w.game(), "POST", "/v1/auth/guest", `{"device_secret":12345,"x":1}`, "/device_secret wrong_type, /x unknown"},
			{w.game(), "POST", "/v1/auth/guest", `{"device_secret":"short"}`, "/device_secret too_weak"},
			{w.game(), "POST", "/v1/auth/refresh", `{}`, "/refresh_token required"},
			{w.operator(), "POST", "/v1/projects/" + w.project.Slug + "/environments", `{"slug":"UPPER","production":"yes"}`, "/production wrong_type"},
			{w.operator(), "PATCH", staging, `{"settings":{"access_token_lifetime_seconds":1,"guest_sign_in":0,"deep":{}}}`, "/settings/deep unknown, /settings/guest_sign_in wrong_type"},
			{w.operator(), "PATCH", staging, `{"settings":{"access_token_lifetime_seconds":1.5,"clock_offset_seconds":"9223372036854775808"}}`, "/settings/access_token_lifetime_seconds wrong_type, /settings/clock_offset_seconds out_of_range"},
			{w.operator(), "PATCH", staging, `{"settings":{"access_token_lifetime_seconds":1,"refresh_token_lifetime_seconds":9223372036854775807}}`, "/settings/access_token_lifetime_seconds out_of_range, /settings/refresh_token_lifetime_seconds out_of_range"},
			{w.operator(), "POST", staging + "/keys", `{"kind":"server_token","name":"","scopes":["audit:read"],"networks":["10.0.0.0/8"]}`, "/name malformed, /scopes/0 unknown"},
			{w.operator(), "POST", staging + "/keys", `{"kind":"server_token","name":"x","scopes":["*"],"networks":["10.0.0.0/99"]}`, "/networks/0 malformed"},
			{w.operator(), "POST", staging + "/keys", `{"kind":"secret_key","name":"x","scopes":["*"],"expires_at":"tomorrow"}`, "/expires_at malformed"},
			{w.operator(), "POST", staging + "/signing-keys", `{"at_once":"true"}`, "/at_once wrong_type"},
		} {
			p := c.client.Do(t, c.method, c.path, c.body).Refused(t, http.StatusUnprocessableEntity, "request.invalid")
			if got := faultsOf(p); got != c.faults {
				t.Errorf("%s %s with %s tells of %q, want %q", c.method, c.path, c.body, got, c.faults)
			}
		}
	})
	t.Run("nothing is echoed", func(t *testing.T) {
		const secret = "correct-horse-battery-staple"
		for _, body := range []string{`{"device_secret":{"` + secret + `":1}}`, `{"device_secret":"` + secret + `"`, `{"device_secret":["` + secret + `"]}`} {
			if reply := w.game().Do(t, "POST", "/v1/auth/guest", body); reply.Status < 400 || bytes.Contains(reply.Body, []byte(secret)) {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		}
	})
}

func hostileParameters(t *testing.T, w world, player harness.Client) {
	const list = "/v1/players/me/documents"
	for query, faults := range map[string]string{
		"?colection=saves":            "query:/colection unknown",
		"?a%2Fb=1&c~d=2":              "query:/a~1b unknown, query:/c~0d unknown",
		"?limit=0":                    "query:/limit out_of_range",
		"?limit=101":                  "query:/limit out_of_range",
		"?limit=-1":                   "query:/limit out_of_range",
		"?limit=99999999999999999999": "query:/limit malformed",
		"?limit=1&limit=2":            "query:/limit repeated",
		"?limit=ten&values=maybe":     "query:/limit malformed, query:/values malformed",
		"?values=1":                   "query:/values malformed",
		"?int64=number":               "query:/int64 malformed",
		"?collection=a%2Fb":           "query:/collection malformed",
		"?prefix=slot-":               "query:/collection required",
		"?prefix=a%00b":               "query:/prefix malformed",
		"?prefix=%ff":                 "query:/prefix malformed",
		"?prefix=%zz":                 "query: malformed",
	} {
		p := player.Do(t, "GET", list+query, nil).Refused(t, http.StatusBadRequest, "request.malformed_parameter")
		if got := faultsOf(p); got != faults {
			t.Errorf("%s tells of %q, want %q", query, got, faults)
		}
	}
	for _, c := range []struct{ path, code, faults string }{
		{"/v1/players/you", "request.malformed_parameter", "path:/player malformed"},
		{"/v1/players/00000000-0000-0000-0000-00000000000g", "request.malformed_parameter", "path:/player malformed"},
		{"/v1/players/{00000000-0000-0000-0000-000000000000}", "request.malformed_parameter", "path:/player malformed"},
	} {
		p := player.Do(t, "GET", c.path, nil).Refused(t, http.StatusBadRequest, c.code)
		if got := faultsOf(p); got != c.faults {
			t.Errorf("%s tells of %q, want %q", c.path, got, c.faults)
		}
	}
	for name, header := range map[string][]string{
		"a bare tag":          {"If-Match", "1"},
		"an open tag":         {"If-Match", `"1`},
		"words":               {"If-Match", `"1" or "2"`},
		"nothing":             {"If-Match", ""},
		"a tag that must not": {"If-None-Match", `"1"`},
	} {
		p := player.Do(t, "PUT", savePath, `{"value":{}}`, header...).Refused(t, http.StatusBadRequest, "request.malformed_parameter")
		if want := "header:/" + header[0] + " malformed"; faultsOf(p) != want {
			t.Errorf("%s tells of %q, want %q", name, faultsOf(p), want)
		}
	}
	for name, value := range map[string]string{
		"another scheme": "Basic b3c6b3c=", "no credential": "Bearer", "a blank credential": "Bearer  ", "no scheme": player.Credential,
	} {
		if reply := player.As("").Do(t, "GET", savePath, nil, "Authorization", value); reply.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, reply.Status, reply.Body)
		}
	}
	for name, credential := range map[string]string{
		"a long one": strings.Repeat("a", 20<<10), "three dots": "a.b.c.d", "two": "..", "a JWT of nothing": "e30.e30.e30",
		"a key and more": w.project.Secret + "x", "a cut key": w.project.Secret[:len(w.project.Secret)-1],
	} {
		reply := player.As(credential).Do(t, "GET", savePath, nil)
		reply.Refused(t, http.StatusUnauthorized, "auth.invalid_credential")
		if bytes.Contains(reply.Body, []byte(credential)) {
			t.Errorf("%s is echoed: %s", name, reply.Body)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", player.URL+"/v1/players/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header["Authorization"] = []string{"Bearer " + player.Credential, "Bearer " + w.project.Secret}
	reply, err := harness.Exchange(request)
	if err != nil {
		t.Fatal(err)
	}
	reply.Refused(t, http.StatusUnauthorized, "auth.credential_required")

	for sent, kept := range map[string]bool{
		"my-request-1": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "a b": false, `"};alert(1)`: false, "ünlaut": false,
	} {
		got := player.Do(t, "GET", "/v1/players/me", nil, "X-Request-Id", sent).Want(t, http.StatusOK).Header.Get("X-Request-Id")
		if got == "" || (got == sent) != kept {
			t.Errorf("request id %q came back as %q", sent, got)
		}
	}
	request, err = http.NewRequestWithContext(t.Context(), "GET", player.URL+"/v1/players/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Padding", strings.Repeat("x", 64<<10))
	reply, err = harness.Exchange(request)
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// It reads no further and hangs up, which may overtake its reply.
	case err != nil:
		t.Fatal(err)
	case reply.Status != http.StatusRequestHeaderFieldsTooLarge:
		t.Errorf("64 KiB of header: %d", reply.Status)
	}
}

func hostilePaths(t *testing.T, w world, player harness.Client) {
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/v1", 404}, {"/v1/", 404}, {"//v1/limits", 404}, {"/v1//limits", 404}, {"/v1/limits/", 404}, {"/V1/limits", 404},
		{"/v1/../v1/limits", 404}, {"/v1/./limits", 404}, {"/v1/%2e%2e/v1/limits", 404}, {"/v1%2flimits", 404},
		{"/v1/players/me/documents/saves/../slot", 404}, {"/v1/players/me/documents/saves/a%2fb", 404}, {"/v1/players/me/documents/saves/a%2Fb", 404},
		{"/v1/players/me/documents/saves/", 404}, {"/v1/players/me/documents/saves/a/b", 404},
		{"/v1/players/me/documents/saves/a%00b", 400}, {"/v1/players/me/documents/saves/%ff", 400}, {"/v1/players/me/documents/saves/a%20b", 0},
		{"/v1/players/me/documents/saves/..%5c", 0}, {"/v1/players/me/documents/saves/%2e%2e", 0}, {"/v1/players/me/documents/saves/ünlaut", 0},
		{"/v1/players/me/documents/" + long + "/slot", 0}, {"/v1/players/me/documents/saves/" + long, 0}, {"/" + long, 404},
		{"/problems/" + long, 404}, {"/problems/..", 404}, {"/problems/<script>", 404}, {"/nowhere", 404},
	} {
		reply := raw(t, w, "GET", c.path, player.Credential)
		p, err := reply.Problem()
		if err != nil {
			t.Errorf("%.60s: %v", c.path, err)
			continue
		}
		if c.status != 0 && p.Status != c.status || p.Status < 400 || p.Status >= 500 {
			t.Errorf("%.60s: got %d %s, want %d", c.path, p.Status, p.Code, c.status)
		}
		if bytes.Contains(reply.Body, []byte(long)) || bytes.Contains(reply.Body, []byte("<script>")) {
			t.Errorf("%.60s is echoed: %s", c.path, reply.Body)
		}
	}
	for _, path := range []string{"/%", "/%zz", "/v1/limits#x y"} { // refused by the HTTP server itself
		if reply := raw(t, w, "GET", path, ""); reply.Status < 400 || reply.Status >= 500 {
			t.Errorf("%s: %d", path, reply.Status)
		}
	}
	const allowed = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
	for _, method := range []string{"POST", "TRACE", "BREW", "CONNECT"} {
		reply := raw(t, w, method, savePath, player.Credential)
		if p, err := reply.Problem(); err != nil || p.Status != http.StatusMethodNotAllowed || reply.Header.Get("Allow") != allowed {
			t.Errorf("%s: %d %s, Allow: %s (%v)", method, p.Status, p.Code, reply.Header.Get("Allow"), err)
		}
	}
	if reply := raw(t, w, "OPTIONS", savePath, ""); reply.Status != http.StatusNoContent || reply.Header.Get("Allow") != allowed {
		t.Errorf("OPTIONS: %d, Allow: %s", reply.Status, reply.Header.Get("Allow"))
	}
}

// raw sends a request line as it stands, which Go's client would tidy up.
func raw(t *testing.T, w world, method, target, credential string) harness.Reply {
	t.Helper()
	conn := dial(t, w)
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: overworld\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", method, target, credential)
	return readReply(t, conn, method+" "+target)
}

func dial(t *testing.T, w world) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.first.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	// Not how fast it must be, but how long a test that hangs may.
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func readReply(t *testing.T, conn net.Conn, name string) harness.Reply {
	t.Helper()
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60s: %v", name, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("%.60s: %v", name, err)
	}
	return harness.Reply{Request: name, Status: reply.StatusCode, Header: reply.Header, Body: body}
}

// mutatedBodies breaks a good body at random, the same way each run.
func mutatedBodies(t *testing.T, player harness.Client) {
	const good = `{"value":{"name":"\u00e9t\u00e9","list":[1,-2.5e10,true,null,{"deep":{"er":"x"}}]},"read":"public","write":"owner"}`
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("{}[]\",:\\\x00\xff\x1f0eE-+.nut /")
	statuses := map[int]int{}
	for range 1500 {
		body := []byte(good)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(body))
			switch random.IntN(4) {
			case 0:
				body[at] = alphabet[random.IntN(len(alphabet))]
			case 1:
				body = slices.Delete(body, at, min(len(body), at+1+random.IntN(4)))
			case 2:
				body = slices.Insert(body, at, alphabet[random.IntN(len(alphabet))])
			default:
				body = slices.Insert(body, at, body[random.IntN(at+1):at]...)
			}
		}
		reply := player.Do(t, "PUT", savePath, body)
		statuses[reply.Status]++
		if reply.Status < 300 {
			continue
		}
		if p, err := reply.Problem(); err != nil || p.Status >= 500 || p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity || len(p.Errors) == 0 {
			t.Errorf("%q: %d %s %v", body, p.Status, reply.Body, err)
		}
	}
	t.Logf("replies by status: %v", statuses)
}

// TestSlowClientsAreBounded starts requests and never ends them.
func TestSlowClientsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Embedded(t).With("LIMITS_REQUEST_SECONDS=1"))
	player, _ := w.player(t)
	head := "PUT " + savePath + " HTTP/1.1\r\nHost: overworld\r\nContent-Type: application/json\r\nAuthorization: Bearer " + player.Credential + "\r\n"
	for name, text := range map[string]string{
		"a body of a length":   head + "Content-Length: 100\r\n\r\n{\"value\":",
		"a body of no length":  head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"val\r\n",
		"no byte of its body":  head + "Content-Length: 100\r\n\r\n",
		"a body after waiting": head + "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, w)
			defer conn.Close()
			fmt.Fprint(conn, text)
			reader := bufio.NewReader(conn)
			reply, err := http.ReadResponse(reader, nil)
			if err == nil && reply.StatusCode == http.StatusContinue {
				reply, err = http.ReadResponse(reader, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			if reply.StatusCode != http.StatusGatewayTimeout || reply.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %s %s", reply.Status, reply.Header.Get("Content-Type"))
			}
			body, err := io.ReadAll(reply.Body)
			if err != nil || !bytes.Contains(body, []byte(`"service.timeout"`)) {
				t.Errorf("%s (%v)", body, err)
			}
			// The connection is of no use any more, and must not be kept.
			if _, err := io.Copy(io.Discard, reader); err != nil {
				t.Errorf("the connection is not closed: %v", err)
			}
		})
	}
	t.Run("a header", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, w)
		defer conn.Close()
		fmt.Fprint(conn, head)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the connection is not closed: %v", err)
		}
	})
}
