package ranking

import (
	"math"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

// Entry is what a player has in a season.
type Entry struct {
	Player identity.PlayerID
	Run    Run
	// AchievedAt is when the run reached its value.
	AchievedAt time.Time
	// Metadata is what came along with the run: a JSON object in compact form, or empty.
	Metadata string
	// Submissions counts what was submitted, if the season's rules bound it.
	Submissions int
	// RemovedAt is when it was removed; zero: it wasn't. A removed entry has no place, and
	// is nothing to the player's next run. Until that comes it keeps what it was, so
	// that the removal can be undone, and its revision from being used again for ever.
	RemovedAt time.Time
	// Hidden entries have no place but take runs as others do: their player is quarantined.
	Hidden bool
	// Revision counts the changes of the entry, from 1, over all its lives. Of two
	// states of an entry the one with the greater revision is the later.
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Submission is a run that someone sends.
type Submission struct {
	Player   identity.PlayerID
	Run      Run
	Metadata string // a JSON object in compact form, or empty
	// AchievedAt is when, if the sender knows better than the moment of receipt; zero otherwise.
	AchievedAt time.Time
}

// Reason tells why a run that broke no rule did not count.
type Reason string

const (
	// NotBetter is a run that is not ahead of the player's best.
	NotBetter Reason = "not_better"
	// AttemptsUsed is a run past those that a player has in a season.
	AttemptsUsed Reason = "attempts_used"
)

// Receipt tells what became of a run.
type Receipt struct {
	Player   identity.PlayerID
	Season   int
	Accepted bool
	Reason   Reason // why not; empty when it was accepted
	// Previous is what the player had before; nil: nothing.
	Previous *Run
	// Current is what the player has now; nil: nothing.
	Current    *Run
	AchievedAt time.Time // of Current
	// Attempts is how many submissions the player has left, if the season bounds them.
	Attempts *int
}

// Submit gives the entry that a run makes of the one before (nil: none), and the
// receipt. If the entry's revision is that of the one before, there is nothing
// to store. The season must take runs of that moment. It changes nothing itself.
func (s Season) Submit(board Board, before *Entry, run Submission, now time.Time) (Entry, Receipt, error) {
	if err := board.check(run, now); err != nil {
		return Entry{}, Receipt{}, err
	}
	receipt := Receipt{Player: run.Player, Season: s.Number}
	next := Entry{Player: run.Player, CreatedAt: now}
	if before != nil {
		next.Revision, next.Hidden = before.Revision, before.Hidden
		if !before.Removed() {
			next = *before
			receipt.Previous = &before.Run
		}
	}
	revision := next.Revision
	if s.Rules.Attempts > 0 {
		if next.Submissions >= s.Rules.Attempts {
			receipt.Reason = AttemptsUsed
			return s.refused(before, next, receipt)
		}
		next.Submissions++
		next.Revision++
		next.UpdatedAt = now
	}
	achieved := run.AchievedAt
	if achieved.IsZero() {
		achieved = now
	}
	metadata := run.Metadata
	switch {
	case receipt.Previous == nil:
	case s.Rules.Operator == Best && !s.Rules.Ahead(run.Run, next.Run):
		receipt.Reason = NotBetter
		return s.refused(before, next, receipt)
	case s.Rules.Operator == Sum:
		score, fits := add(next.Run.Score, run.Run.Score)
		subscore, fitsToo := add(next.Run.Subscore, run.Run.Subscore)
		if !fits || !fitsToo {
			return Entry{}, Receipt{}, ErrOverflow
		}
		run.Run = Run{score, subscore}
		if achieved.Before(next.AchievedAt) {
			achieved = next.AchievedAt // the sum was not reached before its last part
		}
		if metadata == "" {
			metadata = next.Metadata
		}
	}
	next.Run, next.AchievedAt, next.Metadata, next.UpdatedAt = run.Run, achieved, metadata, now
	next.Revision = revision + 1
	receipt.Accepted = true
	return next, s.showing(receipt, next), nil
}

// refused is the receipt of a run that didn't count, which may have cost an attempt.
func (s Season) refused(before *Entry, next Entry, receipt Receipt) (Entry, Receipt, error) {
	if before == nil || before.Removed() {
		return next, receipt, nil
	}
	return next, s.showing(receipt, next), nil
}

func (s Season) showing(receipt Receipt, e Entry) Receipt {
	receipt.Current, receipt.AchievedAt = &e.Run, e.AchievedAt
	if s.Rules.Attempts > 0 {
		left := s.Rules.Attempts - e.Submissions
		receipt.Attempts = &left
	}
	return receipt
}

// check adds up what a run breaks of the board's rules.
func (b Board) check(run Submission, now time.Time) error {
	var check fault.Check
	if b.MinScore != nil && run.Run.Score < *b.MinScore {
		check.Add("/score", "out_of_range", "At least %d on this leaderboard.", *b.MinScore)
	}
	if b.MaxScore != nil && run.Run.Score > *b.MaxScore {
		check.Add("/score", "out_of_range", "At most %d on this leaderboard.", *b.MaxScore)
	}
	if len(run.Metadata) > b.MetadataBytes {
		check.Add("/metadata", "too_large", "At most %d bytes on this leaderboard; these are %d.", b.MetadataBytes, len(run.Metadata))
	}
	if run.AchievedAt.After(now) {
		check.Add("/achieved_at", "out_of_range", "Not in the future.")
	}
	if !run.AchievedAt.IsZero() && run.AchievedAt.Before(earliest) {
		check.Add("/achieved_at", "out_of_range", "Not before 1970.")
	}
	return check.Err()
}

var earliest = time.Unix(0, 0)

// Removed tells whether it was removed.
func (e Entry) Removed() bool { return !e.RemovedAt.IsZero() }

// Listed tells whether it has a place.
func (e Entry) Listed() bool { return !e.Removed() && !e.Hidden }

// Remove gives the entry as it is once its player has no place any more.
// ErrNotRanked when there is none.
func (e Entry) Remove(now time.Time) (Entry, error) {
	if e.Removed() {
		return Entry{}, ErrNotRanked
	}
	e.RemovedAt = now
	return e.changed(now), nil
}

// Restore undoes a removal; ErrNotRemoved when there is none to undo, because a run
// came later or for any other reason.
func (e Entry) Restore(now time.Time) (Entry, error) {
	if !e.Removed() {
		return Entry{}, ErrNotRemoved
	}
	e.RemovedAt = time.Time{}
	return e.changed(now), nil
}

// Hide gives the entry as it is while its player is quarantined, or is no more. If the
// revision is that of the one before, nothing changed.
func (e Entry) Hide(hidden bool, now time.Time) Entry {
	if e.Hidden == hidden {
		return e
	}
	e.Hidden = hidden
	return e.changed(now)
}

func (e Entry) changed(now time.Time) Entry {
	e.Revision++
	e.UpdatedAt = now
	return e
}

// Mark is what the index is told of an entry.
func (s Season) Mark(e Entry) Mark {
	m := Mark{Player: e.Player, Revision: e.Revision, Gone: e.Removed()}
	if !m.Gone {
		m.Key, m.Metadata, m.Hidden = s.Rules.Key(e.Run, e.AchievedAt), e.Metadata, e.Hidden
	}
	return m
}

// add gives the sum, and whether int64 holds it.
func add(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}
