package operators

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/collections"
	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/secrets"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Revoker   *access.Revoker
	Directory *environments.Directory
	Keys      *environments.KeyRing
	Book      *collections.Book
	Documents *documents.UseCases
	Boards    *leaderboards.UseCases
	Servers   *servers.UseCases
	Configs   *configs.UseCases
	Limits    limits.Limits
	Clock     clock.Clock
	IDs       ids.Source
	Random    secrets.Random
}

// UseCases are what operators do.
type UseCases struct{ parts Parts }

func New(p Parts) *UseCases { return &UseCases{p} }

// project finds the project that the caller names. Naming another than one's own
// is refused before it is looked for.
func (u *UseCases) project(ctx context.Context, p tenancy.Principal, slug string) (tenancy.Project, error) {
	if p.Kind() == tenancy.LocalOperator {
		return u.parts.Store.Projects().BySlug(ctx, slug)
	}
	own, err := u.parts.Store.Projects().Get(ctx, p.Project())
	if err != nil {
		return tenancy.Project{}, fmt.Errorf("find project: %w", err)
	}
	if own.Slug != slug {
		return tenancy.Project{}, u.refuse(ctx, p, slug)
	}
	return own, nil
}

// wholeProject is project for what concerns more than one environment.
func (u *UseCases) wholeProject(ctx context.Context, p tenancy.Principal, slug string) (tenancy.Project, error) {
	project, err := u.project(ctx, p, slug)
	if err != nil {
		return project, err
	}
	if err := p.WithinProject(project.ID); err != nil {
		return tenancy.Project{}, u.refuse(ctx, p, slug)
	}
	return project, nil
}

// environment finds the environment that the caller names, as project does.
func (u *UseCases) environment(ctx context.Context, p tenancy.Principal, projectSlug, slug string) (tenancy.Environment, tenancy.Scope, error) {
	project, err := u.project(ctx, p, projectSlug)
	if err != nil {
		return tenancy.Environment{}, tenancy.Scope{}, err
	}
	var environment tenancy.Environment
	if own := p.Scope(); !own.IsZero() {
		if environment, err = u.parts.Store.Environments().Get(ctx, own.Environment()); err == nil && environment.Slug != slug {
			return tenancy.Environment{}, tenancy.Scope{}, u.refuse(ctx, p, projectSlug+"/"+slug)
		}
	} else {
		environment, err = u.parts.Store.Environments().BySlug(ctx, project.ID, slug)
	}
	if err != nil {
		return tenancy.Environment{}, tenancy.Scope{}, fmt.Errorf("find environment: %w", err)
	}
	scope, err := p.Within(environment)
	return environment, scope, err
}

// refuse audits an attempt to reach out of one's environment, and gives its refusal.
func (u *UseCases) refuse(ctx context.Context, p tenancy.Principal, named string) error {
	event := audit.By(p, audit.AccessRefused, u.parts.Clock.Now()).On("environment", cut(named))
	event.ID = u.parts.IDs.New()
	if err := u.parts.Store.Audit().Append(ctx, event); err != nil {
		return errors.Join(tenancy.ErrWrongEnvironment, fmt.Errorf("audit: %w", err))
	}
	return tenancy.ErrWrongEnvironment
}

// record appends an event within the transaction of its change.
func (u *UseCases) record(ctx context.Context, tx datastore.Repos, event audit.Event) error {
	event.ID = u.parts.IDs.New()
	if err := tx.Audit().Append(ctx, event); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func cut(s string) string { return s[:min(len(s), 200)] }
