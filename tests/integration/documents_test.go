package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

func documentPermissions(t *testing.T, w world) {
	owner, grant := w.player(t)
	other, _ := w.player(t)
	theirs := "/v1/players/" + grant.PlayerID + "/documents/"
	mine := "/v1/players/me/documents/"
	value := object{"value": object{"gold": 1}}
	put := func(c harness.Client, path string, body object) harness.Reply { return c.Do(t, "PUT", path, body) }

	put(owner, mine+"saves/private", value).Want(t, http.StatusCreated)
	put(owner, mine+"saves/public", object{"value": object{}, "read": "public"}).Want(t, http.StatusCreated)
	put(w.server(), theirs+"saves/secret", object{"value": object{}, "read": "server", "write": "server"}).Want(t, http.StatusCreated)
	put(w.server(), theirs+"saves/award", object{"value": object{}, "write": "server"}).Want(t, http.StatusCreated)
	put(w.server(), "/v1/documents/rules/public", value).Want(t, http.StatusCreated)
	put(w.server(), "/v1/documents/rules/secret", object{"value": object{}, "read": "server"}).Want(t, http.StatusCreated)

	gone, denied := "storage.document_not_found", "storage.write_denied"
	for _, c := range []struct {
		who    string
		client harness.Client
		method string
		path   string
		status int
		code   string
	}{
		{"owner", owner, "GET", theirs + "saves/private", 200, ""},
		{"owner", owner, "GET", theirs + "saves/award", 200, ""},
		{"owner", owner, "GET", mine + "saves/secret", 404, gone},
		{"owner", owner, "PUT", mine + "saves/award", 403, denied},
		{"owner", owner, "DELETE", mine + "saves/award", 403, denied},
		{"other", other, "GET", theirs + "saves/private", 404, gone},
		{"other", other, "GET", theirs + "saves/public", 200, ""},
		{"other", other, "PUT", theirs + "saves/public", 403, denied},
		{"other", other, "PUT", theirs + "saves/new", 403, denied},
		{"other", other, "DELETE", theirs + "saves/public", 403, denied},
		{"other", other, "GET", "/v1/documents/rules/public", 200, ""},
		{"other", other, "GET", "/v1/documents/rules/secret", 404, gone},
		{"other", other, "PUT", "/v1/documents/rules/public", 403, denied},
		{"other", other, "DELETE", "/v1/documents/rules/public", 403, denied},
		{"server", w.server(), "GET", theirs + "saves/private", 200, ""},
		{"server", w.server(), "GET", theirs + "saves/secret", 200, ""},
		{"server", w.server(), "PUT", theirs + "saves/private", 200, ""},
		{"server", w.server(), "GET", "/v1/documents/rules/secret", 200, ""},
	} {
		var body any
		if c.method == "PUT" {
			body = value
		}
		reply := c.client.At(w.second).Do(t, c.method, c.path, body)
		if c.code != "" {
			reply.Refused(t, c.status, c.code)
			continue
		}
		reply.Want(t, c.status)
	}
	if refusal := put(owner, mine+"saves/mine", object{"value": object{}, "read": "server"}).
		Refused(t, http.StatusUnprocessableEntity, "request.invalid"); len(refusal.Errors) != 1 || refusal.Errors[0].Pointer != "/read" {
		t.Errorf("a player who sets read to server is told %+v", refusal.Errors)
	}
	for who, want := range map[string]int{"owner": 3, "other": 1, "server": 4} {
		client := map[string]harness.Client{"owner": owner, "other": other, "server": w.server()}[who]
		var page struct{ Items []harness.Document }
		client.Do(t, "GET", theirs[:len(theirs)-1]+"?collection=saves", nil).Want(t, http.StatusOK).Into(t, &page)
		if len(page.Items) != want {
			t.Errorf("%s lists %d documents, want %d", who, len(page.Items), want)
		}
	}
}

