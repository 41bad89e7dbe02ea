package configs

import (
	"context"
	"fmt"
	"io"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Released finds a bundle for a caller: ErrBundleNotFound unless he may read the
// config and one of its kept releases has the bundle.
func (u *UseCases) Released(ctx context.Context, p tenancy.Principal, config string, hash configuration.Hash) (configuration.Bundle, error) {
	s, _, err := u.feed(p.Scope()).get(ctx)
	if err != nil {
		return configuration.Bundle{}, err
	}
	current, ok := s.find(factsOf(p), config)
	if !ok {
		return configuration.Bundle{}, configuration.ErrBundleNotFound
	}
	if known, ok := current.bundle(hash); ok {
		return known, nil
	}
	// One of a release that was current when the caller read its link.
	there, err := u.parts.Store.Configs().Names(ctx, p.Scope(), config, hash)
	switch {
	case err != nil:
		return configuration.Bundle{}, fmt.Errorf("find releases of bundle: %w", err)
	case !there:
		return configuration.Bundle{}, configuration.ErrBundleNotFound
	}
	bundle, err := u.parts.Store.Bundles().Get(ctx, p.Scope(), hash)
	if err != nil {
		return bundle, fmt.Errorf("find bundle: %w", err)
	}
	return bundle, nil
}

// Open gives length bytes of a bundle from an offset within it, each only when what is
// around it was found to be what the hash names: what is damaged is ErrDamaged, here or by the
// reader. The first to ask a replica for a bundle waits until all of it has been read once.
func (u *UseCases) Open(ctx context.Context, bundle configuration.Bundle, offset, length int64) (io.ReadCloser, error) {
	outline, err := u.outline(ctx, bundle)
	if err != nil {
		return nil, err
	}
	// Of the store as many whole chunks as hold the part; it stops at the end of the last.
	first, after := offset/chunkSize, (offset+length+chunkSize-1)/chunkSize
	object, err := u.open(ctx, bundle, first*chunkSize, (after-first)*chunkSize)
	if err != nil {
		return nil, err
	}
	c := &checked{from: object.Content, bundle: bundle, outline: outline[first:], skip: offset % chunkSize, left: length}
	if err := c.next(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
