package configs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// heldBack is how many bytes at least are kept back until the hash of all is known,
// and whole how large a bundle is read as a whole before any of it is given.
const (
	heldBack = 32 << 10
	whole    = 1 << 20
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
	if known, ok := current.bundles[hash]; ok {
		return known.Bundle, nil
	}
	// One of a release that was current when the caller read its link.
	there, err := u.store.Configs().Names(ctx, p.Scope(), config, hash)
	switch {
	case err != nil:
		return configuration.Bundle{}, fmt.Errorf("find releases of bundle: %w", err)
	case !there:
		return configuration.Bundle{}, configuration.ErrBundleNotFound
	}
	bundle, err := u.store.Bundles().Get(ctx, p.Scope(), hash)
	if err != nil {
		return bundle, fmt.Errorf("find bundle: %w", err)
	}
	return bundle, nil
}

// Open gives length bytes of a bundle from an offset within it.
//
// What is read to its end from the beginning is held against the hash: the last
// bytes come only when all are those that the hash names, else the read ends with
// ErrDamaged. A small bundle is whole in any part. A part of a large one is as the object
// store gives it: who puts parts together holds them against the hash himself.
func (u *UseCases) Open(ctx context.Context, bundle configuration.Bundle, offset, length int64) (io.ReadCloser, error) {
	if bundle.Size <= whole {
		content, err := u.Bytes(ctx, bundle)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(content[offset : offset+length])), nil
	}
	object, err := u.open(ctx, bundle, offset, length)
	if err != nil {
		return nil, err
	}
	if length < bundle.Size {
		return object.Content, nil
	}
	return &sealed{from: object.Content, bundle: bundle, sum: sha256.New()}, nil
}

// sealed gives what it reads, and the last of it only when the hash is right.
type sealed struct {
	from   io.ReadCloser
	bundle configuration.Bundle
	sum    hash.Hash
	held   []byte // was read and hashed
	err    error  // of from; io.EOF: all is there and right
}

func (s *sealed) Read(p []byte) (int, error) {
	for s.err == nil && len(s.held) <= heldBack {
		chunk := make([]byte, heldBack)
		n, err := s.from.Read(chunk)
		s.sum.Write(chunk[:n])
		s.held = append(s.held, chunk[:n]...)
		switch {
		case errors.Is(err, io.EOF) && configuration.Hash(s.sum.Sum(nil)) != s.bundle.Hash:
			s.err = configuration.ErrDamaged.Because(fmt.Errorf("%s has another hash", s.bundle.Object))
		default:
			s.err = err
		}
	}
	give := s.held
	switch {
	case s.err == nil:
		give = s.held[:len(s.held)-heldBack]
	case !errors.Is(s.err, io.EOF) || len(s.held) == 0:
		return 0, s.err
	}
	n := copy(p, give)
	s.held = s.held[:copy(s.held, s.held[n:])]
	return n, nil
}

func (s *sealed) Close() error { return s.from.Close() }
