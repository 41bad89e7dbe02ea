package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/ports/datastore"
)

// Bounds of retrying: a statement or transaction runs at most attempts times,
// and waits between half of and a whole step before each new try. Steps double from
// firstStep to lastStep, so the waits sum up to less than a second.
const (
	attempts  = 8
	firstStep = 4 * time.Millisecond
	lastStep  = 256 * time.Millisecond
)

// InTx runs fn in a transaction; see datastore.Datastore.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
	return s.conn.transact(ctx, func(ctx context.Context, tx conn) error { return fn(ctx, repos{tx}) })
}

func (c conn) transact(ctx context.Context, fn func(ctx context.Context, tx conn) error) error {
	for attempt := 0; ; attempt++ {
		if c.shared.closed.Load() {
			return fmt.Errorf("begin transaction: %w", datastore.ErrClosed)
		}
		repeatable, err := c.attempt(ctx, fn)
		if err == nil || !c.shared.again(ctx, err, attempt, repeatable) {
			return err
		}
	}
}

// attempt runs fn in one transaction. Until the commit is sent the whole of it is
// repeatable: a server that loses the connection rolls back.
func (c conn) attempt(ctx context.Context, fn func(ctx context.Context, tx conn) error) (repeatable bool, err error) {
	ctx, span := c.shared.begin(ctx, "transaction")
	defer func() { c.shared.end(span, err) }()
	tx, err := c.write.BeginTx(ctx, nil)
	if err != nil {
		return true, fmt.Errorf("begin transaction: %w", c.shared.translate(ctx, err))
	}
	ended := false
	defer func() { // also when fn panics
		if !ended {
			// The error that matters is fn's; a rollback fails only with the
			// connection, and then the server rolls back.
			_ = tx.Rollback()
		}
	}()
	if err := fn(ctx, conn{shared: c.shared, read: tx, write: tx, inTx: true}); err != nil {
		return true, err
	}
	ended = true
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit transaction: %w", c.shared.translate(ctx, err))
	}
	return false, nil
}

// again decides whether what failed with err is tried again, and waits until then.
func (s *shared) again(ctx context.Context, err error, attempt int, repeatable bool) bool {
	if ctx.Err() != nil {
		return false
	}
	switch s.engine.Classify(err).Class {
	case Contention:
		return attempt+1 < attempts && s.wait(ctx, attempt)
	case Lost, ReadOnly:
		if s.engine.Discard != nil {
			// What killed one connection, most likely killed all.
			s.engine.Discard()
		}
		return repeatable && attempt == 0
	}
	return false
}

// wait is false when ctx ends first. The jitter needs to differ between callers, not
// to be secret: Fibonacci hashing of a counter spreads those of this process
// evenly, and the clock sets processes apart.
func (s *shared) wait(ctx context.Context, attempt int) bool {
	step := min(firstStep<<attempt, lastStep)
	spread := (s.retries.Add(1) + uint64(s.engine.Clock.Now().UnixMicro())) * 0x9E3779B97F4A7C15
	timer := time.NewTimer(step/2 + time.Duration(spread>>32)*(step/2)>>32)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
