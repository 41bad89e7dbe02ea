package once

import (
	"context"
	"slices"

	"github.com/overworldhq/overworld/ports/datastore"
)

// Effect is told what came of a use case, as the last act within the
// transaction that changes anything; its error undoes the change. It may be
// told more than once, because a transaction may run again: the last time
// counts. A use case that succeeds always tells, even that nothing was left to
// change; one that fails need not.
//
// Use cases take effects as their last arguments, as many as there are to tell;
// nil is nobody. They may tell from another goroutine, and after their caller has
// given up waiting; what they then keep is found by who asks again.
type Effect[T any] func(ctx context.Context, tx datastore.Repos, result T) error

// Tell tells them all, in their order.
func Tell[T any](ctx context.Context, tx datastore.Repos, result T, effects []Effect[T]) error {
	for _, effect := range effects {
		if effect == nil {
			continue
		}
		if err := effect(ctx, tx, result); err != nil {
			return err
		}
	}
	return nil
}

// Wanted tells whether there is anybody to tell.
func Wanted[T any](effects []Effect[T]) bool {
	return slices.ContainsFunc(effects, func(e Effect[T]) bool { return e != nil })
}

// Nothing is the result of use cases that give none.
type Nothing struct{}
