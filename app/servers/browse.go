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
	return picture.page(ctx, q, u.parts.Clock.Now(), &u.gallery)
}

// picture is the servers of an environment as they were at a moment.
type picture struct {
	number uint64 // grows from one to the next
	at     time.Time
	known  map[registry.ServerID]registry.Server // all that were alive
	shown  []registry.Shown                      // of those the listed ones, by id

	answers *answers

	mu     sync.Mutex
	orders map[registry.Sort]*order
}

// order is all that is shown, in an order that somebody asked for.
type order struct {
	once    sync.Once
	servers []*registry.Shown
}

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
func (p *picture) page(ctx context.Context, q Query, now time.Time, counts *gallery) (*Page, error) {
	return p.answers.get(ctx, q.page(), now, func() *Page {
		counts.answers.Add(1)
		return q.cut(p.order(q.Sort), now)
	})
}

// order gives all that is shown, sorted once for all filters.
func (p *picture) order(by registry.Sort) []*registry.Shown {
	p.mu.Lock()
	if p.orders == nil {
		p.orders = map[registry.Sort]*order{}
	}
	o := p.orders[by]
	if o == nil {
		o = &order{}
		p.orders[by] = o
	}
	p.mu.Unlock()
	o.once.Do(func() { o.servers = p.sorted(by) })
	return o.servers
}

func (p *picture) sorted(by registry.Sort) []*registry.Shown {
	type placed struct {
		at registry.Position
		s  *registry.Shown
	}
	all := make([]placed, len(p.shown))
	for i := range p.shown {
		s := &p.shown[i]
		all[i] = placed{by.At(s), s}
	}
	slices.SortFunc(all, func(a, b placed) int { return by.Compare(a.at, b.at) })
	sorted := make([]*registry.Shown, len(all))
	for i, one := range all {
		sorted[i] = one.s
	}
	return sorted
}

// cut gives the page, without those that have died since the picture was taken.
func (q Query) cut(sorted []*registry.Shown, now time.Time) *Page {
	first := 0
	if q.After != nil {
		at, found := slices.BinarySearchFunc(sorted, *q.After, func(s *registry.Shown, after registry.Position) int {
			return q.Sort.Compare(q.Sort.At(s), after)
		})
		if first = at; found {
			first++
		}
	}
	page := &Page{until: now.Add(Fresh)}
	for _, s := range sorted[first:] {
		if !q.Filter.Lets(s) || !s.Alive(now) {
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
func (q Query) Name() string { return string(q.list(make([]byte, 0, 128))) }

func (q Query) list(name []byte) []byte {
	name = strconv.AppendInt(name, int64(len(q.Sort)), 10)
	return named(append(append(name, ':'), q.Sort...), q.Filter)
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
func (q Query) page() string {
	name := strconv.AppendInt(q.list(make([]byte, 0, 192)), int64(q.Limit), 10)
	if q.After != nil {
		name = strconv.AppendInt(append(name, '@'), q.After.Number, 10)
		name = append(append(append(append(name, ':'), q.After.ID...), ':'), q.After.Name...)
	}
	return string(name)
}
