package blobstore

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/ports/blob"
)

// linking is a bucket whose address the game can reach, so that objects may be read by links.
type linking struct{ *bucket }

var _ blob.Linker = linking{}

// Link signs a URL (SigV4, in the query); no request is sent for it.
func (l linking) Link(ctx context.Context, key string, lifetime time.Duration) (string, error) {
	if !blob.ValidKey(key) {
		return "", blob.ErrKey
	}
	if err := l.usable(ctx); err != nil {
		return "", err
	}
	signed, err := l.client.PresignedGetObject(ctx, l.name, l.prefix+key, lifetime, nil)
	if err != nil {
		return "", fmt.Errorf("sign link: %w", err)
	}
	return signed.String(), nil
}
