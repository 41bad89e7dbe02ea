package configs

import (
	"net/netip"
	"sync"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// share is how much of the room for polls one environment may take: a place is its own while it has no more
// than so many times what is free. Alone it gets four fifths of all, and another one finds
// room at once; two that want all get four ninths each.
const share = 4

// polls has the callers who wait, so that nobody keeps the others from it.
type polls struct {
	limits limits.Limits

	mu      sync.Mutex
	waiting int
	refused uint64 // so far
	// here are those of each environment, and of each player or address.
	here map[tenancy.EnvironmentID]int
	of   map[waiter]int
}

// waiter is who waits: a player of an environment, or whoever has its publishable key at an address.
type waiter struct {
	environment tenancy.EnvironmentID
	player      string
	address     netip.Addr
}

func newPolls(limits limits.Limits) *polls {
	return &polls{limits: limits, here: map[tenancy.EnvironmentID]int{}, of: map[waiter]int{}}
}

// enter lets a caller wait, until he leaves: ErrManyPolls if he has as many polls as one may, and
// ErrTooManyWaiting if all have, or his environment. Game servers are trusted with the share of theirs.
func (w *polls) enter(p tenancy.Principal, address netip.Addr) (leave func(), err error) {
	environment := p.Scope().Environment()
	who, most := waiter{environment: environment}, 0
	switch p.Kind() {
	case tenancy.PlayerToken:
		who.player, most = p.Subject(), w.limits.PlayerPolls
	case tenancy.PublishableKey:
		who.address, most = limits.Client(address), w.limits.AddressPolls
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch free := w.limits.WaitingPolls - w.waiting; {
	case most > 0 && w.of[who] >= most:
		err = configuration.ErrManyPolls
	case free < 1 || w.here[environment] > share*free:
		err = configuration.ErrTooManyWaiting
	}
	if err != nil {
		w.refused++
		return nil, err
	}
	w.count(environment, who, most > 0, 1)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count(environment, who, most > 0, -1)
	}, nil
}

// count is told of one more, or one less. The caller has the lock.
func (w *polls) count(environment tenancy.EnvironmentID, who waiter, bounded bool, change int) {
	w.waiting += change
	if w.here[environment] += change; w.here[environment] == 0 {
		delete(w.here, environment)
	}
	if !bounded {
		return
	}
	if w.of[who] += change; w.of[who] == 0 {
		delete(w.of, who)
	}
}

// Polls counts the callers who wait.
type Polls struct {
	Waiting int
	Refused uint64 // so far
}

// Polls tells how many wait here.
func (u *UseCases) Polls() Polls {
	u.polls.mu.Lock()
	defer u.polls.mu.Unlock()
	return Polls{Waiting: u.polls.waiting, Refused: u.polls.refused}
}
