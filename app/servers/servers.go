package servers

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Directory *environments.Directory
	Keys      *environments.KeyRing
	Tickets   registry.Tickets
	Issuer    access.Issuer
	Clock     clock.Clock
	IDs       ids.Source
	Throttle  *limits.Throttle
	Limits    limits.Limits
	Tracer    tracing.Tracer // nil: nothing is traced
}

// UseCases are what callers do with servers.
type UseCases struct {
	parts   Parts
	writers *coalesce.Coalescer[work, result]
	beats   *coalesce.Coalescer[work, result] // of patient works
	gallery gallery
}

func New(p Parts) *UseCases {
	u := &UseCases{parts: p}
	commits := coalesce.Commits("commit servers", p.Store, p.Limits.RequestTime, p.Tracer)
	u.writers = coalesce.New(commits, u.commit)
	commits.Pause = beatPause
	u.beats = coalesce.New(commits, u.commit)
	u.gallery = gallery{store: p.Store, clock: p.Clock, most: p.Limits.Servers, deadline: p.Limits.RequestTime, books: map[tenancy.Scope]*book{}}
	return u
}

// beatPause is the time between two commits of heartbeats. Those of thousands of servers come evenly
// over their interval: without it, nearly each would make a commit of its own.
const beatPause = 40 * time.Millisecond

// Writes tells of the commits that concurrent writers share.
func (u *UseCases) Writes() coalesce.Stats {
	all, beats := u.writers.Stats(), u.beats.Stats()
	all.Waiting += beats.Waiting
	all.Refused += beats.Refused
	all.Left += beats.Left
	all.Batches += beats.Batches
	return all
}

// Pictures are how lists came about since the start of the process.
type Pictures struct {
	Taken   uint64 // pictures, of all environments: a query each, and one for each thousand servers that changed
	Fetched uint64 // servers that were read for them
	Browses uint64 // pages that were given
	Answers uint64 // pages that had to be made for it
}

// Pictures tells how lists came about.
func (u *UseCases) Pictures() Pictures {
	g := &u.gallery
	return Pictures{Taken: g.taken.Load(), Fetched: g.fetched.Load(), Browses: g.browses.Load(), Answers: g.answers.Load()}
}

// leases is how many heartbeats may be missed until a server is gone, and one more.
const leases = 3

// lease is how long a server is listed after its last word.
func (u *UseCases) lease() time.Duration { return leases * u.parts.Limits.HeartbeatTime }

// browses refuses those whom the environment doesn't show its servers.
func (u *UseCases) browses(ctx context.Context, p tenancy.Principal) error {
	if p.Kind() != tenancy.PlayerToken && p.Kind() != tenancy.PublishableKey {
		return nil
	}
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return err
	}
	if !environment.Settings.ServerBrowsing.Lets(p.Kind()) {
		return registry.ErrBrowsingClosed
	}
	return nil
}

// Server gives a living server, whatever its state, as it was within Fresh.
func (u *UseCases) Server(ctx context.Context, p tenancy.Principal, id registry.ServerID) (registry.Shown, error) {
	if err := u.browses(ctx, p); err != nil {
		return registry.Shown{}, err
	}
	picture, err := u.gallery.picture(ctx, p.Scope())
	if err != nil {
		return registry.Shown{}, err
	}
	now := u.parts.Clock.Now()
	known, ok := picture.known[id]
	if !ok || !known.Alive(now) {
		return registry.Shown{}, registry.ErrServerNotFound
	}
	return registry.Show(known, now), nil
}

// List gives up to limit records of an environment after an id, by id, those of dead
// servers too until they are pruned: for operators.
func (u *UseCases) List(ctx context.Context, environment tenancy.Environment, after registry.ServerID, limit int) ([]registry.Server, error) {
	found, err := u.parts.Store.Servers().List(ctx, environment.Scope(), after, limit)
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	return found, nil
}
