package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestRevisions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.guest()
	const path = "/v1/players/me/documents/saves/slot"
	for n := 1; n <= 4; n++ {
		f.do("PUT", path, token, fmt.Sprintf(`{"value":{"n":%d}}`, n))
	}
	f.do("DELETE", path, token, "").is(http.StatusNoContent)

	var versions []string
	for cursor := ""; ; {
		page := f.do("GET", path+"/revisions?limit=2"+cursor, token, "").is(http.StatusOK)
		for _, one := range page.json()["items"].([]any) {
			item := one.(map[string]any)
			versions = append(versions, fmt.Sprintf("%s %t %t", item["version"], item["deleted"] == true, item["value"] == nil))
		}
		next, more := page.json()["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if got := strings.Join(versions, ", "); got != "5 true true, 4 false true, 3 false true, 2 false true, 1 false true" {
		t.Errorf("versions %s", got)
	}
	if r := f.do("GET", path+"/revisions?values=true", f.server, "").problem(http.StatusBadRequest, "request.malformed_parameter"); r["errors"] == nil {
		t.Errorf("me of a server: %v", r)
	}
	if r := f.do("GET", "/v1/players/"+id+"/documents/saves/slot/revisions?values=true", f.server, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"value":{"n":4}`) {
		t.Errorf("with values: %s", r.Body)
	}
	if r := f.do("GET", path+"/revisions/2?int64=string", token, "").is(http.StatusOK); !strings.Contains(r.Body.String(), `"value":{"n":2},"version":"2"`) {
		t.Errorf("one: %s", r.Body)
	}
	f.do("GET", path+"/revisions/9", token, "").problem(http.StatusNotFound, "storage.revision_not_found")
	f.do("GET", path+"/revisions/x", token, "").problem(http.StatusBadRequest, "request.malformed_parameter")
	f.do("GET", path+"2/revisions", token, "").problem(http.StatusNotFound, "storage.document_not_found")
	f.do("POST", path+"/revisions/5/restore", token, "").problem(http.StatusNotFound, "storage.revision_not_found")

	restored := f.do("POST", path+"/revisions/2/restore", token, "").is(http.StatusCreated)
	if !strings.Contains(restored.Body.String(), `"value":{"n":2},"version":6`) || restored.Header().Get("ETag") != `"6"` {
		t.Errorf("restored %s", restored.Body)
	}
	f.do("POST", path+"/revisions/3/restore", token, "", header{"If-Match", `"5"`}).problem(http.StatusPreconditionFailed, "storage.version_mismatch")
	f.do("POST", path+"/revisions/3/restore", token, "", header{"If-Match", `"6"`}).is(http.StatusOK)

	f.do("PUT", "/v1/documents/news/today", f.server, `{"value":{"n":1}}`).is(http.StatusCreated)
	f.do("PUT", "/v1/documents/news/today", f.operator, `{"value":{"n":2}}`).is(http.StatusOK)
	f.do("GET", "/v1/documents/news/today/revisions", token, "").problem(http.StatusNotFound, "storage.document_not_found")
	f.do("GET", "/v1/documents/news/today/revisions/1", f.server, "").is(http.StatusOK)
	f.do("POST", "/v1/documents/news/today/revisions/1/restore", f.operator, "").is(http.StatusOK)
	if r := f.do("GET", "/v1/documents/news/today/revisions?values=true", f.operator, "").is(http.StatusOK); strings.Count(r.Body.String(), `"value":{"n":1}`) != 2 {
		t.Errorf("shared: %s", r.Body)
	}
}
