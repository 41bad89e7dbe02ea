// Package cache bundles what a cache engine provides. All of it may vanish at
// any moment, and nothing is lost.
package cache

import (
	"context"

	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Cache is one opened engine.
type Cache interface {
	Limiter() limiter.Limiter
	Revocations() revocation.Memory
	// Shared tells whether all replicas see the same. A cache that is not
	// shared serves one replica only.
	Shared() bool
	Ping(ctx context.Context) error
	Close() error
}
