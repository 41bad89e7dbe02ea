package jobs

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

// purgeAnswers deletes what was answered under idempotency keys that have expired.
func purgeAnswers(ctx context.Context, clock clock.Clock, turn Turn) error {
	for {
		deleted := 0
		err := turn.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
			if deleted, err = tx.Idempotency().Purge(ctx, clock.Now(), purgeBatch); err != nil {
				return fmt.Errorf("purge idempotency records: %w", err)
			}
			return nil
		})
		if err != nil || deleted < purgeBatch {
			return err
		}
	}
}