func preconditions(t *testing.T, w world) {
	player, _ := w.player(t)
	const path = "/v1/players/me/documents/saves/slot"
	body := func(n int) object { return object{"value": object{"n": n}} }

	player.Do(t, "PUT", path, body(0), "If-Match", "*").Refused(t, http.StatusPreconditionFailed, "storage.version_mismatch")
	made := player.Do(t, "PUT", path, body(1), "If-None-Match", "*").Want(t, http.StatusCreated)
	if tag := made.Header.Get("ETag"); tag != `"1"` {
		t.Fatalf("the first version has ETag %s", tag)
	}
	missed := func(r harness.Reply) {
		t.Helper()
		p := r.Refused(t, http.StatusPreconditionFailed, "storage.version_mismatch")
		var current harness.Document
		if err := json.Unmarshal(p.Current, &current); err != nil || current.Version != 1 || string(current.Value) != `{"n":1}` {
			t.Fatalf("412 carries %s (%v)", p.Current, err)
		}
	}
	missed(player.At(w.second).Do(t, "PUT", path, body(2), "If-None-Match", "*"))
	missed(player.Do(t, "PUT", path, body(2), "If-Match", `"2"`))
	missed(player.Do(t, "PUT", path, body(2), "If-Match", `W/"1"`))
	missed(player.Do(t, "DELETE", path, nil, "If-Match", `"7", "8"`))
	player.Do(t, "PUT", path, body(2), "If-Match", `"9", "1"`).Want(t, http.StatusOK)
	player.Do(t, "PUT", path, body(3), "If-Match", "*").Want(t, http.StatusOK)
	player.Do(t, "DELETE", path, nil, "If-Match", `"3"`).Want(t, http.StatusNoContent)
	player.Do(t, "DELETE", path, nil).Refused(t, http.StatusNotFound, "storage.document_not_found")
	p := player.Do(t, "PUT", path, body(4), "If-Match", `"3"`).Refused(t, http.StatusPreconditionFailed, "storage.version_mismatch")
	if p.Current != nil {
		t.Errorf("a deleted document is shown: %s", p.Current)
	}
}

func versionsNeverReused(t *testing.T, w world) {
	player, _ := w.player(t)
	const path = "/v1/players/me/documents/saves/phoenix"
	last := int64(0)
	for life := range 4 {
		for range 2 {
			version := player.Do(t, "PUT", path, object{"value": object{"life": life}}).Want(t, 200, 201).Document(t).Version
			if version <= last {
				t.Fatalf("version %d came after %d", version, last)
			}
			last = version
		}
		player.At(w.second).Do(t, "DELETE", path, nil).Want(t, http.StatusNoContent)
		// A reader of an old life can't mistake the new one for it.
		player.Do(t, "PUT", path, object{"value": object{}}, "If-Match", fmt.Sprintf(`"%d"`, last)).
			Refused(t, http.StatusPreconditionFailed, "storage.version_mismatch")
	}
	w.afterRestart(func(t *testing.T, w world) {
		reply := w.first.Client(player.Credential).Do(t, "PUT", path, object{"value": object{}}).Want(t, http.StatusCreated)
		if version := reply.Document(t).Version; version <= last {
			t.Errorf("after a restart version %d came after %d", version, last)
		}
	})
}

func hundredWriters(t *testing.T, w world) {
	const writers = 100
	player, _ := w.player(t)
	const path = "/v1/players/me/documents/saves/counter"
	player.Do(t, "PUT", path, object{"value": object{"n": 0}}).Want(t, http.StatusCreated)

	var misses atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if err := increment(t, player.At(w.replicas()[i%2]), path, &misses); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	all.Wait()
	check := func(t *testing.T, w world) {
		d := w.second.Client(player.Credential).Do(t, "GET", path, nil).Want(t, http.StatusOK).Document(t)
		if string(d.Value) != fmt.Sprintf(`{"n":%d}`, writers) || d.Version != writers+1 {
			t.Errorf("after %d increments: %s, version %d", writers, d.Value, d.Version)
		}
	}
	check(t, w)
	w.afterRestart(check)
	t.Logf("%d writers incremented one document, none was lost; %d writes missed their version and tried again", writers, misses.Load())
}

