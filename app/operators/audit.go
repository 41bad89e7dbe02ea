package operators

import (
	"context"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Audit gives the events of an environment or, with an empty
// place.Environment, of a project and all its environments, newest first.
// query's Project and Environment are filled in from the place.
func (u *UseCases) Audit(ctx context.Context, p tenancy.Principal, place Place, query audit.Query) ([]audit.Event, error) {
	owner, err := u.owner(ctx, p, place)
	if err != nil {
		return nil, err
	}
	query.Project, query.Environment = owner.Project, owner.Environment
	return u.parts.Store.Audit().List(ctx, query)
}
