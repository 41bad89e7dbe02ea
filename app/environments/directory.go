// Package environments gives every request its environment and the keys that
// sign for it, without asking the database each time.
//
// It caches for a moment only; an operator's change is seen at once on the
// replica that made it and within Fresh on the others. Nothing that must take
// effect on the next request, such as a revocation, goes through it.
package environments

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Fresh is how long a cached environment or key set is used.
const Fresh = recent.Fresh

// Directory finds environments by id.
type Directory struct {
	store datastore.Datastore
	clock clock.Clock
	known recent.Values[tenancy.EnvironmentID, tenancy.Environment]
}

func NewDirectory(store datastore.Datastore, clock clock.Clock) *Directory {
	return &Directory{store: store, clock: clock}
}

// Get is ErrEnvironmentNotFound when there is none. While the database can't be asked, what was
// known is good for recent.Lasting.
func (d *Directory) Get(ctx context.Context, id tenancy.EnvironmentID) (tenancy.Environment, error) {
	return d.known.GetLasting(ctx, id, d.clock.Now(), func(ctx context.Context) (tenancy.Environment, error) {
		environment, err := d.store.Environments().Get(ctx, id)
		if err != nil {
			return environment, fmt.Errorf("find environment: %w", err)
		}
		return environment, nil
	})
}

// Refresh reads those in use again, so that who asks for them needn't wait.
func (d *Directory) Refresh(ctx context.Context) error {
	return d.known.Refresh(ctx, d.clock.Now(), func(ctx context.Context, ids []tenancy.EnvironmentID) (map[tenancy.EnvironmentID]tenancy.Environment, error) {
		found := make(map[tenancy.EnvironmentID]tenancy.Environment, len(ids))
		for _, id := range ids {
			environment, err := d.store.Environments().Get(ctx, id)
			switch {
			case errors.Is(err, tenancy.ErrEnvironmentNotFound):
				continue
			case err != nil:
				return nil, fmt.Errorf("find environment: %w", err)
			}
			found[id] = environment
		}
		return found, nil
	})
}

// Forget makes the next Get ask the database.
func (d *Directory) Forget(id tenancy.EnvironmentID) { d.known.Forget(id) }

// Each visits every environment of every project; it stops at the first error.
func Each(ctx context.Context, store datastore.Repos, visit func(tenancy.Environment) error) error {
	const page = 200
	after := tenancy.EnvironmentID("")
	for {
		batch, err := store.Environments().All(ctx, after, page)
		if err != nil {
			return fmt.Errorf("list environments: %w", err)
		}
		for _, environment := range batch {
			if err := visit(environment); err != nil {
				return err
			}
			after = environment.ID
		}
		if len(batch) < page {
			return nil
		}
	}
}
