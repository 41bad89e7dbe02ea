package operators

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// ConfigReleases lists a config's releases, the latest first: those with numbers before
// the given one, 0 being the beginning.
func (u *UseCases) ConfigReleases(ctx context.Context, p tenancy.Principal, place Place, config string, before, limit int) ([]configuration.Release, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	if _, err := u.parts.Store.Configs().Get(ctx, scope, config); err != nil {
		return nil, fmt.Errorf("find config: %w", err)
	}
	return u.parts.Store.Configs().Releases(ctx, scope, config, before, limit)
}

// ConfigRelease gives one release.
func (u *UseCases) ConfigRelease(ctx context.Context, p tenancy.Principal, place Place, config string, number int) (configuration.Release, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return configuration.Release{}, err
	}
	found, err := u.parts.Store.Configs().GetRelease(ctx, scope, config, number)
	if err != nil {
		return found, fmt.Errorf("find release: %w", err)
	}
	return found, nil
}

// Activation is a release to be made.
type Activation struct {
	Config string
	Rules  []configuration.Rule
	Note   string
	// Pre is of the config's version.
	Pre storage.Precondition
}

// Activate makes a release, which is the current one from the commit on. A config
// that isn't there yet is made.
func (u *UseCases) Activate(ctx context.Context, p tenancy.Principal, place Place, a Activation, effects ...once.Effect[Configured]) (Configured, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Configured{}, err
	}
	rules, err := configuration.NewRules(a.Config, a.Rules, environment.Now(u.parts.Clock.Now()))
	if err := fault.BothInvalid(err, configuration.CheckNote(a.Note)); err != nil {
		return Configured{}, err
	}
	choose := func(context.Context, datastore.Repos, Configured) (configuration.Release, error) {
		return configuration.Release{Rules: rules, Note: a.Note}, nil
	}
	return u.release(ctx, p, scope, releasing{config: a.Config, pre: a.Pre, action: audit.ConfigReleased, choose: choose}, effects)
}

// Rollback is a release of an earlier one's rules to be made.
type Rollback struct {
	Config string
	To     int // the earlier release; 0: the one before what is current
	Note   string
	// Pre is of the config's version.
	Pre storage.Precondition
}

// Rollback makes a release of the rules of an earlier one: the given one or, for 0,
// the one before what is current. That of a release that restores an earlier one
// is the one before that one, so that repeating it goes on back.
func (u *UseCases) Rollback(ctx context.Context, p tenancy.Principal, place Place, r Rollback, effects ...once.Effect[Configured]) (Configured, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Configured{}, err
	}
	if err := configuration.CheckNote(r.Note); err != nil {
		return Configured{}, err
	}
	choose := func(ctx context.Context, tx datastore.Repos, current Configured) (configuration.Release, error) {
		if current.Release == nil {
			return configuration.Release{}, configuration.ErrConfigNotFound
		}
		target := r.To
		if target == 0 {
			target = max(current.Release.Restores, 0)
			if target == 0 {
				target = current.Release.Number
			}
			target--
		}
		earlier, err := tx.Configs().GetRelease(ctx, scope, r.Config, target)
		switch {
		case errors.Is(err, configuration.ErrReleaseNotFound) && r.To == 0:
			return earlier, configuration.ErrNothingBefore
		case err != nil:
			return earlier, fmt.Errorf("find release: %w", err)
		}
		return configuration.Release{Rules: earlier.Rules, Restores: earlier.Number, Note: r.Note}, nil
	}
	return u.release(ctx, p, scope, releasing{config: r.Config, pre: r.Pre, action: audit.ConfigRolledBack, choose: choose}, effects)
}

// releasing is how a release comes about.
type releasing struct {
	config string
	fresh  configuration.Declaration // what it gets if it isn't there yet
	pre    storage.Precondition      // of its version
	action audit.Action
	// choose gives the release, from how the config is under the lock.
	choose func(ctx context.Context, tx datastore.Repos, current Configured) (configuration.Release, error)
}

// release makes a release, once the change is the operator's.
func (u *UseCases) release(ctx context.Context, p tenancy.Principal, scope tenancy.Scope, r releasing, effects []once.Effect[Configured]) (Configured, error) {
	var done Configured
	err := u.judging(ctx, func(ctx context.Context, tx datastore.Repos, judged verdicts) error {
		change, err := u.changeConfig(ctx, tx, scope, r.config, r.fresh, r.pre)
		if err != nil {
			return err
		}
		now := u.parts.Clock.Now()
		event := audit.By(p, r.action, now).In(scope).On("config", r.config)
		if change.Release != nil {
			event.Before = releaseSummary(*change.Release)
		}
		next, err := r.choose(ctx, tx, change)
		if err != nil {
			return err
		}
		next.Config, next.Number, next.CreatedAt, next.CreatedBy = r.config, change.Config.Release+1, now, maker(p)
		if err := judged.demand(ctx, tx, scope, change.Config, next); err != nil {
			return err
		}
		change.Config.Release, change.Config.UpdatedAt, change.Release = next.Number, now, &next
		if err := tx.Configs().Save(ctx, scope, change.Config); err != nil {
			return fmt.Errorf("save config: %w", err)
		}
		if err := tx.Configs().Release(ctx, scope, next); err != nil {
			return fmt.Errorf("store release: %w", err)
		}
		if err := tx.Configs().Forget(ctx, scope, r.config, next.Number-u.parts.Limits.ConfigReleases); err != nil {
			return fmt.Errorf("forget releases: %w", err)
		}
		event.After = releaseSummary(next)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		done = change
		return once.Tell(ctx, tx, done, effects)
	})
	// Also when it failed: the commit may have come through.
	u.parts.Configs.Changed(ctx, scope)
	return done, err
}

// maker is who a release says has made it.
func maker(p tenancy.Principal) string {
	if name := p.Name(); name != "" {
		return name
	}
	return p.Subject()
}

func releaseSummary(r configuration.Release) map[string]string {
	s := map[string]string{"release": strconv.Itoa(r.Number), "rules": strconv.Itoa(len(r.Rules))}
	var bundles []string
	for _, hash := range r.Bundles() {
		bundles = append(bundles, hash.String())
	}
	if len(bundles) > 0 {
		s["bundles"] = strings.Join(bundles[:min(len(bundles), 5)], " ")
	}
	if r.Restores > 0 {
		s["restores"] = strconv.Itoa(r.Restores)
	}
	if r.PromotedFrom != "" {
		s["promoted_from"], s["promoted_release"] = r.PromotedFrom, strconv.Itoa(r.PromotedRelease)
	}
	if r.Note != "" {
		s["note"] = r.Note
	}
	return s
}
