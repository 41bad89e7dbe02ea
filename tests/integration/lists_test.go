package integration

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

type documentPage struct {
	Items      []harness.Document `json:"items"`
	NextCursor string             `json:"next_cursor"`
}

func stableLists(t *testing.T, w world) {
	player, grant := w.player(t)
	put := func(key string) {
		player.Do(t, "PUT", "/v1/players/me/documents/lists/"+key, object{"value": object{"k": key}}).Want(t, 200, 201)
	}
	const base = "/v1/players/me/documents?collection=lists"
	list := func(query string) documentPage {
		t.Helper()
		var page documentPage
		player.At(w.second).Do(t, "GET", base+query, nil).Want(t, http.StatusOK).Into(t, &page)
		return page
	}
	if page := player.Do(t, "GET", base, nil).Want(t, http.StatusOK); string(page.Body) != `{"items":[]}` {
		t.Errorf("an empty list is %s", page.Body)
	}
	const documents, size = 20, 6
	for i := range documents {
		put(fmt.Sprintf("k%02d-", i))
	}
	var seen []string
	cursor, first := "", ""
	for page := 0; ; page++ {
		query := fmt.Sprintf("&limit=%d", size)
		if cursor != "" {
			query += "&cursor=" + url.QueryEscape(cursor)
		}
		got := list(query)
		for _, d := range got.Items {
			seen = append(seen, d.Key)
			if d.Value != nil {
				t.Errorf("a list that was not asked for values has %s", d.Value)
			}
		}
		if cursor = got.NextCursor; first == "" {
			first = cursor
		}
		if cursor == "" {
			break
		}
		// Others write before, at and after the place where the next page begins.
		put(fmt.Sprintf("k00-%d", page))
		put(seen[len(seen)-1])
		put(fmt.Sprintf("k%02d-new", documents-1))
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("out of order or twice: %v", seen)
	}
	for i := range documents {
		if key := fmt.Sprintf("k%02d-", i); !slices.Contains(seen, key) {
			t.Errorf("%s was skipped", key)
		}
	}
	if got := list("&limit=100&values=true"); len(got.Items) < documents || string(got.Items[0].Value) != `{"k":"k00-"}` || got.NextCursor != "" {
		t.Errorf("all at once: %d items, the first %s, cursor %q", len(got.Items), got.Items[0].Value, got.NextCursor)
	}
	if got := list("&prefix=k07"); len(got.Items) != 1 || got.Items[0].Key != "k07-" {
		t.Errorf("by prefix: %+v", got.Items)
	}

	// A cursor is good for the query it came from, whatever the size of the next page, and for no other.
	list("&limit=3&cursor=" + url.QueryEscape(first))
	other, _ := w.player(t)
	twisted := []byte(first)
	twisted[len(twisted)/2] ^= 1
	for name, c := range map[string]struct {
		client harness.Client
		path   string
		cursor string
	}{
		"another collection": {player, "/v1/players/me/documents?collection=others", first},
		"another prefix":     {player, base + "&prefix=k", first},
		"another path":       {player, "/v1/documents?collection=lists", first},
		"another caller":     {other, "/v1/players/" + grant.PlayerID + "/documents?collection=lists", first},
		"twisted":            {player, base, string(twisted)},
		"made up":            {player, base, "AAAA"},
		"empty":              {player, base, ""},
	} {
		reply := c.client.Do(t, "GET", c.path+"&cursor="+url.QueryEscape(c.cursor), nil)
		if p, err := reply.Problem(); err != nil || p.Status != http.StatusBadRequest || p.Code != "request.invalid_cursor" {
			t.Errorf("%s: got %d %s (%v)", name, p.Status, p.Code, err)
		}
	}
}
