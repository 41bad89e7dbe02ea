package operators

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Promotion is a release to be made of what another environment of the project released.
type Promotion struct {
	Config string
	From   string // the slug of the environment
	// Release is one of that environment's config; 0: the current one.
	Release int
	// Bundle is one of the release's; nil: the one that everyone gets. It is released
	// for everyone.
	Bundle *configuration.Hash
	// Rules takes all rules along instead, with their conditions, percentages and schedules.
	Rules bool
	Note  string
	// Preview tells what would be, and changes nothing.
	Preview bool
	// Pre is of the version of the target's config.
	Pre storage.Precondition
}

// Promoted is what a promotion made, or would make.
type Promoted struct {
	// Release is the new one; in a preview its number is 0.
	Release configuration.Release
	// Config is that of the target: in a preview as it is, or nil when there is none.
	Config *Configured
	// Comparison is of what was current before, and what is now.
	Comparison Comparison
}

// errOvertaken is a release that another one of the target came before since it was foreseen.
var errOvertaken = errors.New("another release came before")

// Promote releases in an environment the very bundle that another one of the project has
// released: the same bytes, which are copied unless they are there already, and judged by the
// schema of the target. A config that isn't there yet is declared as it is in the other environment;
// one that more may read than there is ErrWiderReaders. It needs a key of the whole project that may read and
// write, and both environments' audit logs tell of it.
func (u *UseCases) Promote(ctx context.Context, p tenancy.Principal, place Place, o Promotion, effects ...once.Effect[Promoted]) (Promoted, error) {
	if _, err := u.wholeProject(ctx, p, place.Project); err != nil {
		return Promoted{}, err
	}
	_, target, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Promoted{}, err
	}
	// What it tells of both environments' bundles is what reading them would.
	if err := p.Require(tenancy.ConfigsRead); err != nil {
		return Promoted{}, err
	}
	origin, err := u.origin(ctx, p, place, o)
	if err != nil {
		return Promoted{}, err
	}
	for {
		done, err := u.promote(ctx, p, place, origin, target, o, effects)
		if !errors.Is(err, errOvertaken) {
			return done, err
		}
	}
}

func (u *UseCases) promote(ctx context.Context, p tenancy.Principal, place Place, origin, target tenancy.Scope, o Promotion, effects []once.Effect[Promoted]) (Promoted, error) {
	next, declaration, err := u.promotable(ctx, origin, o)
	if err != nil {
		return Promoted{}, err
	}
	bundles, err := u.parts.Store.Bundles().GetMany(ctx, origin, next.Bundles())
	if err != nil {
		return Promoted{}, fmt.Errorf("find bundles: %w", err)
	}
	next.CreatedAt, next.CreatedBy = u.parts.Clock.Now(), maker(p)
	done := Promoted{Release: next}
	if done.Comparison, err = u.foresee(ctx, origin, target, place.Environment, o.Config, &done); err != nil {
		return Promoted{}, err
	}
	if err := u.refusePromotion(ctx, done, declaration, bundles, o.Pre); err != nil {
		return Promoted{}, err
	}
	if o.Preview {
		if !once.Wanted(effects) {
			return done, nil
		}
		return done, u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return once.Tell(ctx, tx, done, effects) })
	}
	if err := u.bring(ctx, p, target, bundles); err != nil {
		return Promoted{}, err
	}
	tell := func(ctx context.Context, tx datastore.Repos, made Configured) error {
		event := audit.By(p, audit.ConfigPromoted, made.Release.CreatedAt).In(origin).On("config", o.Config)
		event.After = map[string]string{
			"release": strconv.Itoa(next.PromotedRelease), "promoted_to": place.Environment, "promoted_as": strconv.Itoa(made.Release.Number),
		}
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		done.Config, done.Release = &made, *made.Release
		done.Comparison.To.Release = made.Release
		return once.Tell(ctx, tx, done, effects)
	}
	before := done.Comparison.From.Release
	choose := func(_ context.Context, _ datastore.Repos, current Configured) (configuration.Release, error) {
		switch {
		case (current.Release == nil) != (before == nil), before != nil && current.Release.Number != before.Number:
			return next, errOvertaken
		case current.Config.Readers.Wider(declaration.Readers):
			return next, configuration.ErrWiderReaders
		}
		return next, nil
	}
	r := releasing{config: o.Config, fresh: declaration, pre: o.Pre, action: audit.ConfigPromoted, choose: choose}
	if _, err = u.release(ctx, p, target, r, []once.Effect[Configured]{tell}); err != nil {
		return Promoted{}, err
	}
	return done, nil
}

