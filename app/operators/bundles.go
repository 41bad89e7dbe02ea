package operators

import (
	"context"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Bundles lists an environment's bundles, the latest first.
func (u *UseCases) Bundles(ctx context.Context, p tenancy.Principal, place Place, after configuration.BundlePlace, limit int) ([]configuration.Bundle, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Bundles().List(ctx, scope, after, limit)
}

// Bundle gives one bundle, without its bytes.
func (u *UseCases) Bundle(ctx context.Context, p tenancy.Principal, place Place, hash configuration.Hash) (configuration.Bundle, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return configuration.Bundle{}, err
	}
	found, err := u.parts.Store.Bundles().Get(ctx, scope, hash)
	if err != nil {
		return found, fmt.Errorf("find bundle: %w", err)
	}
	return found, nil
}

// ReceiveBundle stores the bytes of a bundle to be, for AddBundle.
func (u *UseCases) ReceiveBundle(ctx context.Context, p tenancy.Principal, place Place, upload configs.Upload) (configs.Received, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return configs.Received{}, err
	}
	return u.parts.Configs.Receive(ctx, scope, upload)
}

// Added is a bundle of the environment.
type Added struct {
	Bundle  configuration.Bundle
	Created bool // it was not there before
}

// AddBundle makes a bundle of bytes that were received for this very place. Bytes
// that are a bundle already stay that.
func (u *UseCases) AddBundle(ctx context.Context, p tenancy.Principal, place Place, received configs.Received, effects ...once.Effect[Added]) (Added, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		u.parts.Configs.Discard(ctx, received)
		return Added{}, err
	}
	return u.keepBundle(ctx, p, scope, received, effects...)
}

func (u *UseCases) keepBundle(ctx context.Context, p tenancy.Principal, scope tenancy.Scope, received configs.Received, effects ...once.Effect[Added]) (Added, error) {
	var added Added
	var refused error
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
		defer func() { refused = err }()
		if added, err = u.addBundle(ctx, tx, p, scope, received); err != nil {
			return err
		}
		return once.Tell(ctx, tx, added, effects)
	})
	// When the commit failed, it may still have come through: what is not needed is
	// collected later. What was refused before that is not needed.
	if refused != nil || err == nil && !added.Created {
		u.parts.Configs.Discard(ctx, received)
	}
	return added, err
}

func (u *UseCases) addBundle(ctx context.Context, tx datastore.Repos, p tenancy.Principal, scope tenancy.Scope, received configs.Received) (added Added, err error) {
	if added.Bundle, added.Created, err = tx.Bundles().Save(ctx, scope, received.Bundle); err != nil {
		return added, fmt.Errorf("store bundle: %w", err)
	}
	if added.Bundle.ContentType != received.ContentType {
		return added, configuration.ErrOtherType.With("These bytes are a bundle already, of the content type %s.", added.Bundle.ContentType)
	}
	if !added.Created {
		return added, nil
	}
	event := audit.By(p, audit.BundleUploaded, u.parts.Clock.Now()).In(scope).On("bundle", added.Bundle.Hash.String())
	event.After = map[string]string{"size": strconv.FormatInt(added.Bundle.Size, 10), "content_type": added.Bundle.ContentType}
	return added, u.record(ctx, tx, event)
}
