package servers

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/shelf"
	"github.com/overworldhq/overworld/domain/registry"
)

// claims is what this replica knows of free seats beyond an environment's latest picture: what
// its callers are asking for right now, and what came of what they asked for. So
// those who choose a server at once don't all choose the same.
type claims struct {
	mu sync.Mutex
	of *picture // nil: nobody has chosen yet
	// free and left are by place in of.shown: the seats that are free as far as is known, and those of
	// them that no caller is asking for.
	free, left []int32
	// open are the places of the ready servers that a filter lets through, by its name.
	open *shelf.Shelf[string, []int32]
	// asked are the seats that callers are asking for, by server.
	asked map[registry.ServerID]int
	// words are what commits said of servers, unless the picture says the same or later.
	words map[registry.ServerID]word
}

// word is how many seats of a server were free after so many changes of it.
type word struct {
	changes int64
	free    int
}

// openBytes bounds the places that are kept of one picture: a hundred filters that let
// ten thousand servers through.
const openBytes = 4 << 20

// choice is what a party needs of a server.
type choice struct {
	filter registry.Filter // Normal, and with no MinFree
	name   string          // of the filter
	free   int             // how many seats must be free
	seats  int             // how many of them it takes
	by     Strategy
	from   uint64 // where among equals it begins to look
}

func (party Party) choice() choice {
	filter := party.Filter.Normal()
	free := max(filter.MinFree, len(party.Players))
	filter.MinFree = 0
	c := choice{filter: filter, name: string(named(nil, filter)), free: free, seats: len(party.Players), by: party.Strategy}
	hash := fnv.New64a()
	for _, player := range party.Players {
		_, _ = hash.Write([]byte(player)) // never fails
	}
	c.from = hash.Sum64()
	return c
}

// claim chooses the best server by the picture, or by a later one that others have chosen by, and
// counts the seats as asked for until settle. It gives the picture, and "" when no server has
// the seats. What others are asking for is theirs, unless contested.
func (c *claims) claim(latest *picture, wish choice, contested bool) (registry.ServerID, *picture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || latest.number > c.of.number {
		c.turn(latest)
	}
	at := c.best(c.places(wish), wish, contested)
	if at < 0 {
		return "", c.of
	}
	id := c.of.shown[at].ID
	c.left[at] -= int32(wish.seats)
	c.asked[id] += wish.seats
	return id, c.of
}

// turn goes on to a later picture.
func (c *claims) turn(p *picture) {
	c.of, c.open = p, shelf.New[string, []int32](openBytes)
	c.free, c.left = make([]int32, len(p.shown)), make([]int32, len(p.shown))
	if c.asked == nil {
		c.asked, c.words = map[registry.ServerID]int{}, map[registry.ServerID]word{}
	}
	for i := range p.shown {
		c.free[i] = int32(p.shown[i].Free)
	}
	for id, w := range c.words {
		if at, ok := p.place(id); ok && w.changes > p.shown[at].Changes {
			c.free[at] = int32(w.free)
		} else {
			delete(c.words, id)
		}
	}
	copy(c.left, c.free)
	for id, seats := range c.asked {
		if at, ok := p.place(id); ok {
			c.left[at] -= int32(seats)
		}
	}
}

// places gives those of the servers that would do if they had the seats.
func (c *claims) places(wish choice) []int32 {
	places, ok := c.open.Get(wish.name)
	if !ok {
		for i := range c.of.shown {
			if s := &c.of.shown[i]; s.State == registry.Ready && wish.filter.Lets(s) {
				places = append(places, int32(i))
			}
		}
		c.open.Put(wish.name, places, 4*len(places)+len(wish.name))
	}
	return places
}

// best gives the place of the server to ask, or -1. Parties begin at different places where it makes no difference
// to what they asked for: among servers that they fill to the last seat, and among the emptiest. So
// replicas seldom ask for the same seats, and still pack one server after another.
func (c *claims) best(places []int32, wish choice, contested bool) int {
	seats, sign, first := c.left, int32(1), 0
	if contested {
		seats = c.free
	}
	if wish.by == Spread {
		sign = -1
	}
	if len(places) > 0 {
		first = int(wish.from % uint64(len(places)))
	}
	best, least := int32(-1), int32(math.MaxInt32)
	for _, part := range [][]int32{places[first:], places[:first]} {
		for _, at := range part {
			free := seats[at]
			if free < int32(wish.free) {
				continue
			}
			if wish.by == Packed && free == int32(wish.seats) {
				return int(at)
			}
			if free *= sign; free < least || free == least && at < best && wish.by == Packed {
				best, least = at, free
			}
		}
	}
	return int(best)
}

// settle ends a claim that was made by a picture. The server is as a commit found or left it, the zero value if it found
// none; nil: nothing was learnt of it.
func (c *claims) settle(id registry.ServerID, by *picture, wish choice, server *registry.Server, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, shown := c.of.place(id)
	if shown {
		c.left[at] += int32(wish.seats)
	}
	if c.asked[id] -= wish.seats; c.asked[id] == 0 {
		delete(c.asked, id)
	}
	switch {
	case !shown || server == nil:
	case server.Changes >= max(c.words[id].changes, c.of.shown[at].Changes):
		w := word{changes: server.Changes}
		if server.Alive(now) && server.State == registry.Ready {
			w.free = server.Occupancy(now).Free
		}
		c.words[id] = w
		c.set(at, w.free)
	case server.ID == "" && c.of == by:
		c.set(at, 0)
	}
}

// set is what is known now of a place.
func (c *claims) set(at, free int) {
	c.left[at] += int32(free) - c.free[at]
	c.free[at] = int32(free)
}

// place gives the place of a server in shown.
func (p *picture) place(id registry.ServerID) (int, bool) {
	return slices.BinarySearchFunc(p.shown, id, func(s registry.Shown, id registry.ServerID) int { return strings.Compare(string(s.ID), string(id)) })
}
