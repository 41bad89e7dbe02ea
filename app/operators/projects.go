package operators

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// FirstCredentials are made with a project.
type FirstCredentials struct {
	Whole []tenancy.CredentialSpec // of the whole project
	Each  []tenancy.CredentialSpec // of each of its environments
}

// MadeProject is a project with what was made with it.
type MadeProject struct {
	tenancy.Project
	Environments []tenancy.Environment
	Credentials  []Issued
}

// CreateProject makes a project with its standard environments and first credentials, all of it or nothing: a
// credential whose token nobody was shown would be live for good. Only the CLI can: no key reaches beyond its own project.
func (u *UseCases) CreateProject(ctx context.Context, p tenancy.Principal, slug, name string, first FirstCredentials) (MadeProject, error) {
	if p.Kind() != tenancy.LocalOperator {
		return MadeProject{}, tenancy.ErrAudience
	}
	now := u.parts.Clock.Now()
	project, err := tenancy.NewProject(tenancy.ProjectID(u.parts.IDs.New()), slug, name, now)
	if err != nil {
		return MadeProject{}, err
	}
	var made MadeProject
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		made = MadeProject{Project: project}
		if err := tx.Projects().Create(ctx, project); err != nil {
			return fmt.Errorf("create project: %w", err)
		}
		event := audit.By(p, audit.ProjectCreated, now).On("project", string(project.ID))
		event.Project, event.After = project.ID, map[string]string{"slug": project.Slug}
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		issue := func(environment tenancy.EnvironmentID, specs []tenancy.CredentialSpec) error {
			for _, spec := range specs {
				one, err := u.issue(p, tenancy.CredentialOwner{Project: project.ID, Environment: environment}, spec)
				if err != nil {
					return err
				}
				if err := u.addCredential(ctx, tx, p, one.Credential); err != nil {
					return err
				}
				made.Credentials = append(made.Credentials, one)
			}
			return nil
		}
		if err := issue("", first.Whole); err != nil {
			return err
		}
		for _, standard := range tenancy.StandardEnvironments() {
			environment, err := u.addEnvironment(ctx, tx, p, project, standard)
			if err != nil {
				return err
			}
			made.Environments = append(made.Environments, environment)
			if err := issue(environment.ID, first.Each); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return MadeProject{}, err
	}
	return made, nil
}

// Projects gives the projects that the caller may see, by slug: its own, or all for the CLI.
func (u *UseCases) Projects(ctx context.Context, p tenancy.Principal, after string, limit int) ([]tenancy.Project, error) {
	if p.Kind() == tenancy.LocalOperator {
		return u.parts.Store.Projects().List(ctx, after, limit)
	}
	own, err := u.parts.Store.Projects().Get(ctx, p.Project())
	if err != nil {
		return nil, fmt.Errorf("find project: %w", err)
	}
	if own.Slug <= after {
		return []tenancy.Project{}, nil
	}
	return []tenancy.Project{own}, nil
}

// Project gives the caller's project.
func (u *UseCases) Project(ctx context.Context, p tenancy.Principal, slug string) (tenancy.Project, error) {
	return u.project(ctx, p, slug)
}

// Confirmation is what a deletion must repeat.
type Confirmation struct {
	Slug string
	// Production agrees that production data is destroyed.
	Production bool
}

// DeleteProject deletes a project with all that is in it, except its audit log, as DeleteEnvironment does one
// of its environments.
func (u *UseCases) DeleteProject(ctx context.Context, p tenancy.Principal, slug string, confirm Confirmation, effects ...once.Effect[once.Nothing]) error {
	project, err := u.wholeProject(ctx, p, slug)
	if err != nil {
		return err
	}
	if confirm.Slug != project.Slug {
		return tenancy.ErrNotConfirmed.With("Repeat the project's slug, %s, in confirm.", project.Slug)
	}
	all, err := u.parts.Store.Environments().List(ctx, project.ID, "", maxEnvironments)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	for _, environment := range all {
		if environment.Production && !confirm.Production {
			return tenancy.ErrNotConfirmed.With("The project has a production environment; confirm that with production=true.")
		}
	}
	owners := []tenancy.CredentialOwner{{Project: project.ID}}
	for _, environment := range all {
		owners = append(owners, tenancy.CredentialOwner{Project: project.ID, Environment: environment.ID})
	}
	keys, err := u.revocationKeys(ctx, owners...)
	if err != nil {
		return err
	}
	err = u.parts.Revoker.Revoke(ctx, keys, func() error {
		return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			now := u.parts.Clock.Now()
			if err := tx.Projects().Delete(ctx, project.ID, now); err != nil {
				return fmt.Errorf("delete project: %w", err)
			}
			event := audit.By(p, audit.ProjectDeleted, now).On("project", string(project.ID))
			event.Project, event.Before = project.ID, map[string]string{"slug": project.Slug}
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	})
	for _, environment := range all {
		u.parts.Directory.Forget(environment.ID)
	}
	return err
}
