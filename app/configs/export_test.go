package configs

import (
	"net/netip"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Feeds counts the environments that are remembered.
func (u *UseCases) Feeds() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.feeds)
}

// Enter has a caller wait for nothing.
func (u *UseCases) Enter(p tenancy.Principal, address netip.Addr) (leave func(), err error) {
	return u.polls.enter(p, address)
}
