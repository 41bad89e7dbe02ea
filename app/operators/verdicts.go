package operators

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// verdicts are the bundles that were found good for a config. To find that out they
// are read from the object store, which no transaction may wait for.
type verdicts map[verdict]bool

type verdict struct {
	schema string
	bundle configuration.Hash
}

// unjudged ends a transaction that needs a verdict which nobody has given yet.
type unjudged struct {
	config  configuration.Config
	bundles []configuration.Bundle
}

func (*unjudged) Error() string { return "bundles are to be judged first" }

// demand refuses a release of bundles that aren't there, and is *unjudged while
// some have no verdict.
func (v verdicts) demand(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, config configuration.Config, release configuration.Release) error {
	named := release.Bundles()
	found, err := tx.Bundles().GetMany(ctx, scope, named)
	if err != nil {
		return fmt.Errorf("find bundles: %w", err)
	}
	there := map[configuration.Hash]configuration.Bundle{}
	for _, b := range found {
		there[b.Hash] = b
	}
	open := &unjudged{config: config}
	for _, hash := range named {
		bundle, ok := there[hash]
		if !ok {
			return configuration.ErrBundleMissing.With("The environment has no bundle %s; upload it first.", hash)
		}
		if !v[verdict{string(config.Schema), hash}] {
			open.bundles = append(open.bundles, bundle)
		}
	}
	if len(open.bundles) > 0 {
		return open
	}
	return nil
}

// judging runs fn in a transaction, and again after each verdict that it lacked. What
// was judged can't change; which bundles and which schema it is about can.
func (u *UseCases) judging(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos, judged verdicts) error) error {
	judged := verdicts{}
	for {
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return fn(ctx, tx, judged) })
		var open *unjudged
		if !errors.As(err, &open) {
			return err
		}
		for _, bundle := range open.bundles {
			if err := u.parts.Configs.Judge(ctx, open.config, bundle); err != nil {
				return err
			}
			judged[verdict{string(open.config.Schema), bundle.Hash}] = true
		}
	}
}
