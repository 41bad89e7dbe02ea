package operators

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// maxEnvironments bounds the environments of a project.
const maxEnvironments = 50

// ErrTooManyEnvironments refuses an environment past the bound.
var ErrTooManyEnvironments = fault.New(fault.Conflict, "tenancy.too_many_environments", "A project has at most %d environments.", maxEnvironments)

// CreateEnvironment adds an environment to the caller's project.
func (u *UseCases) CreateEnvironment(ctx context.Context, p tenancy.Principal, projectSlug string, spec tenancy.EnvironmentSpec, effects ...once.Effect[tenancy.Environment]) (tenancy.Environment, error) {
	project, err := u.wholeProject(ctx, p, projectSlug)
	if err != nil {
		return tenancy.Environment{}, err
	}
	var environment tenancy.Environment
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		all, err := tx.Environments().List(ctx, project.ID, "", maxEnvironments)
		if err != nil {
			return fmt.Errorf("list environments: %w", err)
		}
		if len(all) >= maxEnvironments {
			return ErrTooManyEnvironments
		}
		if environment, err = u.addEnvironment(ctx, tx, p, project, spec); err != nil {
			return err
		}
		return once.Tell(ctx, tx, environment, effects)
	})
	return environment, err
}

// addEnvironment makes an environment and the key that signs its tokens.
func (u *UseCases) addEnvironment(ctx context.Context, tx datastore.Repos, p tenancy.Principal, project tenancy.Project, spec tenancy.EnvironmentSpec) (tenancy.Environment, error) {
	now := u.parts.Clock.Now()
	environment, err := tenancy.NewEnvironment(tenancy.EnvironmentID(u.parts.IDs.New()), project.ID, spec, now)
	if err != nil {
		return environment, err
	}
	if err := tx.Environments().Create(ctx, environment); err != nil {
		return environment, fmt.Errorf("create environment: %w", err)
	}
	if _, err := u.parts.Keys.Rotate(ctx, tx, environment.Scope(), true); err != nil {
		return environment, err
	}
	event := audit.By(p, audit.EnvironmentCreated, now).On("environment", string(environment.ID))
	event.Project, event.After = project.ID, summary(environment)
	return environment, u.record(ctx, tx, event)
}

// Environments gives the environments of a project that the caller may see, by slug.
func (u *UseCases) Environments(ctx context.Context, p tenancy.Principal, projectSlug, after string, limit int) ([]tenancy.Environment, error) {
	project, err := u.project(ctx, p, projectSlug)
	if err != nil {
		return nil, err
	}
	if own := p.Scope(); !own.IsZero() {
		environment, err := u.parts.Store.Environments().Get(ctx, own.Environment())
		if err != nil {
			return nil, fmt.Errorf("find environment: %w", err)
		}
		if environment.Slug <= after {
			return []tenancy.Environment{}, nil
		}
		return []tenancy.Environment{environment}, nil
	}
	return u.parts.Store.Environments().List(ctx, project.ID, after, limit)
}

// Environment gives one environment.
func (u *UseCases) Environment(ctx context.Context, p tenancy.Principal, projectSlug, slug string) (tenancy.Environment, error) {
	environment, _, err := u.environment(ctx, p, projectSlug, slug)
	return environment, err
}

// GoingEnvironments gives those of a project that were deleted and of which there is still something, at most so
// many: for the command line.
func (u *UseCases) GoingEnvironments(ctx context.Context, p tenancy.Principal, projectSlug string, limit int) ([]tenancy.Environment, error) {
	project, err := u.wholeProject(ctx, p, projectSlug)
	if err != nil {
		return nil, err
	}
	all, err := u.parts.Store.Environments().Deleted(ctx, "", limit)
	if err != nil {
		return nil, fmt.Errorf("list deleted environments: %w", err)
	}
	return slices.DeleteFunc(all, func(e tenancy.Environment) bool { return e.ProjectID != project.ID }), nil
}

// Edit changes an environment; nil members stay as they are.
type Edit struct {
	Name     *string
	Settings func(*tenancy.Settings)
	// Versions, when there are any, are those one of which must be current.
	Versions []int64
}

