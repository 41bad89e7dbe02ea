package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// keptUnreleased is how long a bundle is kept that no kept release names, from its last upload on.
	keptUnreleased = 30 * 24 * time.Hour
	bundleBatch    = 200
)

// BundleSweep deletes bundles that no release has named for long, and objects that
// have been no bundle's for long: those of uploads that were cut off, of bundles that are gone, and
// of environments that are.
func BundleSweep(store datastore.Datastore, keeper *custody.Keeper, clock clock.Clock) Job {
	return Job{Name: "bundle-sweep", Every: time.Hour, Deadline: 10 * time.Minute, Run: func(ctx context.Context, turn Turn) error {
		if err := environments.Each(ctx, store, func(e tenancy.Environment) error { return forgetBundles(ctx, clock, turn, e.Scope()) }); err != nil {
			return err
		}
		// It needs no turn: to note strays twice changes nothing, and one that is to go is never needed again.
		return keeper.Sweep(ctx, custody.Bundles, func(ctx context.Context, objects []blob.Info) ([]string, error) {
			return ofNoBundle(ctx, store, objects)
		})
	}}
}

// forgetBundles leaves their objects to the sweep.
func forgetBundles(ctx context.Context, clock clock.Clock, turn Turn, scope tenancy.Scope) error {
	for {
		var gone []configuration.Bundle
		err := turn.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
			if gone, err = tx.Bundles().Purge(ctx, scope, clock.Now().Add(-keptUnreleased), bundleBatch); err != nil {
				return fmt.Errorf("purge bundles: %w", err)
			}
			return nil
		})
		if err != nil || len(gone) < bundleBatch {
			return err
		}
	}
}

// ofNoBundle gives those of the objects that the database knows as no bundle's.
func ofNoBundle(ctx context.Context, store datastore.Datastore, objects []blob.Info) ([]string, error) {
	byEnvironment := map[tenancy.EnvironmentID][]string{}
	for _, object := range objects {
		if environment, _, ok := strings.Cut(strings.TrimPrefix(object.Key, custody.Bundles), "/"); ok {
			id := tenancy.EnvironmentID(environment)
			byEnvironment[id] = append(byEnvironment[id], object.Key)
		}
	}
	var strays []string
	for id, keys := range byEnvironment {
		needed := map[string]bool{}
		environment, err := store.Environments().Get(ctx, id)
		switch {
		case errors.Is(err, tenancy.ErrEnvironmentNotFound): // and nothing of it is needed
		case err != nil:
			return nil, fmt.Errorf("find environment: %w", err)
		default:
			known, err := store.Bundles().Objects(ctx, environment.Scope(), keys)
			if err != nil {
				return nil, fmt.Errorf("find bundles of objects: %w", err)
			}
			for _, object := range known {
				needed[object] = true
			}
		}
		for _, key := range keys {
			if !needed[key] {
				strays = append(strays, key)
			}
		}
	}
	return strays, nil
}
