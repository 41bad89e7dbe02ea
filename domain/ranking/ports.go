package ranking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Ladder names one index: that of a season, as of one of its epochs. A new epoch
// leaves behind whatever the index of the one before may have missed.
type Ladder struct {
	Scope  tenancy.Scope
	Board  BoardID
	Season int
	Epoch  int64
}

// Mark is what an index is told of one entry.
type Mark struct {
	Player   identity.PlayerID // a UUID
	Key      Key
	Metadata string // as Entry has it
	// Revision is at least 1. A mark that is not newer than what the index has
	// of the player changes nothing, so marks may come in any order and again.
	Revision int64
	// Gone: the player has no place, and neither key nor metadata.
	Gone bool
	// Hidden: the player has no place, and would have one with the key.
	Hidden bool
}

// Place is an entry as an index shows it.
type Place struct {
	// Rank is how many are ahead, plus one. Where ranks are shared, only entries
	// with a better run count.
	Rank     int64
	Player   identity.PlayerID
	Key      Key
	Metadata string
}

// View is what an index shows, all of one moment.
type View struct {
	// Sequence grows with every change, also over a loss of the index: two views
	// of a ladder with the same sequence show the same.
	Sequence int64
	// Count is how many entries have a place.
	Count int64
	// Places are those that were asked for; nil when they are Known to who asked.
	Places []Place
}

// Position is a place between entries: that after the key of this player.
type Position struct {
	Key    Key
	Player identity.PlayerID // a UUID
}

// Intent is what a writer says before it commits.
type Intent struct {
	ID      string // a UUID, used once
	Players []identity.PlayerID
}

// Index ranks entries. It is made from the database and may be lost at any
// moment, in whole or in part: it then knows that it is cold. What it shows is
// never older than the last commit that was followed by an Apply.
//
// A writer says with Intend whose entries it is about to change, commits, and
// tells with Apply what they have become. If it dies between the two, the intent
// is left behind, and after IntentFor reads ask to settle it.
//
// An error that is none of those below means that the engine can't be reached.
type Index interface {
	// Intend notes an intent, also on a cold ladder.
	Intend(ctx context.Context, at Ladder, intent Intent) error
	// Apply notes marks and forgets the intents by their ids; those that aren't
	// known are no error. On a cold ladder marks are lost, which is no error either: what
	// it is built from has them.
	Apply(ctx context.Context, at Ladder, marks []Mark, intents ...string) error

	// Read answers questions with a View each, in their order, all of one moment. Reads
	// fail with ErrCold, or with an Owed.
	Read(ctx context.Context, at Ladder, shared bool, questions ...Question) ([]View, error)
	// Shadow gives the place that a player without one would have and the window around
	// it, ranked and counted as if it were there: by his hidden mark if key is nil, else by
	// the key, without metadata. No places when he has a place, or key is nil and no mark
	// of his is hidden.
	Shadow(ctx context.Context, at Ladder, player identity.PlayerID, key *Key, window Window, shared bool) (View, error)

	// Held gives the marks that the index has of those players whom it knows, in any order, to be
	// compared with what it was told. A mark that its engine damaged comes as Gone with
	// revision 0. It fails as reads do.
	Held(ctx context.Context, at Ladder, players []identity.PlayerID) ([]Mark, error)

	// Build begins to build a cold ladder, from nothing. It is ErrBuilt when the
	// ladder isn't cold, and ErrBuilding while somebody else builds it who was heard of
	// within BuildFor. From now on Apply counts.
	Build(ctx context.Context, at Ladder, builder string) error
	// Fill brings marks to a ladder that is being built; ErrNotBuilding when that
	// isn't the builder's any more.
	Fill(ctx context.Context, at Ladder, builder string, marks []Mark) error
	// Finish ends the building: every entry that was in the database when
	// it began has been brought by Fill. ErrNotBuilding as with Fill.
	Finish(ctx context.Context, at Ladder, builder string) error
	// Drop forgets the ladder: it is cold.
	Drop(ctx context.Context, at Ladder) error
}

const (
	// IntentFor is how long a writer may take from Intend to Apply before reads ask
	// about it. One that takes longer does no harm.
	IntentFor = 5 * time.Second
	// BuildFor is how long a builder may be silent before another one takes over.
	BuildFor = 10 * time.Second
	// OwedAtOnce is how many intents one Owed lists at most.
	OwedAtOnce = 16
)

var (
	ErrCold        = errors.New("ranking: the index has to be built")
	ErrBuilt       = errors.New("ranking: the index is built")
	ErrBuilding    = errors.New("ranking: the index is being built")
	ErrNotBuilding = errors.New("ranking: the index is not being built by this builder")
)

// Owed is the error of a read when writers have left intents behind. Whoever
// gets it reads those players' entries, with a lock so that no writer is at
// them, applies them, and reads again.
type Owed struct{ Intents []Intent }

func (o *Owed) Error() string { return fmt.Sprintf("ranking: %d intents are overdue", len(o.Intents)) }
