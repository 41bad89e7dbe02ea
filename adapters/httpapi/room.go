package httpapi

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/overworldhq/overworld/ports/clock"
)

// fairTime is how long a hold may at least take where slowness costs others, if those of its
// client are not the most.
const fairTime = 5 * time.Second

// room is something of which there is only so much for all clients, and which a slow one holds for long.
// When there is no room for another hold, it gets that of one which has been there for longer than
// its fair time, or of a client with more than its own, so that nobody keeps the others out by being
// slow. Clients are told apart by their addresses first, because anyone may be as many guests as he
// likes, and then by their credentials.
type room struct {
	clock clock.Clock
	most  int
	fair  time.Duration // 0: for as long as it likes

	mu     sync.Mutex
	taken  int
	holds  []*hold // the oldest first
	bodies map[*byte]int
}

// hold is what one call has of a room.
type hold struct {
	address netip.Addr
	caller  string
	size    int
	// body is the first byte of what is held: those who hold the same hold it once. nil: it is nobody else's.
	body *byte
	// must says that there is room at anyone's cost.
	must bool
	end  func()

	since time.Time
	ended bool // to make room
}

// shares tells how much each client has.
type shares struct {
	addresses map[netip.Addr]int
	callers   map[client]int
}

type client struct {
	address netip.Addr
	caller  string
}

func (s shares) add(one *hold, size int) {
	s.addresses[one.address] += size
	s.callers[client{one.address, one.caller}] += size
}

// of gives what all at the address of a hold have, and what its own client has.
func (s shares) of(one *hold) (all, own int) {
	return s.addresses[one.address], s.callers[client{one.address, one.caller}]
}

// begin makes room for a hold, or is errOverloaded. Each is to be done.
func (r *room) begin(one *hold) error {
	one.since = r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken+needs(r.bodies, one) > r.most {
		yielding, ok := r.yielding(one)
		if !ok {
			return errOverloaded
		}
		for _, other := range yielding {
			r.leave(other)
			other.ended = true
			other.end()
		}
	}
	r.taken += needs(r.bodies, one)
	r.holds = append(r.holds, one)
	if one.body != nil {
		if r.bodies == nil {
			r.bodies = map[*byte]int{}
		}
		r.bodies[one.body]++
	}
	return nil
}

// needs is how much a hold takes, besides those of bodies.
func needs(bodies map[*byte]int, one *hold) int {
	if one.body != nil && bodies[one.body] > 0 {
		return 0
	}
	return one.size
}

// frees is how much there is when a hold has left bodies.
func frees(bodies map[*byte]int, one *hold) int {
	if one.body != nil {
		if bodies[one.body]--; bodies[one.body] > 0 {
			return 0
		}
		delete(bodies, one.body)
	}
	return one.size
}

// yielding are the holds whose room another one gets; not ok if that is not enough. It has the lock.
func (r *room) yielding(to *hold) (yielding []*hold, ok bool) {
	has := shares{map[netip.Addr]int{}, map[client]int{}}
	for _, one := range r.holds {
		has.add(one, one.size)
	}
	left, taken, bodies := slices.Clone(r.holds), r.taken, maps.Clone(r.bodies)
	// What is larger than the whole room has to be alone in it.
	for len(left) > 0 && taken+needs(bodies, to) > r.most {
		next := r.next(left, has, to)
		if next < 0 {
			return nil, false
		}
		one := left[next]
		left = slices.Delete(left, next, next+1)
		has.add(one, -one.size)
		taken -= frees(bodies, one)
		yielding = append(yielding, one)
	}
	return yielding, true
}

// next is which of the holds yields to another first; -1 for none.
func (r *room) next(left []*hold, has shares, to *hold) int {
	if r.fair > 0 && to.since.Sub(left[0].since) >= r.fair {
		return 0
	}
	most := 0 // of the client with the most, the oldest
	mostAll, mostOwn := has.of(left[0])
	for i, one := range left[1:] {
		all, own := has.of(one)
		if all > mostAll || one.address == left[most].address && own > mostOwn {
			most, mostAll, mostOwn = i+1, all, own
		}
	}
	all, own := has.of(to)
	if to.must || mostAll > all+to.size || left[most].address == to.address && mostOwn > own+to.size {
		return most
	}
	return -1
}

func (r *room) leave(one *hold) {
	for i, other := range r.holds {
		if other == one {
			r.holds = slices.Delete(r.holds, i, i+1)
			r.taken -= frees(r.bodies, one)
			return
		}
	}
}

// done tells whether the hold was let be. After it, it is not ended any more.
func (r *room) done(one *hold) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(one)
	return !one.ended
}

// longAgo is a deadline that ends what waits for it.
var longAgo = time.Unix(1, 0)
