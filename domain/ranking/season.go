package ranking

import "time"

// Season is a stretch of a board's life with standings of its own.
type Season struct {
	Board  BoardID
	Number int // from 1
	// Rules are the board's as they were when the season began.
	Rules     Rules
	StartedAt time.Time
	// EndedAt is when it was closed; zero while it runs. Its standings never change after.
	EndedAt time.Time
	// Epoch names the index of its standings; see Ladder. It only grows.
	Epoch int64
}

// Open tells whether runs still count in it.
func (s Season) Open() bool { return s.EndedAt.IsZero() }

// Close ends the season now, and gives the next one, which begins at the same
// moment by the board's present rules. Of an ended season there is nothing to close.
func (s Season) Close(board Board, now time.Time) (ended, next Season) {
	ended = s
	ended.EndedAt = now
	return ended, board.season(s.Number+1, now)
}