// EditEnvironment changes an environment's name and settings. Other replicas
// see it within environments.Fresh.
func (u *UseCases) EditEnvironment(
	ctx context.Context, p tenancy.Principal, projectSlug, slug string, edit Edit, effects ...once.Effect[tenancy.Environment],
) (tenancy.Environment, error) {
	for {
		current, scope, err := u.environment(ctx, p, projectSlug, slug)
		if err != nil {
			return current, err
		}
		if len(edit.Versions) > 0 && !slices.Contains(edit.Versions, current.Version) {
			return current, tenancy.ErrEnvironmentStale.WithCurrent(current)
		}
		name, settings := current.Name, current.Settings
		if edit.Name != nil {
			name = *edit.Name
		}
		if edit.Settings != nil {
			edit.Settings(&settings)
		}
		next, err := current.Edited(name, settings)
		if err != nil {
			return current, err
		}
		err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if err := tx.Environments().Update(ctx, next); err != nil {
				return fmt.Errorf("update environment: %w", err)
			}
			event := audit.By(p, audit.EnvironmentUpdated, u.parts.Clock.Now()).In(scope).On("environment", string(next.ID))
			event.Before, event.After = changed(summary(current), summary(next))
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, next, effects)
		})
		u.parts.Directory.Forget(next.ID)
		// Somebody else's edit came between; with no version named, ours goes on top of it.
		if errors.Is(err, tenancy.ErrEnvironmentStale) && ctx.Err() == nil {
			continue
		}
		return next, err
	}
}

// DeleteEnvironment deletes an environment with all that is in it, except its audit log. Nobody finds it any
// more; what is in it goes afterwards, in the removal package's batches.
func (u *UseCases) DeleteEnvironment(
	ctx context.Context, p tenancy.Principal, projectSlug, slug string, confirm Confirmation, effects ...once.Effect[once.Nothing],
) error {
	if _, err := u.wholeProject(ctx, p, projectSlug); err != nil {
		return err
	}
	environment, _, err := u.environment(ctx, p, projectSlug, slug)
	if err != nil {
		return err
	}
	if confirm.Slug != environment.Slug {
		return tenancy.ErrNotConfirmed.With("Repeat the environment's slug, %s, in confirm.", environment.Slug)
	}
	if environment.Production && !confirm.Production {
		return tenancy.ErrNotConfirmed.With("This is a production environment; confirm that with production=true.")
	}
	keys, err := u.revocationKeys(ctx, tenancy.CredentialOwner{Project: environment.ProjectID, Environment: environment.ID})
	if err != nil {
		return err
	}
	err = u.parts.Revoker.Revoke(ctx, keys, func() error {
		return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			now := u.parts.Clock.Now()
			if err := tx.Environments().Delete(ctx, environment.ID, now); err != nil {
				return fmt.Errorf("delete environment: %w", err)
			}
			event := audit.By(p, audit.EnvironmentDeleted, now).On("environment", string(environment.ID))
			event.Project, event.Environment, event.Before = environment.ProjectID, "", summary(environment)
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	})
	u.parts.Directory.Forget(environment.ID)
	return err
}

// revocationKeys names every credential of the owners in the memory of revocations.
func (u *UseCases) revocationKeys(ctx context.Context, owners ...tenancy.CredentialOwner) ([]string, error) {
	const page = 200
	var keys []string
	for _, owner := range owners {
		for before := ""; ; {
			batch, err := u.parts.Store.Credentials().List(ctx, owner, before, page)
			if err != nil {
				return nil, fmt.Errorf("list credentials: %w", err)
			}
			for _, c := range batch {
				keys = append(keys, access.CredentialKey(c.Hash))
				before = c.ID
			}
			if len(batch) < page {
				break
			}
		}
	}
	return keys, nil
}

func summary(e tenancy.Environment) map[string]string {
	seconds := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	return map[string]string{
		"slug": e.Slug, "name": e.Name, "production": strconv.FormatBool(e.Production), "version": strconv.FormatInt(e.Version, 10),
		"guest_sign_in":                  strconv.FormatBool(e.Settings.GuestSignIn),
		"email_sign_in":                  strconv.FormatBool(e.Settings.EmailSignIn),
		"access_token_lifetime_seconds":  seconds(e.Settings.AccessTokenLifetime),
		"refresh_token_lifetime_seconds": seconds(e.Settings.RefreshTokenLifetime),
		"clock_offset_seconds":           seconds(e.Settings.ClockOffset),
		"server_browsing":                string(e.Settings.ServerBrowsing),
		"cors_origins":                   strings.Join(e.Settings.CORSOrigins, " "),
	}
}

// changed keeps the members in which two summaries differ.
func changed(before, after map[string]string) (map[string]string, map[string]string) {
	was, is := map[string]string{}, map[string]string{}
	for member, value := range after {
		if before[member] != value {
			was[member], is[member] = before[member], value
		}
	}
	return was, is
}
