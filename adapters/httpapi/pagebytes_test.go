package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// walk gives the sizes of the pages of a list, and how many items it has.
func (f *fixture) walk(path, credential string) (largest, items int) {
	f.t.Helper()
	for cursor := ""; ; {
		page := f.do("GET", path+cursor, credential, "").is(http.StatusOK)
		all := page.json()["items"].([]any)
		largest, items = max(largest, page.Body.Len()), items+len(all)
		next, more := page.json()["next_cursor"].(string)
		if len(all) == 0 {
			f.t.Fatalf("%s: a page without items", path)
		}
		if !more {
			return largest, items
		}
		cursor = "&cursor=" + next
	}
}

// TestPagesEndByBytes has large documents, and asks for as many of them as a page can hold.
func TestPagesEndByBytes(t *testing.T) {
	t.Parallel()
	const bound, around = 64 << 10, 8 << 10
	f := newFixture(t, func(o *Options) { o.Limits.PageBytes = bound })
	_, token := f.guest()
	value := func(size int) string { return `{"value":{"s":"` + strings.Repeat("x", size) + `"}}` }
	var operations []string
	for i := range 12 {
		f.do("PUT", fmt.Sprintf("/v1/players/me/documents/large/k%02d", i), token, value(20_000)).is(http.StatusCreated)
		f.do("PUT", "/v1/players/me/documents/history/one", token, value(20_000+i))
		operations = append(operations, fmt.Sprintf(`{"collection":"large","key":"k%02d","merge":{"n":1}}`, i))
	}
	f.do("PUT", "/v1/players/me/documents/large/k05", token, value(bound+1)).is(http.StatusOK)

	for path, want := range map[string]int{
		"/v1/players/me/documents?collection=large&values=true&limit=100":     12,
		"/v1/players/me/documents/history/one/revisions?values=true&limit=50": f.api.Limits.DocumentRevisions,
	} {
		if largest, items := f.walk(path, token); items != want || largest > bound+around {
			t.Errorf("%s: %d items, pages of up to %d bytes", path, items, largest)
		}
	}
	if largest, items := f.walk("/v1/players/me/documents?collection=large&limit=100", token); items != 12 || largest > around {
		t.Errorf("without values: %d items, %d bytes", items, largest)
	}

	done := f.do("POST", "/v1/players/me/documents:batch?values=true", token, `{"operations":[`+strings.Join(operations, ",")+`]}`).is(http.StatusOK)
	var shown []bool
	for _, one := range done.json()["items"].([]any) {
		shown = append(shown, one.(map[string]any)["document"].(map[string]any)["value"] != nil)
	}
	if want := append([]bool{true, true, true}, make([]bool, 9)...); !slices.Equal(shown, want) || done.Body.Len() > bound+around {
		t.Errorf("a batch shows the values %v in %d bytes", shown, done.Body.Len())
	}
}
