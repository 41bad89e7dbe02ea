package configs

import (
	"context"
	"maps"
	"sync"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/shelf"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/schema"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Blobs     blob.Store
	Compiler  schema.Compiler
	Directory *environments.Directory
	Keys      *environments.KeyRing
	Manifests configuration.Manifests
	Issuer    access.Issuer
	Clock     clock.Clock
	IDs       ids.Source
	Limits    limits.Limits
}

// UseCases are what is done with live configuration, but for what operators change.
type UseCases struct {
	parts Parts
	// receiving holds one for each upload that is under way.
	receiving chan struct{}
	// copying holds one for each bundle that is copied: no slow upload keeps it from that.
	copying chan struct{}

	outlines *shelf.Shelf[configuration.Hash, outline]
	// outlining holds one for each bundle that is read to outline it.
	outlining chan struct{}

	polls *polls

	ending chan struct{} // closed when the process ends
	end    func()

	mu    sync.Mutex
	feeds map[tenancy.EnvironmentID]*feed
}

// uploads is how many uploads a replica takes at once, and copies how many bundles it copies: each may
// take some 16 MiB on its way to the object store. More wait.
const (
	uploads = 4
	copies  = 2
)

func New(p Parts) *UseCases {
	ending := make(chan struct{})
	return &UseCases{
		parts:     p,
		ending:    ending,
		end:       sync.OnceFunc(func() { close(ending) }),
		receiving: make(chan struct{}, uploads),
		copying:   make(chan struct{}, copies),
		outlines:  shelf.New[configuration.Hash, outline](outlinesBytes),
		outlining: make(chan struct{}, outlining),
		polls:     newPolls(p.Limits),
		feeds:     map[tenancy.EnvironmentID]*feed{},
	}
}

// feed gives the environment's, which is then remembered for a while.
func (u *UseCases) feed(scope tenancy.Scope) *feed {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.parts.Clock.Now()
	f := u.feeds[scope.Environment()]
	if f == nil {
		maps.DeleteFunc(u.feeds, func(_ tenancy.EnvironmentID, other *feed) bool { return other.idle(now) })
		f = &feed{configs: u, scope: scope, changed: make(chan struct{}), poked: make(chan struct{}, 1), values: map[configuration.Hash][]byte{}}
		u.feeds[scope.Environment()] = f
	}
	f.asked = now
	return f
}

// Changed tells that an operator's change has committed: this replica sees it at once.
func (u *UseCases) Changed(_ context.Context, scope tenancy.Scope) { u.feed(scope).expire() }

// factsOf says of a caller what his credential proves.
func factsOf(p tenancy.Principal) configuration.Facts {
	switch p.Kind() {
	case tenancy.PlayerToken:
		return configuration.Facts{Caller: configuration.Player, Player: identity.PlayerID(p.Subject())}
	case tenancy.ServerToken:
		return configuration.Facts{Caller: configuration.Server}
	}
	return configuration.Facts{Caller: configuration.Client}
}
