package bootstrap

import (
	"context"
	"time"
)

const (
	// patience is how long a server waits at its start for what is not there yet.
	patience = 20 * time.Second
	// lookAgain is how often it looks meanwhile.
	lookAgain = 500 * time.Millisecond
)

// await tries until that is done: well, or for good. When patience or ctx ends first, it gives what last went
// wrong, and not that the try which was under way was cut off, which says nothing of why.
func await(ctx context.Context, try func(ctx context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	var last error
	for {
		done, err := try(ctx)
		if done {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-again.C:
		}
	}
}
