// Package players shows players to themselves and to those who may see them.
// How they sign in is signin's.
package players

import (
	"context"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/tracing"
)

// UseCases read players, and change what they tell of themselves.
type UseCases struct {
	store   datastore.Datastore
	readers *coalesce.Lookup[identity.PlayerID, identity.Player]
}

func New(store datastore.Datastore, limits limits.Limits, tracer tracing.Tracer) *UseCases {
	find := func(ctx context.Context, scope tenancy.Scope, ids []identity.PlayerID) (map[identity.PlayerID]identity.Player, error) {
		found, err := store.Players().GetMany(ctx, scope, ids)
		players := make(map[identity.PlayerID]identity.Player, len(found))
		for _, player := range found {
			players[player.ID] = player
		}
		return players, err
	}
	options := coalesce.LookupOptions{Name: "read players", Tracer: tracer, Deadline: limits.RequestTime, Missing: identity.ErrPlayerNotFound}
	return &UseCases{store: store, readers: coalesce.NewLookup(options, find)}
}

// Get gives a player of the caller's environment.
func (u *UseCases) Get(ctx context.Context, p tenancy.Principal, id identity.PlayerID) (identity.Player, error) {
	return u.readers.Get(ctx, p.Scope(), id)
}
