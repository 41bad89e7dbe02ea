package documents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

// errEffect ends a transaction in which some groups' effects failed.
var errEffect = errors.New("an effect failed")

// tell tells the effects of all groups what was done, and stores with one
// statement what they keep of it. Those that fail are noted by group, and the
// transaction may then not commit.
func (d *desk) tell(ctx context.Context, groups []group, results []result, failed map[int]error) error {
	kept := &gathered{Records: d.tx.Idempotency(), groups: map[idempotency.Key]int{}}
	lost := 0
	fail := func(group int, err error) {
		failed[group] = err
		lost++
	}
	for i, g := range groups {
		if results[i].err != nil {
			continue
		}
		kept.group = i
		if err := once.Tell(ctx, gathering{d.tx, kept}, results[i].outcomes, g.effects); err != nil {
			if refusal(err) == nil {
				return err
			}
			fail(i, err)
		}
	}
	if lost == 0 && len(kept.records) > 0 {
		taken, err := d.tx.Idempotency().SaveMany(ctx, kept.records, kept.now)
		if err != nil {
			return fmt.Errorf("keep answers: %w", err)
		}
		for _, key := range taken {
			fail(kept.groups[key], idempotency.ErrTaken)
		}
	}
	if lost > 0 {
		return errEffect
	}
	return nil
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
