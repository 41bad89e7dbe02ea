package access

import (
	"context"

	"github.com/overworldhq/overworld/ports/revocation"
)

// Revoke has a revocation committed such that from then on every replica's next
// request finds it. What vouches for the keys is blocked before, so that no
// reader can vouch for them while the commit is under way; and once more after,
// because the memory may have been flushed, block and all, in between.
//
// A memory that can't be reached is no reason to keep what must go: nobody else
// reaches it either, and it makes up for the block when it is back.
func Revoke(ctx context.Context, memory revocation.Memory, keys []string, commit func() error) error {
	_ = memory.Block(ctx, keys...)
	err := commit()
	_ = memory.Block(context.WithoutCancel(ctx), keys...)
	return err
}
