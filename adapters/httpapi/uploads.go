package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/ports/clock"
)

// uploadTime is how long the body of a request may at least take to arrive, if those of its
// client are not the most.
const uploadTime = 5 * time.Second

// uploads bounds the bodies that may be large and are arriving: a slow one keeps no place of
// the gate's, but memory. When there is no room for another one, it gets that of one which has
// been arriving for longer than uploadTime, or of a client with more of them than its own, so
// that nobody keeps the others out by being slow. Clients are told apart by their addresses
// first, because anyone may be as many guests as he likes, and then by their credentials.
type uploads struct {
	clock clock.Clock
	most  int

	mu       sync.Mutex
	arriving []*upload // the oldest first
}

// upload is a body that is arriving.
type upload struct {
	address netip.Addr
	caller  string
	since   time.Time
	end     func()
	ended   bool // to make room
}

// begin makes room for an upload, or is errOverloaded. Each is to be done.
func (u *uploads) begin(one *upload) error {
	one.since = u.clock.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.arriving) >= u.most {
		yielding := u.yielding(one)
		if yielding == nil {
			return errOverloaded
		}
		u.leave(yielding)
		yielding.ended = true
		yielding.end()
	}
	u.arriving = append(u.arriving, one)
	return nil
}

// yielding is the upload whose room another one gets; nil for none. It has the lock.
func (u *uploads) yielding(to *upload) *upload {
	type client struct {
		address netip.Addr
		caller  string
	}
	addresses, callers := map[netip.Addr]int{}, map[client]int{}
	for _, one := range u.arriving {
		addresses[one.address]++
		callers[client{one.address, one.caller}]++
	}
	var most *upload // of the client with the most, the oldest
	for _, one := range u.arriving {
		if to.since.Sub(one.since) >= uploadTime {
			return one
		}
		if most == nil || addresses[one.address] > addresses[most.address] ||
			one.address == most.address && callers[client{one.address, one.caller}] > callers[client{most.address, most.caller}] {
			most = one
		}
	}
	switch {
	case most == nil:
		return nil
	case addresses[most.address] > addresses[to.address]+1:
		return most
	case most.address == to.address && callers[client{most.address, most.caller}] > callers[client{to.address, to.caller}]+1:
		return most
	}
	return nil
}

func (u *uploads) leave(one *upload) {
	u.arriving = slices.DeleteFunc(u.arriving, func(other *upload) bool { return other == one })
}

// done tells whether the upload was let be. After it, it is not ended any more.
func (u *uploads) done(one *upload) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.leave(one)
	return !one.ended
}

// longAgo is a deadline that ends what waits for it.
var longAgo = time.Unix(1, 0)

// upload makes room for the call's body, until done, which tells whether that was let be; or is errOverloaded. Small bodies
// have room anyway.
func (c *call) upload(control *http.ResponseController) (done func() bool, err error) {
	if length := c.r.ContentLength; length >= 0 && length <= commonBody {
		return func() bool { return true }, nil
	}
	one := &upload{address: limits.Client(c.address), caller: c.principal.Subject(), end: func() { _ = control.SetReadDeadline(longAgo) }}
	uploads := &c.api.gate.uploads
	if err := uploads.begin(one); err != nil {
		c.api.gate.count()
		return nil, err
	}
	return func() bool {
		if uploads.done(one) {
			return true
		}
		c.api.gate.count()
		return false
	}, nil
}
