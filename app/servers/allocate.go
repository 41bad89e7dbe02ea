package servers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Strategy says which of the servers that would do is filled.
type Strategy string

const (
	Packed Strategy = "packed" // the fullest, so that others can end
	Spread Strategy = "spread" // the emptiest
)

// Party is who wants to be on one server, all together.
type Party struct {
	Players  []identity.PlayerID
	Filter   registry.Filter
	Strategy Strategy
}

const (
	// tried is how many servers are tried of one picture: those ahead of them in
	// the list may have filled since it was taken.
	tried = 16
	// looked is how many pictures are looked at.
	looked = 3
)

// Allocate promises a party seats of one ready server: all of them, or none and
// ErrNoneAvailable. Only a server that no picture shows yet can have been passed over.
func (u *UseCases) Allocate(ctx context.Context, p tenancy.Principal, party Party, effects ...once.Effect[Reservation]) (Reservation, error) {
	filter := party.Filter.Normal()
	filter.MinFree = max(filter.MinFree, len(party.Players))
	var last *picture
	for range looked {
		picture, err := u.gallery.picture(ctx, p.Scope(), last)
		if err != nil {
			return Reservation{}, err
		}
		for _, s := range picture.candidates(filter, party.Strategy) {
			r, err := u.reserve(ctx, p, s.ID, party.Players, audit.SeatsAllocated, effects)
			if err == nil || !elsewhere(err) {
				return r, err
			}
		}
		// It was filled, or emptied, since the picture was taken.
		last = picture
	}
	return Reservation{}, registry.ErrNoneAvailable
}

// elsewhere tells whether another server may do what this one refused.
func elsewhere(err error) bool {
	return errors.Is(err, registry.ErrFull) || errors.Is(err, registry.ErrNotReady) || errors.Is(err, registry.ErrServerNotFound)
}

// candidates gives those servers to try, the best first.
func (p *picture) candidates(filter registry.Filter, by Strategy) []*registry.Shown {
	var found []*registry.Shown
	for i := range p.shown {
		if s := &p.shown[i]; s.State == registry.Ready && filter.Lets(s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *registry.Shown) int {
		free := cmp.Compare(a.Free, b.Free)
		if by == Spread {
			free = -free
		}
		return cmp.Or(free, strings.Compare(string(a.ID), string(b.ID)))
	})
	return found[:min(len(found), tried)]
}
