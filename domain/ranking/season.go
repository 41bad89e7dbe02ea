package ranking

import (
	"encoding/hex"
	"time"
)

// State is how far a season has come. It only goes forward.
type State string

const (
	// Open seasons take runs. A board has one.
	Open State = "open"
	// Closing seasons have ended, and still take runs that were received before.
	Closing State = "closing"
	// Closed seasons take nothing any more: their standings never change.
	Closed State = "closed"
	// Archived seasons are closed, and their standings are in the object store.
	Archived State = "archived"
)

// Archive is what the object store has of a season's standings.
type Archive struct {
	// At is the system's time at which it was made; zero: there is none.
	At time.Time
	// Hash is the SHA-256 of its bytes.
	Hash [32]byte
	// Bytes is how long it is, and Entries how many have a place in it.
	Bytes, Entries int64
}

// SHA256 is the hash in 64 lower-case hexadecimal digits.
func (a Archive) SHA256() string { return hex.EncodeToString(a.Hash[:]) }

// Season is a stretch of a board's life with standings of its own. A run counts in
// the one in which the server received it.
//
// Times are those of the environment's clock, but FreezesAt.
type Season struct {
	Board  BoardID
	Number int // from 1
	State  State
	// Rules are the board's as they were when the season began.
	Rules     Rules
	StartedAt time.Time
	// PlannedEnd is when it ends by itself; zero: it doesn't.
	PlannedEnd time.Time
	// EndedAt is when it ended; zero while it is open.
	EndedAt time.Time
	// FreezesAt is the system's time from which on nobody can be at a run that
	// was received before it ended, at the latest: see Over. Zero while it is open.
	FreezesAt time.Time
	// Epoch names the index of its standings; see Ladder. It only grows.
	Epoch int64
	// Archive is zero until the season is Archived.
	Archive Archive
}

// Ref names the season within its environment.
func (s Season) Ref() SeasonRef { return SeasonRef{Board: s.Board, Number: s.Number} }

// Takes tells whether a run counts in the season that was received then.
func (s Season) Takes(received time.Time) bool {
	switch s.State {
	case Open:
		return s.PlannedEnd.IsZero() || received.Before(s.PlannedEnd)
	case Closing:
		return received.Before(s.EndedAt)
	}
	return false
}

// Frozen tells whether its standings never change any more.
func (s Season) Frozen() bool { return s.State == Closed || s.State == Archived }

// Over tells whether nobody can be at a run any more that was received before the season
// ended, now by the system's time and moment by the environment's clock: so long after the
// end by either. The first is the later one where an end is made up for that was missed, and
// where the environment's clock was moved past it, which is how an end is rehearsed.
func (s Season) Over(now, moment time.Time, grace time.Duration) bool {
	return !now.Before(s.FreezesAt) || !moment.Before(s.EndedAt.Add(grace))
}

// Due tells whether the season should have ended by now.
func (s Season) Due(now time.Time) bool { return s.State == Open && !s.Takes(now) }

// Close ends the season, and gives the next one, which begins at the same moment by
// the board's present rules; now is the system's time. When the one freezes, if it hasn't
// yet, and the other is to end is the caller's to fill.
func (s Season) Close(board Board, at, now time.Time) (ended, next Season) {
	ended = s
	ended.State, ended.EndedAt = Closing, at
	return ended, board.season(s.Number+1, at, now)
}
