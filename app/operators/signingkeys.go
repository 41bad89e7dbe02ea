package operators

import (
	"context"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// SigningKeys gives the key set of an environment, without private halves.
func (u *UseCases) SigningKeys(ctx context.Context, p tenancy.Principal, place Place) (identity.KeySet, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.published(ctx, scope)
}

// RotateSigningKey adds a key to an environment; see identity.KeySet.Rotated
// for when it signs and when the others go.
func (u *UseCases) RotateSigningKey(
	ctx context.Context, p tenancy.Principal, place Place, atOnce bool, effects ...once.Effect[identity.KeySet],
) (identity.KeySet, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	var published identity.KeySet
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		fresh, err := u.parts.Keys.Rotate(ctx, tx, scope, atOnce)
		if err != nil {
			return err
		}
		event := audit.By(p, audit.SigningKeyRotated, u.parts.Clock.Now()).In(scope).On("signing_key", fresh.ID)
		event.After = map[string]string{"at_once": strconv.FormatBool(atOnce)}
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		// As it is stored by now: what others know of it is of before.
		stored, err := tx.SigningKeys().List(ctx, scope)
		if err != nil {
			return fmt.Errorf("list signing keys: %w", err)
		}
		keys := make(identity.KeySet, len(stored))
		for i, key := range stored {
			keys[i] = key.SigningKey
		}
		published = keys.Published(u.parts.Clock.Now())
		return once.Tell(ctx, tx, published, effects)
	})
	u.parts.Keys.Forget(scope)
	return published, err
}

func (u *UseCases) published(ctx context.Context, scope tenancy.Scope) (identity.KeySet, error) {
	keys, err := u.parts.Keys.Keys(ctx, scope)
	if err != nil {
		return nil, err
	}
	published := keys.Published(u.parts.Clock.Now())
	for i := range published {
		published[i].Private = nil
	}
	return published, nil
}
