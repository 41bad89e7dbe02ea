package signin

import (
	"context"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// PublicKeys gives the keys that verify an environment's access tokens. They are
// public, and say nothing but that the environment is there.
func (u *UseCases) PublicKeys(ctx context.Context, id tenancy.EnvironmentID) (identity.KeySet, error) {
	environment, err := u.parts.Directory.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	keys, err := u.parts.Keys.Keys(ctx, environment.Scope())
	if err != nil {
		return nil, err
	}
	return keys.Published(u.parts.Clock.Now()), nil
}
