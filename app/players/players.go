// Package players shows players to themselves and to those who may see them.
// How they sign in is signin's.
package players

import (
	"context"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// UseCases read players, and change what they tell of themselves.
type UseCases struct{ store datastore.Datastore }

func New(store datastore.Datastore) *UseCases { return &UseCases{store: store} }

// Get gives a player of the caller's environment.
func (u *UseCases) Get(ctx context.Context, p tenancy.Principal, id identity.PlayerID) (identity.Player, error) {
	return u.store.Players().Get(ctx, p.Scope(), id)
}
