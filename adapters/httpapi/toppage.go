package httpapi

import (
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/shelf"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// pageBytes bounds the pages of ranks that are kept as they are sent.
const pageBytes = 16 << 20

// shownPage names a page of ranks as it is sent, but for the cursor of the next, which is its
// reader's. What the index showed at one sequence never changes.
type shownPage struct {
	scope    tenancy.Scope
	board    ranking.BoardID
	season   int
	epoch    int64
	sequence int64
	after    ranking.Position
	limit    int
	strings  bool // int64 as strings
}

type shownPages = shelf.Shelf[shownPage, []byte]

// topPage is a page of ranks that is encoded once for all its readers.
type topPage struct {
	name  shownPage
	found leaderboards.Standings
}

// encoded gives the bytes of a reply.
func (s *standings) encoded(c *call) ([]byte, error) {
	if s.top == nil {
		return c.encode(s)
	}
	body, known := c.api.tops.Get(s.top.name)
	if !known {
		var err error
		if body, err = c.encode(c.standings(s.top.found)); err != nil {
			return nil, err
		}
		if s.top.name.sequence != 0 { // else the database answered
			c.api.tops.Put(s.top.name, body, len(body))
		}
	}
	if s.NextCursor == "" {
		return body, nil
	}
	const member = `,"next_cursor":"`
	whole := make([]byte, 0, len(body)+len(member)+len(s.NextCursor)+2)
	whole = append(append(append(whole, body[:len(body)-1]...), member...), s.NextCursor...) // it needs no escaping
	return append(whole, `"}`...), nil
}
