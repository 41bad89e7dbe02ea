package configs

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
)

// LinkLifetime is how long a link may be followed. What was begun by then may go on.
const LinkLifetime = 15 * time.Minute

// Link is where a caller reads a bundle's bytes without asking Overworld for them.
type Link struct {
	Bundle configuration.Bundle
	// URL is empty when the object store gives no links.
	URL       string
	ExpiresAt time.Time
}

// Link gives one for a bundle that Released finds. Whoever follows it holds the bytes
// against the hash: nobody has looked at them on the way.
func (u *UseCases) Link(ctx context.Context, p tenancy.Principal, config string, hash configuration.Hash) (Link, error) {
	bundle, err := u.Released(ctx, p, config, hash)
	if err != nil {
		return Link{}, err
	}
	linker, ok := u.parts.Blobs.(blob.Linker)
	if !ok {
		return Link{Bundle: bundle}, nil
	}
	link := Link{Bundle: bundle, ExpiresAt: u.parts.Clock.Now().Add(LinkLifetime)}
	if link.URL, err = linker.Link(ctx, bundle.Object, LinkLifetime); err != nil {
		return Link{}, fmt.Errorf("link bundle: %w", err)
	}
	return link, nil
}
