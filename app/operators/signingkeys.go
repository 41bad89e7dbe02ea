package operators

import (
	"context"
	"strconv"

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
func (u *UseCases) RotateSigningKey(ctx context.Context, p tenancy.Principal, place Place, atOnce bool) (identity.KeySet, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	err = u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		fresh, err := u.keys.Rotate(ctx, tx, scope, atOnce)
		if err != nil {
			return err
		}
		event := audit.By(p, audit.SigningKeyRotated, u.clock.Now()).In(scope).On("signing_key", fresh.ID)
		event.After = map[string]string{"at_once": strconv.FormatBool(atOnce)}
		return u.record(ctx, tx, event)
	})
	u.keys.Forget(scope)
	if err != nil {
		return nil, err
	}
	return u.published(ctx, scope)
}

func (u *UseCases) published(ctx context.Context, scope tenancy.Scope) (identity.KeySet, error) {
	keys, err := u.keys.Keys(ctx, scope)
	if err != nil {
		return nil, err
	}
	published := keys.Published(u.clock.Now())
	for i := range published {
		published[i].Private = nil
	}
	return published, nil
}
