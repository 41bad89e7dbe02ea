package configs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
)

// Upload is a bundle as it comes in.
type Upload struct {
	Content     io.Reader
	Size        int64 // -1: not known
	ContentType string
	// Check refuses what is to be JSON and isn't. It is given the bytes of what is
	// small enough to be read inline.
	Check func(text []byte) error
}

// Received is an upload whose bytes are in the object store, and of no bundle yet.
type Received struct{ configuration.Bundle }

// Receive stores the bytes of an upload, in an object of their own. Unless a bundle is made
// of it, Discard it; what is not discarded is collected later.
func (u *UseCases) Receive(ctx context.Context, scope tenancy.Scope, upload Upload) (Received, error) {
	if configuration.IsForm(upload.ContentType) {
		return Received{}, configuration.ErrContentType.With("A form is no bundle. Say in Content-Type what the bytes are, application/json for example: curl -H 'Content-Type: application/json' --data-binary @file.")
	}
	return u.receive(ctx, u.receiving, scope, upload)
}

// receive is Receive, one of as many as there is room for.
func (u *UseCases) receive(ctx context.Context, room chan struct{}, scope tenancy.Scope, upload Upload) (Received, error) {
	contentType, err := configuration.CheckContentType(upload.ContentType)
	if err != nil {
		return Received{}, err
	}
	most := int64(u.parts.Limits.BundleBytes)
	if upload.Size > most {
		return Received{}, tooLarge(most)
	}
	select {
	case room <- struct{}{}:
		defer func() { <-room }()
	case <-ctx.Done():
		return Received{}, ctx.Err()
	}
	meter := &meter{from: upload.Content, sum: sha256.New(), most: most}
	inline := int64(u.parts.Limits.ConfigValueBytes)
	if configuration.IsJSON(contentType) && upload.Check != nil {
		meter.keep = inline
	}
	object := custody.Bundles + string(scope.Environment()) + "/" + u.parts.IDs.New() // the sweep looks for the environment there
	if err := u.parts.Blobs.Put(ctx, object, meter, upload.Size, contentType); err != nil {
		if meter.failed != nil {
			return Received{}, meter.failed
		}
		return Received{}, fmt.Errorf("store bundle: %w", err)
	}
	now := u.parts.Clock.Now()
	received := Received{configuration.Bundle{Hash: meter.hash(), Size: meter.read, ContentType: contentType, Object: object, CreatedAt: now, TouchedAt: now}}
	switch {
	case meter.read == 0:
		err = configuration.ErrBundleEmpty
	case meter.keep > 0 && meter.read <= inline:
		err = upload.Check(meter.kept.Bytes())
	}
	if err != nil {
		u.Discard(ctx, received)
		return Received{}, err
	}
	return received, nil
}

func tooLarge(most int64) error {
	return configuration.ErrBundleSize.With("A bundle has at most %d bytes.", most)
}

// Discard deletes the bytes of an upload that no bundle was made of. What it fails
// to delete is collected later.
func (u *UseCases) Discard(ctx context.Context, received Received) {
	_ = u.parts.Blobs.Delete(context.WithoutCancel(ctx), received.Object)
}

// Copy stores the bytes of another environment's bundle for this one. They must be
// those that the hash names.
func (u *UseCases) Copy(ctx context.Context, scope tenancy.Scope, bundle configuration.Bundle) (Received, error) {
	object, err := u.open(ctx, bundle, 0, -1)
	if err != nil {
		return Received{}, err
	}
	defer object.Content.Close()
	received, err := u.receive(ctx, u.copying, scope, Upload{Content: object.Content, Size: bundle.Size, ContentType: bundle.ContentType})
	switch {
	case errors.Is(err, blob.ErrSize):
		return Received{}, configuration.ErrDamaged.Because(fmt.Errorf("copy %s: %w", bundle.Object, err))
	case err != nil:
		return Received{}, err
	case received.Hash != bundle.Hash:
		u.Discard(ctx, received)
		return Received{}, configuration.ErrDamaged.Because(fmt.Errorf("%s has the hash %s", bundle.Object, received.Hash))
	}
	return received, nil
}

// open gives a bundle's bytes, not yet held against its hash. The store has an
// object for each bundle: one that is missing was taken away from outside.
func (u *UseCases) open(ctx context.Context, bundle configuration.Bundle, offset, length int64) (blob.Object, error) {
	object, err := u.parts.Blobs.Get(ctx, bundle.Object, offset, length)
	switch {
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrRange):
		return object, configuration.ErrDamaged.Because(fmt.Errorf("%s: %w", bundle.Object, err))
	case err != nil:
		return object, fmt.Errorf("open bundle: %w", err)
	case object.Size != bundle.Size:
		_ = object.Content.Close()
		return object, configuration.ErrDamaged.Because(fmt.Errorf("%s has %d bytes", bundle.Object, object.Size))
	}
	return object, nil
}

// Bytes gives a small bundle's bytes, which are those that the hash names.
func (u *UseCases) Bytes(ctx context.Context, bundle configuration.Bundle) ([]byte, error) {
	object, err := u.open(ctx, bundle, 0, -1)
	if err != nil {
		return nil, err
	}
	defer object.Content.Close()
	content, err := io.ReadAll(io.LimitReader(object.Content, bundle.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	if sha256.Sum256(content) != bundle.Hash {
		return nil, damaged(bundle)
	}
	return content, nil
}

// Inline tells whether a bundle is JSON that is read with the configs themselves.
func (u *UseCases) Inline(bundle configuration.Bundle) bool {
	return bundle.JSON() && bundle.Size <= int64(u.parts.Limits.ConfigValueBytes)
}

// meter measures and hashes what is read through it, and keeps its beginning.
type meter struct {
	from   io.Reader
	sum    hash.Hash
	read   int64
	most   int64
	keep   int64
	kept   bytes.Buffer
	failed error // as Read gave it, whatever became of that on its way
}

func (m *meter) Read(p []byte) (int, error) {
	if m.failed != nil {
		return 0, m.failed
	}
	n, err := m.from.Read(p)
	m.read += int64(n)
	if m.read > m.most {
		m.failed = tooLarge(m.most)
		return 0, m.failed
	}
	m.sum.Write(p[:n])
	if m.keep > 0 && m.read <= m.keep {
		m.kept.Write(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.failed = err
	}
	return n, err
}

func (m *meter) hash() configuration.Hash { return configuration.Hash(m.sum.Sum(nil)) }
