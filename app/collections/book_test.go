package collections

import (
	"fmt"
	"testing"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// However many environments come and go, those that nobody asks for any more are forgotten, and no others.
func TestTheBookForgetsWhatNobodyAsksFor(t *testing.T) {
	b := NewBook(nil, limits.Default())
	busy := &Set{book: b}
	b.keep("busy", busy)
	for i := range 10 * few {
		busy.used.Store(true)
		gone := &Set{book: b}
		gone.used.Store(true)
		b.keep(tenancy.EnvironmentID(fmt.Sprint(i)), gone)
		if len(b.sets) > 3*few {
			t.Fatalf("%d are remembered", len(b.sets))
		}
		if b.sets["busy"] != busy {
			t.Fatalf("what is asked for all the time is forgotten after %d others", i)
		}
	}
}
