package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Query is what somebody looks for.
type Query struct {
	Filter registry.Filter // in its normal form
	Sort   registry.Sort
	// After is where the page before ended; nil is the beginning.
	After *registry.Position
	Limit int
}

// Browse gives a page of the living servers that are listed. Who asks the same gets the same page.
func (u *UseCases) Browse(ctx context.Context, p tenancy.Principal, q Query) (*Page, error) {
	if err := u.browses(ctx, p); err != nil {
		return nil, err
	}
	picture, err := u.gallery.picture(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	u.gallery.browses.Add(1)
	return picture.page(q, u.clock.Now(), &u.gallery), nil
}

// picture is the servers of an environment as they were at a moment.
type picture struct {
	number uint64 // grows from one to the next
	at     time.Time
	known  map[registry.ServerID]registry.Server // all that were alive
	shown  []registry.Shown                      // of those the listed ones, by id

	mu    sync.Mutex
	lists map[string][]*registry.Shown // by filter and order
	pages map[string]*Page             // by query
}

// keptAnswers is how many lists, and how many pages, a picture remembers. Who asks
// what nobody else does must not make it large.
const keptAnswers = 256

// Page is a part of a sorted list.
type Page struct {
	Servers []*registry.Shown
	// Next is where the next page begins; nil when this is the last.
	Next *registry.Position
	// until is when the first of its servers is dead.
	until time.Time

	mu      sync.Mutex
	encoded map[bool]Encoded
}

// Encoded is a page as it is sent.
type Encoded struct {
	Body []byte
	// Tag is a hash of the body.
	Tag string
}

// Encoded gives what encode makes of the page in one of its two forms, made once for all who get it.
func (p *Page) Encoded(form bool, encode func() ([]byte, error)) (Encoded, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.encoded[form]; ok {
		return made, nil
	}
	body, err := encode()
	if err != nil {
		return Encoded{}, err
	}
	sum := sha256.Sum256(body)
	made := Encoded{Body: body, Tag: hex.EncodeToString(sum[:12])}
	if p.encoded == nil {
		p.encoded = map[bool]Encoded{}
	}
	p.encoded[form] = made
	return made, nil
}

// page answers a query as of now, which is hardly later than the picture.
func (p *picture) page(q Query, now time.Time, counts *gallery) *Page {
	which := q.Name()
	name := q.page(which)
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.pages[name]; ok && now.Before(known.until) {
		return known
	}
	counts.answers.Add(1)
	list, ok := p.lists[which]
	if !ok {
		list = p.list(q)
		if len(p.lists) < keptAnswers {
			if p.lists == nil {
				p.lists = map[string][]*registry.Shown{}
			}
			p.lists[which] = list
		}
	}
	page := q.cut(list, now)
	if _, ok := p.pages[name]; ok || len(p.pages) < keptAnswers {
		if p.pages == nil {
			p.pages = map[string]*Page{}
		}
		p.pages[name] = page
	}
	return page
}

// list gives all that the filter lets through, in order.
func (p *picture) list(q Query) []*registry.Shown {
	type placed struct {
		at registry.Position
		s  *registry.Shown
	}
	var found []placed
	for i := range p.shown {
		if s := &p.shown[i]; q.Filter.Lets(s) {
			found = append(found, placed{q.Sort.At(s), s})
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return q.Sort.Compare(a.at, b.at) })
	list := make([]*registry.Shown, len(found))
	for i, one := range found {
		list[i] = one.s
	}
	return list
}

// cut gives the page of a list, without those that have died since it was made.
func (q Query) cut(list []*registry.Shown, now time.Time) *Page {
	first := 0
	if q.After != nil {
		at, found := slices.BinarySearchFunc(list, *q.After, func(s *registry.Shown, after registry.Position) int {
			return q.Sort.Compare(q.Sort.At(s), after)
		})
		if first = at; found {
			first++
		}
	}
	page := &Page{until: now.Add(Fresh)}
	for _, s := range list[first:] {
		if !s.Alive(now) {
			continue
		}
		if len(page.Servers) == q.Limit {
			last := q.Sort.At(page.Servers[q.Limit-1])
			page.Next = &last
			break
		}
		page.Servers = append(page.Servers, s)
		if s.ExpiresAt.Before(page.until) {
			page.until = s.ExpiresAt
		}
	}
	return page
}

// Name is that of the filter and the order: all who mean the same list have one name.
func (q Query) Name() string {
	sort := string(q.Sort)
	name := strconv.AppendInt(make([]byte, 0, 128), int64(len(sort)), 10)
	return string(named(append(append(name, ':'), sort...), q.Filter))
}

// named is the name with that of a filter after it.
func named(name []byte, f registry.Filter) []byte {
	for _, part := range []string{f.Region, f.Mode, f.Map, f.Version, f.NameContains} {
		name = append(strconv.AppendInt(name, int64(len(part)), 10), ':')
		name = append(name, part...)
	}
	for _, tags := range [][]string{f.AllTags, f.AnyTags} {
		name = append(name, '[')
		for _, t := range tags { // they have no commas
			name = append(append(name, t...), ',')
		}
	}
	name = strconv.AppendInt(append(name, '#'), int64(f.MinFree), 10)
	return strconv.AppendBool(name, f.NotEmpty)
}

// page names a page of the list.
func (q Query) page(list string) string {
	name := strconv.AppendInt(append(make([]byte, 0, len(list)+96), list...), int64(q.Limit), 10)
	if q.After != nil {
		name = strconv.AppendInt(append(name, '@'), q.After.Number, 10)
		name = append(append(append(append(name, ':'), q.After.ID...), ':'), q.After.Name...)
	}
	return string(name)
}
