package configs

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Query is what a caller says of himself, and asks for.
type Query struct {
	// Names are the configs that he wants; none: all that he may read.
	Names    []string
	Platform string
	Region   string
	Version  configuration.Version
	Tags     []string
}

func (q Query) facts(p tenancy.Principal) configuration.Facts {
	facts := factsOf(p)
	facts.Platform, facts.Region, facts.Version, facts.Tags = q.Platform, q.Region, q.Version, q.Tags
	return facts
}

// Read gives what a caller gets now. Names that aren't there, or have nothing for
// him, are not in the answer.
func (u *UseCases) Read(ctx context.Context, p tenancy.Principal, query Query) (*Answer, error) {
	scope := p.Scope()
	environment, err := u.parts.Directory.Get(ctx, scope.Environment())
	if err != nil {
		return nil, fmt.Errorf("find environment: %w", err)
	}
	s, _, err := u.feed(scope).get(ctx)
	if err != nil {
		return nil, err
	}
	return s.answer(query.facts(p), query.Names, environment.Now(u.parts.Clock.Now())), nil
}