// increment adds one to the document's n, over whatever version is current, by
// merging with what a 412 carries.
func increment(t *testing.T, c harness.Client, path string, misses *atomic.Int64) error {
	reply, err := c.Send(t.Context(), "GET", path, nil)
	if err != nil {
		return err
	}
	text := reply.Body
	for {
		var current struct {
			Value   struct{ N int }
			Version int64
		}
		if err := json.Unmarshal(text, &current); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		reply, err := c.Send(t.Context(), "PUT", path, object{"value": object{"n": current.Value.N + 1}},
			"If-Match", `"`+strconv.FormatInt(current.Version, 10)+`"`)
		if err != nil {
			return err
		}
		switch reply.Status {
		case http.StatusOK:
			return nil
		case http.StatusPreconditionFailed:
			misses.Add(1)
			p, err := reply.Problem()
			if err != nil {
				return err
			}
			text = p.Current
		default:
			return fmt.Errorf("%d %s", reply.Status, reply.Body)
		}
	}
}

func conditionalGet(t *testing.T, w world) {
	player, _ := w.player(t)
	const path = "/v1/players/me/documents/saves/cached"
	text := `{"value": { "z": 1.10, "a": 12345678901234567890, "u": "\u00e9", "list": [ 1, {"b":null} ] }}`
	tag := player.Do(t, "PUT", path, text).Want(t, http.StatusCreated).Header.Get("ETag")
	for _, sent := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		reply := player.At(w.second).Do(t, "GET", path, nil, "If-None-Match", sent).Want(t, http.StatusNotModified)
		if len(reply.Body) > 0 || reply.Header.Get("ETag") != tag {
			t.Errorf("304 has ETag %s and body %q", reply.Header.Get("ETag"), reply.Body)
		}
	}
	whole := player.Do(t, "GET", path, nil, "If-None-Match", `"77"`).Want(t, http.StatusOK)
	if want := `{"z":1.10,"a":12345678901234567890,"u":"\u00e9","list":[1,{"b":null}]}`; string(whole.Document(t).Value) != want {
		t.Errorf("the value came back as %s, want %s", whole.Document(t).Value, want)
	}
	head := player.Do(t, "HEAD", path, nil).Want(t, http.StatusOK)
	if len(head.Body) > 0 || head.Header.Get("ETag") != tag || head.Header.Get("Content-Length") != strconv.Itoa(len(whole.Body)) {
		t.Errorf("HEAD got %v and %d bytes", head.Header, len(head.Body))
	}
	player.Do(t, "PUT", path, object{"value": object{}}).Want(t, http.StatusOK)
	player.At(w.second).Do(t, "GET", path, nil, "If-None-Match", tag).Want(t, http.StatusOK)
}

func exactInt64(t *testing.T, w world) {
	const number = `{"big":9223372036854775807,"small":-9223372036854775808}`
	player, _ := w.player(t)
	const path = "/v1/players/me/documents/saves/exact"
	player.Do(t, "PUT", path, `{"value":`+number+`}`).Want(t, http.StatusCreated)
	plain := player.Do(t, "GET", path, nil).Want(t, http.StatusOK)
	if !bytes.Contains(plain.Body, []byte(`"version":1,`)) || !bytes.Contains(plain.Body, []byte(number)) {
		t.Errorf("as numbers: %s", plain.Body)
	}
	text := player.Do(t, "GET", path+"?int64=string", nil).Want(t, http.StatusOK)
	if !bytes.Contains(text.Body, []byte(`"version":"1"`)) || !bytes.Contains(text.Body, []byte(number)) {
		t.Errorf("as strings: %s", text.Body)
	}
	stale := player.Do(t, "PUT", path+"?int64=string", object{"value": object{}}, "If-Match", `"5"`)
	if p := stale.Refused(t, http.StatusPreconditionFailed, "storage.version_mismatch"); !bytes.Contains(p.Current, []byte(`"version":"1"`)) {
		t.Errorf("the current document of a 412: %s", p.Current)
	}
	// Members of requests may be strings on any route.
	environment := "/v1/projects/" + w.project.Slug + "/environments/staging"
	edited := w.operator().Do(t, "PATCH", environment, `{"settings":{"access_token_lifetime_seconds":"1200"}}`).Want(t, http.StatusOK)
	if !bytes.Contains(edited.Body, []byte(`"access_token_lifetime_seconds":1200`)) {
		t.Errorf("a string of digits became %s", edited.Body)
	}
}
