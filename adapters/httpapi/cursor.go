package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// paging is what every list takes. Embed it in the route's input.
type paging struct {
	Limit  int    `query:"limit" doc:"How many items a page holds at most; see GET /v1/limits for the default and the most. A page of large items may end before, at page_bytes."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before. It belongs to this very query."`
}

// list is what every list gives.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last."`
}

// cursors makes and reads cursors. A cursor tells the place of the last item of
// a page, and is bound by a MAC to the query it came from and to its caller.
type cursors struct{ key []byte }

const cursorMACSize = 16

func (k cursors) write(binding string, place []string) string {
	payload := []byte(strings.Join(place, "\x00"))
	return base64.RawURLEncoding.EncodeToString(append(k.mac(binding, payload), payload...))
}

// read gives the place that write was given, in the given number of parts.
func (k cursors) read(binding, cursor string, parts int) ([]string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	// The decoder skips line breaks, strict or not.
	if err != nil || strings.ContainsAny(cursor, "\r\n") || len(raw) < cursorMACSize || !hmac.Equal(raw[:cursorMACSize], k.mac(binding, raw[cursorMACSize:])) {
		return nil, false
	}
	place := strings.Split(string(raw[cursorMACSize:]), "\x00")
	return place, len(place) == parts
}

func (k cursors) mac(binding string, payload []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write([]byte(binding))
	h.Write([]byte{0})
	h.Write(payload)
	return h.Sum(nil)[:cursorMACSize]
}

// binding names the query and its caller: the operation, every parameter but
// the page's own, the environment or project, and, of a player, who it is.
// Another key of the same environment may go on where one left off.
func (c *call) binding() string { return c.bindingOf(c.route.ID) }

// bindingOf is the binding of another operation with the same parameters.
func (c *call) bindingOf(operation string) string {
	parts := []string{"v1", operation, string(c.principal.Project()), string(c.principal.Scope().Environment()), c.principal.Kind().String()}
	if c.principal.Session() != "" {
		parts = append(parts, c.principal.Subject())
	}
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		parts = append(parts, name, c.vars[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		if name != "limit" && name != "cursor" && name != int64Parameter {
			parts = append(parts, name, c.query.Get(name))
		}
	}
	// Parameters hold no control characters, so that this can't be read two ways.
	return strings.Join(parts, "\x1f")
}

// page gives how many items to ask for, one more than the page holds, and the
// place it begins after: that many parts, all empty on the first page.
func (c *call) page(p paging, parts int) (limit int, after []string, err error) {
	limits := c.api.Limits
	limit = limits.PageDefault
	if c.query.Has("limit") {
		limit = p.Limit
	}
	if limit < 1 || limit > limits.PageItems {
		return 0, nil, errParameter.WithFields(parameter("query", "limit", "out_of_range", "From 1 to %d.", limits.PageItems))
	}
	if !c.query.Has("cursor") {
		return limit + 1, make([]string, parts), nil
	}
	after, ok := c.api.cursors.read(c.binding(), p.Cursor, parts)
	if !ok {
		return 0, nil, errCursor
	}
	return limit + 1, after, nil
}

// pageWithin is pageOf for items of which some are large: what size tells of them adds up to page_bytes at most, but
// for a single one. The item after those has to be among found.
func pageWithin[D, T any](c *call, limit int, found []D, size func(D) int, wire func(D) T, place func(D) []string) *list[T] {
	bytes := 0
	for i, one := range found[:min(len(found), limit)] {
		if bytes += size(one); bytes > c.api.Limits.PageBytes && i > 0 {
			return pageOf(c, i+1, found[:i+1], wire, place)
		}
	}
	return pageOf(c, limit, found, wire, place)
}

// pageOf makes the reply of a list from what page's limit fetched: place tells where an item stands.
func pageOf[D, T any](c *call, limit int, found []D, wire func(D) T, place func(D) []string) *list[T] {
	reply := &list[T]{Items: make([]T, 0, len(found))}
	if len(found) >= limit {
		found = found[:limit-1]
		reply.NextCursor = c.api.cursors.write(c.binding(), place(found[len(found)-1]))
	}
	for _, one := range found {
		reply.Items = append(reply.Items, wire(one))
	}
	return reply
}
