package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/url"
	"sync/atomic"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Plugin registers memory://, which takes no host, path or parameter.
func Plugin(r *plugin.Registry) { r.Caches.Handle("memory", open) }

func open(_ context.Context, address *url.URL, kit plugin.Kit) (cache.Cache, error) {
	if address.Host != "" || address.Path != "" || address.RawQuery != "" || address.User != nil {
		return nil, fmt.Errorf("%s: memory:// takes nothing more", address.Redacted())
	}
	return &engine{limiter: NewLimiter(kit.Clock), revocations: NewRevocations(kit.Clock), ranks: NewRanks(kit.Clock)}, nil
}

type engine struct {
	limiter     *Limiter
	revocations *Revocations
	ranks       *Ranks
	closed      atomic.Bool
}

var _ cache.Cache = (*engine)(nil)

func (e *engine) Limiter() limiter.Limiter       { return e.limiter }
func (e *engine) Revocations() revocation.Memory { return e.revocations }
func (e *engine) Ranks() ranking.Index           { return e.ranks }
func (e *engine) Shared() bool                   { return false }

func (e *engine) Ping(ctx context.Context) error {
	if e.closed.Load() {
		return fault.ErrUnavailable.Because(errors.New("the cache is closed"))
	}
	return ctx.Err()
}

// Close lets go of nothing: what is in memory goes with the last use of it.
func (e *engine) Close() error {
	e.closed.Store(true)
	return nil
}

// Keys are spread over shards, each with a lock of its own. The seed is the
// process's, so nobody outside can choose keys that meet in one shard.
const shards = 64

var seed = maphash.MakeSeed()

func shardOf(key string) int { return int(maphash.String(seed, key) % shards) }
