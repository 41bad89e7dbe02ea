// Package cache bundles what a cache engine provides. All of it may vanish at
// any moment, and nothing is lost.
package cache

import (
	"context"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Cache is one opened engine.
type Cache interface {
	Limiter() limiter.Limiter
	Revocations() revocation.Memory
	Ranks() ranking.Index
	// Shared tells whether all replicas see the same. A cache that is not
	// shared serves one replica only.
	Shared() bool
	Ping(ctx context.Context) error
	Close() error
}

// Remote is a cache on servers of its own, which tells whoever watches it how
// it reaches them.
type Remote interface {
	// Link tells whether they were reached last, and counts the failures and new
	// connections since the start: each may have lost what they held.
	Link() (up bool, troubles uint64)
}
