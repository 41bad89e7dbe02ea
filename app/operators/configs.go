package operators

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Configured is a config with its current release; nil: there is none yet.
type Configured struct {
	Config  configuration.Config
	Release *configuration.Release
	Created bool // there was none of the name before
}

// Configs lists an environment's configs by name, those after the given one.
func (u *UseCases) Configs(ctx context.Context, p tenancy.Principal, place Place, after string, limit int) ([]configuration.Config, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Configs().List(ctx, scope, after, limit)
}

// Config gives one config.
func (u *UseCases) Config(ctx context.Context, p tenancy.Principal, place Place, name string) (Configured, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Configured{}, err
	}
	return configured(ctx, u.parts.Store, scope, name)
}

// configured gives a config with its release as repos see them.
func configured(ctx context.Context, repos datastore.Repos, scope tenancy.Scope, name string) (Configured, error) {
	config, err := repos.Configs().Get(ctx, scope, name)
	if err != nil {
		return Configured{}, fmt.Errorf("find config: %w", err)
	}
	found := Configured{Config: config}
	if config.Release == 0 {
		return found, nil
	}
	release, err := repos.Configs().GetRelease(ctx, scope, name, config.Release)
	if err != nil {
		return found, fmt.Errorf("find current release: %w", err)
	}
	found.Release = &release
	return found, nil
}

// DeclareConfig says who reads a config and what its bundles satisfy. The bundles
// of its current release must already.
func (u *UseCases) DeclareConfig(
	ctx context.Context, p tenancy.Principal, place Place, name string, declaration configuration.Declaration, pre storage.Precondition, effects ...once.Effect[Configured],
) (Configured, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Configured{}, err
	}
	if err := u.parts.Configs.CheckSchema(declaration.Schema); err != nil {
		return Configured{}, err
	}
	var done Configured
	err = u.judging(ctx, func(ctx context.Context, tx datastore.Repos, judged verdicts) error {
		change, err := u.changeConfig(ctx, tx, scope, name, configuration.Declaration{}, pre)
		if err != nil {
			return err
		}
		now := u.parts.Clock.Now()
		event := audit.By(p, audit.ConfigDeclared, now).In(scope).On("config", name)
		if !change.Created {
			event.Before = configSummary(change.Config)
		}
		if change.Config, err = change.Config.Declared(declaration, u.parts.Limits.SchemaBytes, now); err != nil {
			return err
		}
		if change.Release != nil && declaration.Schema != nil {
			if err := judged.demand(ctx, tx, scope, change.Config, *change.Release); err != nil {
				return err
			}
		}
		if err := tx.Configs().Save(ctx, scope, change.Config); err != nil {
			return fmt.Errorf("save config: %w", err)
		}
		event.After = configSummary(change.Config)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		done = change
		return once.Tell(ctx, tx, done, effects)
	})
	u.parts.Configs.Changed(ctx, scope)
	return done, err
}

// DeleteConfig deletes a config with its releases. Its bundles stay, as any that
// no release names.
func (u *UseCases) DeleteConfig(ctx context.Context, p tenancy.Principal, place Place, name, confirm string, effects ...once.Effect[once.Nothing]) error {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	if confirm != name {
		return tenancy.ErrNotConfirmed.With("Repeat the config's name, %s, in confirm.", cut(name))
	}
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if _, err := tx.Configs().NextVersion(ctx, scope); err != nil {
			return fmt.Errorf("change configs: %w", err)
		}
		config, err := tx.Configs().Get(ctx, scope, name)
		if err != nil {
			return fmt.Errorf("find config: %w", err)
		}
		if err := tx.Configs().Delete(ctx, scope, name); err != nil {
			return fmt.Errorf("delete config: %w", err)
		}
		event := audit.By(p, audit.ConfigDeleted, u.parts.Clock.Now()).In(scope).On("config", name)
		event.Before = configSummary(config)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		return once.Tell(ctx, tx, once.Nothing{}, effects)
	})
	u.parts.Configs.Changed(ctx, scope)
	return err
}

// changeConfig takes the version of a change to a config and gives what it is now,
// or a new one with that declaration, if that is what the operator means.
func (u *UseCases) changeConfig(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, name string, fresh configuration.Declaration, pre storage.Precondition) (Configured, error) {
	version, err := tx.Configs().NextVersion(ctx, scope)
	if err != nil {
		return Configured{}, fmt.Errorf("change configs: %w", err)
	}
	current, err := configured(ctx, tx, scope, name)
	switch {
	case errors.Is(err, configuration.ErrConfigNotFound):
		if pre.Missed(nil) {
			return Configured{}, configuration.ErrConfigStale
		}
		if current.Config, err = configuration.NewConfig(name, fresh, u.parts.Limits.SchemaBytes, u.parts.Clock.Now()); err != nil {
			return Configured{}, err
		}
		there, err := tx.Configs().List(ctx, scope, "", u.parts.Limits.Configs)
		if err != nil {
			return Configured{}, fmt.Errorf("count configs: %w", err)
		}
		if len(there) >= u.parts.Limits.Configs {
			return Configured{}, configuration.ErrTooMany.With("An environment has at most %d configs.", u.parts.Limits.Configs)
		}
		current.Created = true
	case err != nil:
		return Configured{}, err
	case pre.Missed(&storage.Document{Version: current.Config.Version}):
		return Configured{}, configuration.ErrConfigStale.WithCurrent(current)
	}
	current.Config.Version = version
	return current, nil
}

func configSummary(c configuration.Config) map[string]string {
	s := map[string]string{"readers": string(c.Readers), "version": strconv.FormatInt(c.Version, 10), "release": strconv.Itoa(c.Release)}
	if c.Schema != nil {
		sum := sha256.Sum256(c.Schema)
		s["schema_sha256"] = hex.EncodeToString(sum[:])
	}
	return s
}