// origin finds the environment that is promoted from, and checks what the request says itself.
func (u *UseCases) origin(ctx context.Context, p tenancy.Principal, place Place, o Promotion) (tenancy.Scope, error) {
	var check fault.Check
	if o.Rules && o.Bundle != nil {
		check.Add("/bundle", "unsupported", "Take the rules along, or one bundle.")
	}
	if o.From == place.Environment {
		check.Add("/from", "not_allowed", "Another environment of the project.")
	}
	if err := fault.BothInvalid(check.Err(), configuration.CheckNote(o.Note)); err != nil {
		return tenancy.Scope{}, err
	}
	_, scope, err := u.environment(ctx, p, place.Project, o.From)
	if errors.Is(err, tenancy.ErrEnvironmentNotFound) {
		return scope, fault.ErrInvalid.WithFields(fault.Body("/from", "unknown", "The project has no such environment."))
	}
	return scope, err
}

// promotable gives the release that is to be made, of what its environment released, and how
// that declares the config.
func (u *UseCases) promotable(ctx context.Context, origin tenancy.Scope, o Promotion) (configuration.Release, configuration.Declaration, error) {
	config, err := u.parts.Store.Configs().Get(ctx, origin, o.Config)
	if err != nil {
		return configuration.Release{}, config.Declaration, fmt.Errorf("find config: %w", err)
	}
	number := o.Release
	if number == 0 {
		number = config.Release
	}
	release, err := u.parts.Store.Configs().GetRelease(ctx, origin, o.Config, number)
	if err != nil {
		return release, config.Declaration, fmt.Errorf("find release: %w", err)
	}
	next := configuration.Release{Config: o.Config, Rules: release.Rules, PromotedFrom: o.From, PromotedRelease: number, Note: o.Note}
	if o.Rules {
		return next, config.Declaration, nil
	}
	bundle, ok := release.Default()
	if o.Bundle != nil {
		bundle, ok = *o.Bundle, slices.Contains(release.Bundles(), *o.Bundle)
	}
	if !ok {
		return next, config.Declaration, configuration.ErrNothingToPromote
	}
	next.Rules = []configuration.Rule{{Bundle: bundle}}
	return next, config.Declaration, nil
}

// foresee compares what is current in the target, which it notes, with what is to be.
func (u *UseCases) foresee(ctx context.Context, origin, target tenancy.Scope, environment, config string, done *Promoted) (Comparison, error) {
	before := Side{Environment: environment}
	current, err := configured(ctx, u.parts.Store, target, config)
	switch {
	case err == nil:
		done.Config = &current
	case !errors.Is(err, configuration.ErrConfigNotFound):
		return Comparison{}, err
	}
	if current.Release != nil {
		if before, err = u.released(ctx, target, environment, *current.Release); err != nil {
			return Comparison{}, err
		}
	}
	after, err := u.released(ctx, origin, environment, done.Release)
	if err != nil {
		return Comparison{}, err
	}
	return u.compare(ctx, before, after)
}

// refusePromotion refuses what its release would refuse, before any byte is copied and for
// previews. The release itself looks again.
func (u *UseCases) refusePromotion(ctx context.Context, done Promoted, declaration configuration.Declaration, bundles []configuration.Bundle, pre storage.Precondition) error {
	config := configuration.Config{Name: done.Release.Config, Declaration: declaration}
	if done.Config != nil {
		config = done.Config.Config
		switch {
		case pre.Missed(&storage.Document{Version: config.Version}):
			return configuration.ErrConfigStale.WithCurrent(*done.Config)
		case config.Readers.Wider(declaration.Readers):
			return configuration.ErrWiderReaders
		}
	} else if pre.Missed(nil) {
		return configuration.ErrConfigStale
	}
	for _, bundle := range bundles {
		if err := u.parts.Configs.Judge(ctx, config, bundle); err != nil {
			return err
		}
	}
	return nil
}

// bring makes bundles of the target of those that it doesn't have. What it has brought stays when it fails, so
// that the next try goes on there; if there is none it is collected as any bundle that no release names.
func (u *UseCases) bring(ctx context.Context, p tenancy.Principal, target tenancy.Scope, bundles []configuration.Bundle) error {
	hashes := make([]configuration.Hash, len(bundles))
	for i, bundle := range bundles {
		hashes[i] = bundle.Hash
	}
	found, err := u.parts.Store.Bundles().GetMany(ctx, target, hashes)
	if err != nil {
		return fmt.Errorf("find bundles: %w", err)
	}
	there := map[configuration.Hash]configuration.Bundle{}
	for _, bundle := range found {
		there[bundle.Hash] = bundle
	}
	for _, bundle := range bundles {
		if own, ok := there[bundle.Hash]; ok {
			if own.ContentType != bundle.ContentType {
				return configuration.ErrOtherType.With("The environment has these bytes already, of the content type %s.", own.ContentType)
			}
			continue
		}
		received, err := u.parts.Configs.Copy(ctx, target, bundle)
		if err != nil {
			return err
		}
		if _, err := u.keepBundle(ctx, p, target, received); err != nil {
			return err
		}
	}
	return nil
}
