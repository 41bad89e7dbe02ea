package jobs

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/app/removal"
)

// Removal deletes what is in environments and projects that were deleted, in bounded batches.
func Removal(remover *removal.Remover) Job {
	return Job{Name: "removal", Every: 5 * time.Second, Deadline: 10 * time.Minute, Run: func(ctx context.Context, turn Turn) error {
		return remover.Run(ctx, turn.InTx)
	}}
}
