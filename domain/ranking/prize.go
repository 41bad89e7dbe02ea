package ranking

import (
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

// Prize is what some of the places of a season win: those of the ranks from FromRank to
// ToRank, or those of the best TopBasisPoints. Of several that a rank wins, it
// gets the first.
type Prize struct {
	FromRank, ToRank int64 // from 1, both included; 0 with TopBasisPoints
	// TopBasisPoints is a share of those who have a place when the season is frozen, in
	// hundredths of a percent, rounded up to whole places: 1 to 10,000. 0 with ranks.
	TopBasisPoints int64
	// Payload is what is won, in the game's own words: a JSON object in compact form.
	Payload string
}

const (
	// MaxPrizes bounds the prizes of a board.
	MaxPrizes = 100
	// MaxPayloadBytes bounds the payload of one.
	MaxPayloadBytes = 4096
	everyone        = 10_000 // basis points
)

// Wins tells whether a rank wins the prize where so many have a place.
func (p Prize) Wins(rank, count int64) bool {
	if p.TopBasisPoints > 0 {
		return rank <= share(p.TopBasisPoints, count)
	}
	return rank >= p.FromRank && rank <= p.ToRank
}

// last is the last rank that can win it.
func (p Prize) last(count int64) int64 {
	if p.TopBasisPoints > 0 {
		return share(p.TopBasisPoints, count)
	}
	return p.ToRank
}

// share is so many basis points of the count, rounded up, without leaving the range of int64.
func share(points, count int64) int64 {
	whole, rest := count/everyone, count%everyone
	return whole*points + (rest*points+everyone-1)/everyone
}

func checkPrizes(c *fault.Check, prizes []Prize) {
	if len(prizes) > MaxPrizes {
		c.Add("/rewards", "too_many", "At most %d.", MaxPrizes)
		return
	}
	for i, p := range prizes {
		at := fmt.Sprintf("/rewards/%d", i)
		byRank := p.FromRank != 0 || p.ToRank != 0
		switch {
		case byRank == (p.TopBasisPoints != 0):
			c.Add(at, "malformed", "Either from_rank and to_rank, or top_basis_points.")
		case byRank && (p.FromRank < 1 || p.ToRank < p.FromRank):
			c.Add(at+"/to_rank", "out_of_range", "Ranks from 1, the last at or after the first.")
		case p.TopBasisPoints < 0 || p.TopBasisPoints > everyone:
			c.Add(at+"/top_basis_points", "out_of_range", "From 1 to %d, which is everyone.", everyone)
		}
		if p.Payload == "" || p.Payload[0] != '{' {
			c.Add(at+"/payload", "not_an_object", "A JSON object.")
		}
		if len(p.Payload) > MaxPayloadBytes {
			c.Add(at+"/payload", "too_large", "At most %d bytes; these are %d.", MaxPayloadBytes, len(p.Payload))
		}
		for _, earlier := range prizes[:i] {
			if byRank && p.TopBasisPoints == 0 && p.FromRank >= earlier.FromRank && p.ToRank <= earlier.ToRank || !byRank && p.TopBasisPoints > 0 && p.TopBasisPoints <= earlier.TopBasisPoints {
				c.Add(at, "unreachable", "An earlier one wins all of these places.")
				break
			}
		}
	}
}

// Reward is what a player won in a season.
type Reward struct {
	Board  BoardID
	Season int
	Player identity.PlayerID
	// Rank is his rank in the frozen standings, and Place the number of his line there.
	Rank, Place int64
	Payload     string // the prize's
	CreatedAt   time.Time
	// ClaimedAt is when it was claimed; zero: it wasn't.
	ClaimedAt time.Time
}

// Award is what a season that ended has to give, and how far that has come. What is
// left of it does not depend on where it was interrupted.
type Award struct {
	Board  BoardID
	Season int
	// Prizes are the board's as they were when the season ended.
	Prizes []Prize
	// Count is how many had a place when the giving began; -1: it hasn't begun.
	Count int64
	// Place and Rank are those of the last entry that was looked at, and After is where that
	// stands; zero at the beginning.
	Place, Rank int64
	After       Cursor
	// Finished: all who won something have it.
	Finished bool
}

// NewAward is that of a season that ends now; false when the board has no prizes.
func NewAward(board Board, season int) (Award, bool) {
	return Award{Board: board.ID, Season: season, Prizes: board.Prizes, Count: -1, After: Cursor{Key: listed}}, len(board.Prizes) > 0
}

// listed is before the keys of all entries that have a place, and behind those that have none.
var listed = []byte{0}

// Give gives the rewards of the entries that follow the last one in the frozen standings, and
// how far the award has come with them. No entries are the end.
func (a Award) Give(rules Rules, entries []Entry, now time.Time) ([]Reward, Award) {
	var reach int64
	for _, p := range a.Prizes {
		reach = max(reach, p.last(a.Count))
	}
	var rewards []Reward
	for _, e := range entries {
		key := rules.Key(e.Run, e.AchievedAt)
		a.Place++
		if rules.TieBreak != Shared || len(a.After.Key) < Prefix || [Prefix]byte(a.After.Key) != [Prefix]byte(key[:]) {
			a.Rank = a.Place
		}
		a.After = Cursor{Key: key[:], Player: e.Player}
		if a.Rank > reach {
			break
		}
		for _, p := range a.Prizes {
			if p.Wins(a.Rank, a.Count) {
				rewards = append(rewards, Reward{Board: a.Board, Season: a.Season, Player: e.Player, Rank: a.Rank, Place: a.Place, Payload: p.Payload, CreatedAt: now})
				break
			}
		}
	}
	a.Finished = len(entries) == 0 || a.Rank > reach
	return rewards, a
}
