package configs

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// ManifestLifetime is how long a manifest is good. A key stays published at least as long
// after it has signed for the last time.
const ManifestLifetime = tenancy.MaxAccessTokenLifetime

// Manifest tells what a caller gets now, as Read does, signed by the environment: whoever has its
// public keys can tell, offline and later, that these very bytes were released. Its
// times are the system's, since it is about trust and not about the game.
func (u *UseCases) Manifest(ctx context.Context, p tenancy.Principal, query Query) (configuration.Manifest, string, error) {
	answer, err := u.Read(ctx, p, query)
	if err != nil {
		return configuration.Manifest{}, "", err
	}
	key, err := u.parts.Keys.Signer(ctx, p.Scope())
	if err != nil {
		return configuration.Manifest{}, "", fmt.Errorf("find signing key: %w", err)
	}
	now := u.parts.Clock.Now().Truncate(time.Second)
	m := configuration.Manifest{
		Issuer: string(u.parts.Issuer), Environment: p.Scope().Environment(), IssuedAt: now, ExpiresAt: now.Add(ManifestLifetime),
		Configs: make([]configuration.Pinned, len(answer.Items)),
	}
	for i, item := range answer.Items {
		m.Configs[i] = configuration.Pinned{Config: item.Config, Release: item.Release, Bundle: item.Bundle}
	}
	signed, err := u.parts.Manifests.Sign(m, key)
	return m, signed, err
}
