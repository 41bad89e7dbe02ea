package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/configs"
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
// are no bundle's: those of uploads that were cut off, of bundles that are gone, and
// of environments that are.
func BundleSweep(store datastore.Datastore, blobs blob.Store, clock clock.Clock) Job {
	return Job{Name: "bundle-sweep", Every: time.Hour, Deadline: 10 * time.Minute, Run: func(ctx context.Context, turn Turn) error {
		if err := environments.Each(ctx, store, func(e tenancy.Environment) error { return forgetBundles(ctx, clock, turn, e.Scope()) }); err != nil {
			return err
		}
		return sweepObjects(ctx, store, blobs, clock)
	}}
}

// forgetBundles leaves their objects to sweepObjects.
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

// sweepObjects needs no turn: an object of which no bundle was made within the grace
// is never made one of, whoever deletes it.
func sweepObjects(ctx context.Context, store datastore.Datastore, blobs blob.Store, clock clock.Clock) error {
	old := clock.Now().Add(-configs.Grace)
	for after := ""; ; {
		page, err := blobs.List(ctx, configs.ObjectsPrefix, after, bundleBatch)
		if err != nil {
			return fmt.Errorf("list objects of bundles: %w", err)
		}
		byEnvironment := map[tenancy.EnvironmentID][]string{}
		for _, object := range page {
			after = object.Key
			environment, _, ok := strings.Cut(strings.TrimPrefix(object.Key, configs.ObjectsPrefix), "/")
			if ok && object.ModifiedAt.Before(old) {
				byEnvironment[tenancy.EnvironmentID(environment)] = append(byEnvironment[tenancy.EnvironmentID(environment)], object.Key)
			}
		}
		for environment, objects := range byEnvironment {
			if err := sweepEnvironment(ctx, store, blobs, environment, objects); err != nil {
				return err
			}
		}
		if len(page) < bundleBatch {
			return nil
		}
	}
}

func sweepEnvironment(ctx context.Context, store datastore.Datastore, blobs blob.Store, id tenancy.EnvironmentID, objects []string) error {
	needed := map[string]bool{}
	environment, err := store.Environments().Get(ctx, id)
	switch {
	case errors.Is(err, tenancy.ErrEnvironmentNotFound): // and nothing of it is needed
	case err != nil:
		return fmt.Errorf("find environment: %w", err)
	default:
		known, err := store.Bundles().Objects(ctx, environment.Scope(), objects)
		if err != nil {
			return fmt.Errorf("find bundles of objects: %w", err)
		}
		for _, object := range known {
			needed[object] = true
		}
	}
	for _, object := range objects {
		if needed[object] {
			continue
		}
		if err := blobs.Delete(ctx, object); err != nil {
			return fmt.Errorf("delete object of no bundle: %w", err)
		}
	}
	return nil
}
