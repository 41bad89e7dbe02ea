package once

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

// ErrUndo ends a transaction in which some groups' effects failed.
var ErrUndo = errors.New("an effect failed")

// TellAll tells, within one transaction, the effects of so many groups that share
// it, and stores with one statement what they keep of it. tell runs those of one
// group. Groups whose effects fail are noted in failed: the error is then ErrUndo, and
// all begins anew without them. Any other error is the end of the whole.
func TellAll(ctx context.Context, tx datastore.Repos, groups int, failed map[int]error, tell func(ctx context.Context, tx datastore.Repos, group int) error) error {
	kept := &gathered{Records: tx.Idempotency(), groups: map[idempotency.Key]int{}}
	lost := 0
	fail := func(group int, err error) {
		failed[group] = err
		lost++
	}
	for i := range groups {
		kept.group = i
		if err := tell(ctx, gathering{tx, kept}, i); err != nil {
			if !refuses(err) {
				return err
			}
			fail(i, err)
		}
	}
	if lost == 0 && len(kept.records) > 0 {
		taken, err := tx.Idempotency().SaveMany(ctx, kept.records, kept.now)
		if err != nil {
			return fmt.Errorf("keep answers: %w", err)
		}
		for _, key := range taken {
			fail(kept.groups[key], idempotency.ErrTaken)
		}
	}
	if lost > 0 {
		return ErrUndo
	}
	return nil
}

// refuses tells whether an error is of one group alone.
func refuses(err error) bool {
	var f *fault.Fault
	return errors.As(err, &f) && f.Kind != fault.Internal && f.Kind != fault.Unavailable
}

// gathering is a transaction in which answers are gathered rather than stored.
type gathering struct {
	datastore.Repos
	kept *gathered
}

func (g gathering) Idempotency() idempotency.Records { return g.kept }

// gathered are the answers of many groups.
type gathered struct {
	idempotency.Records
	records []idempotency.Record
	now     time.Time
	group   int // whose effects are being told
	groups  map[idempotency.Key]int
}

// Save keeps a record for later; of two of one key the second finds it taken.
func (g *gathered) Save(_ context.Context, record idempotency.Record, now time.Time) error {
	if _, twice := g.groups[record.Key]; twice {
		return idempotency.ErrTaken
	}
	g.records, g.now, g.groups[record.Key] = append(g.records, record), now, g.group
	return nil
}
