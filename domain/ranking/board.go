package ranking

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// BoardID names a board within its environment: 1 to 64 lower-case letters,
// digits and single hyphens, beginning with a letter.
type BoardID string

// Sort says which runs are ahead.
type Sort string

const (
	Descending Sort = "desc" // the greater run
	Ascending  Sort = "asc"  // the smaller run
)

// Operator says what a further run does to a player's entry.
type Operator string

const (
	Best   Operator = "best"   // replaces one that it is ahead of
	Latest Operator = "latest" // replaces any
	Sum    Operator = "sum"    // is added to it, score to score and subscore to subscore
)

// TieBreak says who is ahead of two equal runs.
type TieBreak string

const (
	EarliestFirst TieBreak = "earliest" // who reached the value first
	LatestFirst   TieBreak = "latest"   // who reached the value last
	// Shared gives both the same rank, and leaves out the next: 1, 2, 2, 4.
	Shared TieBreak = "shared"
)

// Submitters says who may submit.
type Submitters string

const (
	Servers Submitters = "server"
	// Players may submit for themselves, and servers for anyone.
	Players Submitters = "player"
)

// Rules are what a season is ranked by. A season keeps those it began with,
// because others would falsify what stands.
type Rules struct {
	Sort     Sort
	Operator Operator
	TieBreak TieBreak
	// Attempts is how many runs a player may submit in a season; 0: any number.
	Attempts int
}

// Schedule says when seasons end by themselves. The zero value is never.
type Schedule struct {
	// Cron has the five fields that package recurrence reads.
	Cron string
	// Zone is that of the clock on the wall: a name of the IANA database.
	Zone string
}

// Definition is what an operator says of a board.
type Definition struct {
	Name string
	// Rules hold from the next season on.
	Rules Rules
	// MinScore and MaxScore bound the score of a submitted run; nil: no bound.
	MinScore, MaxScore *int64
	Submitters         Submitters
	// MetadataBytes bounds what a run may bring along, as compact JSON; 0: nothing.
	MetadataBytes int
	// Schedule ends seasons; the one that is open ends by it too.
	Schedule Schedule
	// Prizes are what a season gives that ends while they are the board's.
	Prizes []Prize
	// KeepSeasons is how many of the seasons that ended are kept, the latest; 0: all.
	KeepSeasons int
}

// Board is a leaderboard.
type Board struct {
	ID BoardID
	Definition
	// Version counts the edits of the definition, from 1.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	// Season is the number of the current one.
	Season int
}

const (
	maxBoardID  = 64
	maxName     = 80
	maxAttempts = 1_000_000
	maxKept     = 10_000
	// MaxMetadataBytes is the most that any board can let a run bring along.
	MaxMetadataBytes = 4096
)

// ValidBoardID tells whether a board may have the id.
func ValidBoardID(id string) bool { return tenancy.IsSlug(id, maxBoardID) }

// NewBoard makes a board and its first season, which begins at a moment of the environment's
// clock; now is the system's time.
func NewBoard(id BoardID, definition Definition, moment, now time.Time) (Board, Season, error) {
	var check fault.Check
	if !ValidBoardID(string(id)) {
		check.Add("/id", "malformed", "1 to %d lower-case letters, digits and single hyphens, beginning with a letter.", maxBoardID)
	}
	definition = definition.checked(&check, string(id))
	b := Board{ID: id, Definition: definition, Version: 1, CreatedAt: moment, UpdatedAt: moment, Season: 1}
	return b, b.season(1, moment, now), check.Err()
}

// Edited gives the board with another definition, one version on. Its running
// season keeps its rules.
func (b Board) Edited(definition Definition, now time.Time) (Board, error) {
	var check fault.Check
	b.Definition = definition.checked(&check, string(b.ID))
	b.Version++
	b.UpdatedAt = now
	return b, check.Err()
}

// Outlived gives the number of the first season that is kept; those before it go. False when
// there are none before it, or all are kept.
func (b Board) Outlived() (before int, some bool) {
	before = b.Season - b.KeepSeasons
	return before, b.KeepSeasons > 0 && before > 1
}

// season is the board's, by its present rules. Its epochs begin with the system's time,
// which nobody moves back, so that a board whose id was another's before finds none of
// that one's indexes.
func (b Board) season(number int, start, now time.Time) Season {
	return Season{Board: b.ID, Number: number, State: Open, Rules: b.Rules, StartedAt: start, Epoch: now.UnixMicro()}
}

// checked notes every fault of the definition, and fills in what was left out.
func (d Definition) checked(c *fault.Check, name string) Definition {
	d.Name = strings.TrimSpace(d.Name)
	if d.Name == "" {
		d.Name = name
	}
	if utf8.RuneCountInString(d.Name) > maxName || strings.ContainsFunc(d.Name, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
		c.Add("/name", "malformed", "1 to %d characters, none of them control characters.", maxName)
	}
	d.Rules.Sort = oneOf(c, "/sort", d.Rules.Sort, Descending, Ascending)
	d.Rules.Operator = oneOf(c, "/operator", d.Rules.Operator, Best, Latest, Sum)
	d.Rules.TieBreak = oneOf(c, "/tie_break", d.Rules.TieBreak, EarliestFirst, LatestFirst, Shared)
	d.Submitters = oneOf(c, "/submitters", d.Submitters, Servers, Players)
	if d.Rules.Attempts < 0 || d.Rules.Attempts > maxAttempts {
		c.Add("/attempts", "out_of_range", "From 0, which is any number, to %d.", maxAttempts)
	}
	if d.MetadataBytes < 0 || d.MetadataBytes > MaxMetadataBytes {
		c.Add("/metadata_bytes", "out_of_range", "From 0 to %d.", MaxMetadataBytes)
	}
	if d.KeepSeasons < 0 || d.KeepSeasons > maxKept {
		c.Add("/keep_seasons", "out_of_range", "From 0, which is all, to %d.", maxKept)
	}
	if d.MinScore != nil && d.MaxScore != nil && *d.MinScore > *d.MaxScore {
		c.Add("/min_score", "out_of_range", "At most max_score.")
	}
	checkPrizes(c, d.Prizes)
	return d
}

// oneOf is the value, or the first of the allowed ones for none.
func oneOf[T ~string](c *fault.Check, pointer string, value T, allowed ...T) T {
	if value == "" {
		return allowed[0]
	}
	if !slices.Contains(allowed, value) {
		words := make([]string, len(allowed))
		for i, one := range allowed {
			words[i] = string(one)
		}
		c.Add(pointer, "not_allowed", "One of %s.", strings.Join(words, ", "))
	}
	return value
}
