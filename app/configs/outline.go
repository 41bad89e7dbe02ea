package configs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/overworldhq/overworld/domain/configuration"
)

const (
	// chunkSize is how much of a bundle is held against the outline at once. A reader keeps one in memory.
	chunkSize = 64 << 10
	// outlinesBytes bounds the outlines that a replica keeps: those of 512 bundles of 64 MiB.
	outlinesBytes = 16 << 20
	// outlining is how many bundles a replica reads at once to outline them; more wait.
	outlining = 4
)

// outline is the hashes of a bundle's chunks in their order. It was made of bytes that had the
// bundle's hash, so it is as good as that, for good: it tells of every part by itself
// whether it is what was stored.
type outline []configuration.Hash

// outline gives a bundle's; it reads all of a large one unless it is known.
func (u *UseCases) outline(ctx context.Context, bundle configuration.Bundle) (outline, error) {
	if bundle.Size <= chunkSize {
		return outline{bundle.Hash}, nil
	}
	if known, ok := u.outlines.Get(bundle.Hash); ok {
		return known, nil
	}
	select {
	case u.outlining <- struct{}{}:
		defer func() { <-u.outlining }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known, ok := u.outlines.Get(bundle.Hash); ok { // made while this waited
		return known, nil
	}
	object, err := u.open(ctx, bundle, 0, -1)
	if err != nil {
		return nil, err
	}
	defer object.Content.Close()
	made, sum, chunk := make(outline, 0, (bundle.Size+chunkSize-1)/chunkSize), sha256.New(), make([]byte, chunkSize)
	for left := bundle.Size; left > 0; {
		part := chunk[:min(chunkSize, left)]
		if err := fill(object.Content, part, bundle); err != nil {
			return nil, err
		}
		sum.Write(part)
		made = append(made, sha256.Sum256(part))
		left -= int64(len(part))
	}
	if configuration.Hash(sum.Sum(nil)) != bundle.Hash {
		return nil, damaged(bundle)
	}
	u.outlines.Put(bundle.Hash, made, len(made)*sha256.Size)
	return made, nil
}

// fill reads a part of a bundle's object.
func fill(from io.Reader, part []byte, bundle configuration.Bundle) error {
	_, err := io.ReadFull(from, part)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return configuration.ErrDamaged.Because(fmt.Errorf("%s ends early", bundle.Object))
	case err != nil:
		return fmt.Errorf("read bundle: %w", err)
	}
	return nil
}

func damaged(bundle configuration.Bundle) error {
	return configuration.ErrDamaged.Because(fmt.Errorf("%s has another hash", bundle.Object))
}

// checked gives a part of a bundle, each chunk when it is what the outline says.
type checked struct {
	from    io.ReadCloser
	bundle  configuration.Bundle
	outline outline // of the chunks that are still to be read; the first of them begins where from is
	skip    int64   // bytes of the next chunk that aren't wanted
	left    int64   // bytes that are
	chunk   []byte
	ready   []byte // of the chunk
	err     error
}

// next reads a chunk.
func (c *checked) next() error {
	// Only the last is shorter than the others.
	size := min(c.bundle.Size, chunkSize)
	if rest := c.bundle.Size % chunkSize; len(c.outline) == 1 && rest > 0 {
		size = rest
	}
	if c.chunk == nil {
		c.chunk = make([]byte, size)
	}
	part := c.chunk[:size]
	if err := fill(c.from, part, c.bundle); err != nil {
		return err
	}
	if sha256.Sum256(part) != c.outline[0] {
		return damaged(c.bundle)
	}
	c.ready = part[c.skip:min(size, c.skip+c.left)]
	c.outline, c.skip, c.left = c.outline[1:], 0, c.left-int64(len(c.ready))
	return nil
}

func (c *checked) Read(p []byte) (int, error) {
	if len(c.ready) == 0 && c.err == nil {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

func (c *checked) Close() error { return c.from.Close() }
