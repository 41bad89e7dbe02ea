package access

import (
	"context"
	"errors"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Revoker ends what callers come in with.
type Revoker struct {
	store  datastore.Datastore
	memory revocation.Memory
	clock  clock.Clock
	most   int // sessions of a player
}

func NewRevoker(store datastore.Datastore, memory revocation.Memory, clock clock.Clock, limits limits.Limits) *Revoker {
	return &Revoker{store: store, memory: memory, clock: clock, most: limits.PlayerSessions}
}

// Revoke has a revocation committed such that from then on every replica's next
// request finds it. What vouches for the keys is blocked before, so that no
// reader can vouch for them while the commit is under way; and once more after,
// because the memory may have been flushed, block and all, in between.
//
// A memory that can't be reached is no reason to keep what must go: nobody else
// reaches it either, and it makes up for the block when it is back.
func (r *Revoker) Revoke(ctx context.Context, keys []string, commit func() error) error {
	_ = r.memory.Block(ctx, keys...)
	err := commit()
	_ = r.memory.Block(context.WithoutCancel(ctx), keys...)
	return err
}

// errUnblocked rolls back a change that reached sessions nobody had blocked.
var errUnblocked = errors.New("sessions were not blocked yet")

// RevokeSessions is Revoke for a change that learns only in its transaction
// which sessions it ends: it tells them, and commits once all of them were
// blocked before. Until then it is rolled back and made again.
func (r *Revoker) RevokeSessions(
	ctx context.Context, scope tenancy.Scope, change func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error),
) error {
	var blocked []string
	known := map[string]bool{}
	for {
		var missed []string
		err := r.Revoke(ctx, blocked, func() error {
			return r.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
				missed = nil
				ended, err := change(ctx, tx)
				if err != nil {
					return err
				}
				for _, id := range ended {
					if key := SessionKey(scope, id); !known[key] {
						missed = append(missed, key)
					}
				}
				if len(missed) > 0 {
					return errUnblocked
				}
				return nil
			})
		})
		if !errors.Is(err, errUnblocked) {
			return err
		}
		for _, key := range missed {
			known[key] = true
			blocked = append(blocked, key)
		}
	}
}
