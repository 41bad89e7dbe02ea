package operators

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Ref names one of two that are compared: a release by its number, a bundle, or for
// the zero value the current release.
type Ref struct {
	Release int
	Bundle  *configuration.Hash // if Release is 0
}

// Side is one of two that are compared.
type Side struct {
	Environment string // its slug
	// Release is nil for a bundle, and for nothing.
	Release *configuration.Release
	// Bundle is the one, or what everyone gets of the release; nil: none.
	Bundle *configuration.Bundle
}

// Comparison tells what is different between two sides.
type Comparison struct {
	From, To Side
	// Bundle is what is different in the bundles, nil unless both are JSON that is read
	// inline. Whole is false when there is more than is told.
	Bundle []configuration.Difference
	Whole  bool
}

// Compare tells what is different between two releases of a config, or two bundles, or
// one of each. That which is compared from may be of another environment of the project,
// by its slug; that takes a key of the whole project.
func (u *UseCases) Compare(ctx context.Context, p tenancy.Principal, place Place, config string, from Ref, fromEnvironment string, to Ref) (Comparison, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Comparison{}, err
	}
	origin, elsewhere := place, scope
	if fromEnvironment != "" && fromEnvironment != place.Environment {
		origin.Environment = fromEnvironment
		if elsewhere, err = u.other(ctx, p, origin); err != nil {
			return Comparison{}, err
		}
	}
	one, err := u.side(ctx, elsewhere, origin.Environment, config, from)
	if err != nil {
		return Comparison{}, err
	}
	another, err := u.side(ctx, scope, place.Environment, config, to)
	if err != nil {
		return Comparison{}, err
	}
	return u.compare(ctx, one, another)
}

// other finds another environment of the project than the one that a request is about.
func (u *UseCases) other(ctx context.Context, p tenancy.Principal, place Place) (tenancy.Scope, error) {
	if _, err := u.wholeProject(ctx, p, place.Project); err != nil {
		return tenancy.Scope{}, err
	}
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	return scope, err
}

func (u *UseCases) side(ctx context.Context, scope tenancy.Scope, environment, config string, ref Ref) (Side, error) {
	side := Side{Environment: environment}
	if ref.Release == 0 && ref.Bundle != nil {
		bundle, err := u.parts.Store.Bundles().Get(ctx, scope, *ref.Bundle)
		if err != nil {
			return side, fmt.Errorf("find bundle: %w", err)
		}
		side.Bundle = &bundle
		return side, nil
	}
	if ref.Release == 0 {
		current, err := configured(ctx, u.parts.Store, scope, config)
		if err != nil || current.Release == nil {
			return side, err
		}
		return u.released(ctx, scope, environment, *current.Release)
	}
	release, err := u.parts.Store.Configs().GetRelease(ctx, scope, config, ref.Release)
	if err != nil {
		return side, fmt.Errorf("find release: %w", err)
	}
	return u.released(ctx, scope, environment, release)
}

// released is a release as a side; scope is where its bundles are.
func (u *UseCases) released(ctx context.Context, scope tenancy.Scope, environment string, release configuration.Release) (Side, error) {
	side := Side{Environment: environment, Release: &release}
	hash, ok := release.Default()
	if !ok {
		return side, nil
	}
	bundle, err := u.parts.Store.Bundles().Get(ctx, scope, hash)
	if err != nil {
		return side, fmt.Errorf("find bundle: %w", err)
	}
	side.Bundle = &bundle
	return side, nil
}

func (u *UseCases) compare(ctx context.Context, from, to Side) (Comparison, error) {
	c := Comparison{From: from, To: to, Whole: true}
	a, b := from.Bundle, to.Bundle
	switch {
	case a == nil || b == nil || !u.parts.Configs.Inline(*a) || !u.parts.Configs.Inline(*b):
		return c, nil
	case a.Hash == b.Hash:
		c.Bundle = []configuration.Difference{}
		return c, nil
	}
	before, err := u.parts.Configs.Bytes(ctx, *a)
	if err != nil {
		return c, err
	}
	after, err := u.parts.Configs.Bytes(ctx, *b)
	if err != nil {
		return c, err
	}
	if c.Bundle, c.Whole, err = configuration.Compare(before, after); err != nil {
		return c, fmt.Errorf("compare bundles: %w", err)
	}
	return c, nil
}
