package operators

import (
	"context"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Servers gives up to limit records of game servers after an id, by id; see servers.List.
func (u *UseCases) Servers(ctx context.Context, p tenancy.Principal, place Place, after registry.ServerID, limit int) ([]registry.Server, error) {
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Servers.List(ctx, environment, after, limit)
}

// DrainServer drains a game server; see servers.ForceDrain.
func (u *UseCases) DrainServer(
	ctx context.Context, p tenancy.Principal, place Place, id registry.ServerID, hidden bool, effects ...once.Effect[registry.Server],
) (registry.Server, error) {
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return registry.Server{}, err
	}
	return u.parts.Servers.ForceDrain(ctx, p, environment, id, hidden, effects...)
}

// DeregisterServer ends a game server's registration; see servers.ForceDeregister.
func (u *UseCases) DeregisterServer(ctx context.Context, p tenancy.Principal, place Place, id registry.ServerID, effects ...once.Effect[once.Nothing]) error {
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	return u.parts.Servers.ForceDeregister(ctx, p, environment, id, effects...)
}
