package httpapi

import (
	"net/http"

	"github.com/overworldhq/overworld/app/limits"
)

// upload makes room for the call's body, until done, which tells whether that was let be; or is errOverloaded. Small bodies
// have room anyway. A slow one keeps no place of the gate's, but memory.
func (c *call) upload(control *http.ResponseController) (done func() bool, err error) {
	if length := c.r.ContentLength; length >= 0 && length <= commonBody {
		return func() bool { return true }, nil
	}
	return c.hold(&c.api.gate.uploads, &hold{size: 1, end: func() { _ = control.SetReadDeadline(longAgo) }})
}

// hold makes room for what the call holds, until done, which tells whether that was let be; or is errOverloaded.
func (c *call) hold(in *room, one *hold) (done func() bool, err error) {
	one.address, one.caller = limits.Client(c.address), c.principal.Subject()
	if err := in.begin(one); err != nil {
		c.api.gate.count()
		return nil, err
	}
	return func() bool {
		if in.done(one) {
			return true
		}
		c.api.gate.count()
		return false
	}, nil
}
