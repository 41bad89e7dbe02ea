package ranking

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

// Quarantine hides a player from everyone but himself: he has no place in the open
// season and those that follow, his runs are taken and stay hidden, and when it is
// lifted he has what he would have had. What was frozen before or meanwhile stays as
// it was frozen.
type Quarantine struct {
	Board  BoardID // empty: every board of the environment
	Player identity.PlayerID
	// Reason is the operator's, and not shown to the player.
	Reason string
	At     time.Time // system time, of the last change
}

// MaxReason bounds the reason, in characters.
const MaxReason = 200

// NewQuarantine checks a quarantine that begins now.
func NewQuarantine(board BoardID, player identity.PlayerID, reason string, now time.Time) (Quarantine, error) {
	var check fault.Check
	if n := utf8.RuneCountInString(reason); n < 1 || n > MaxReason {
		check.Add("/reason", "out_of_range", "From 1 to %d characters.", MaxReason)
	} else if strings.ContainsFunc(reason, func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }) {
		check.Add("/reason", "malformed", "Only characters that can be printed.")
	}
	return Quarantine{Board: board, Player: player, Reason: reason, At: now}, check.Err()
}

// Covers tells whether it hides the player on a board.
func (q Quarantine) Covers(board BoardID) bool { return q.Board == "" || q.Board == board }
