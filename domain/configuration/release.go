package configuration

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Release is a numbered choice of bundles for an environment. It never changes.
type Release struct {
	Config string
	Number int // from 1
	// Rules are gone through from the top, and the first that matches a caller
	// chooses his bundle. None that matches: the config has nothing for him.
	Rules []Rule
	// Restores is the release whose rules these are; 0: they are its own.
	Restores int
	// PromotedFrom is the slug of the environment whose release PromotedRelease this was made
	// of; empty and 0: of none.
	PromotedFrom    string
	PromotedRelease int
	// Note is what its maker says of it.
	Note      string
	CreatedBy string
	CreatedAt time.Time // by the system's clock
}

// Rule chooses a bundle for whom all of it matches. What is empty matches everyone.
type Rule struct {
	Bundle Hash
	// BasisPoints of 10,000 players match, by Bucket of the salt; 0: everyone. A
	// caller who is no player matches only where it is 0.
	BasisPoints int
	Salt        string
	// Platforms and Regions match a caller who says one of them, and Tags one who
	// says any of them.
	Platforms []string
	Regions   []string
	Tags      []string
	Callers   []Caller
	// MinVersion is the least version of the game that matches, and BelowVersion
	// the least that doesn't any more; nil: no bound.
	MinVersion, BelowVersion Version
	// From is when it begins to match and Until when it ceases, by the
	// environment's clock; zero: always.
	From, Until time.Time
}

// Caller is a kind of caller.
type Caller string

const (
	Player Caller = "player"
	Server Caller = "server"
	// Client is the game before anybody has signed in, with its publishable key.
	Client Caller = "client"
)

// Everyone tells whether the rule leaves nobody out, at any time.
func (r Rule) Everyone() bool {
	return r.BasisPoints == 0 && len(r.Platforms)+len(r.Regions)+len(r.Tags)+len(r.Callers) == 0 &&
		r.MinVersion == nil && r.BelowVersion == nil && r.From.IsZero() && r.Until.IsZero()
}

// Default is the bundle of the first rule that leaves nobody out; false when there is none.
func (r Release) Default() (Hash, bool) {
	for _, rule := range r.Rules {
		if rule.Everyone() {
			return rule.Bundle, true
		}
	}
	return Hash{}, false
}

// Bundles lists the bundles of the rules, each once.
func (r Release) Bundles() []Hash {
	var all []Hash
	for _, rule := range r.Rules {
		if !slices.Contains(all, rule.Bundle) {
			all = append(all, rule.Bundle)
		}
	}
	return all
}

const (
	// MaxRules bounds the rules of a release.
	MaxRules  = 50
	maxWords  = 50 // of one condition
	maxWord   = 64
	maxNote   = 500
	whole     = 10_000
	maxFuture = 10 * 366 * 24 * time.Hour
)

// NewRules checks rules, and fills in the salts that were left out: the config's
// name, so that one config's rollouts reach the same players first.
func NewRules(config string, rules []Rule, now time.Time) ([]Rule, error) {
	var check fault.Check
	if len(rules) > MaxRules {
		check.Add("/rules", "too_many", "At most %d rules.", MaxRules)
	}
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].check(&check, fmt.Sprintf("/rules/%d", i), config, now)
	}
	return rules, check.Err()
}

func (r *Rule) check(c *fault.Check, at, config string, now time.Time) {
	if r.BasisPoints < 0 || r.BasisPoints > whole {
		c.Add(at+"/basis_points", "out_of_range", "From 1 to %d, where 100 is one percent; left out, it is everyone.", whole)
	}
	switch {
	case r.Salt != "" && r.BasisPoints == 0:
		c.Add(at+"/salt", "unsupported", "A salt is of use with basis_points only.")
	case r.Salt == "" && r.BasisPoints != 0:
		r.Salt = config
	case r.Salt != "" && (len(r.Salt) > maxWord || !word(r.Salt)):
		c.Add(at+"/salt", "malformed", "1 to %d characters of printable ASCII.", maxWord)
	}
	for name, words := range map[string][]string{"platforms": r.Platforms, "regions": r.Regions, "tags": r.Tags} {
		checkWords(c, at+"/"+name, words)
	}
	for _, caller := range r.Callers {
		if caller != Player && caller != Server && caller != Client {
			c.Add(at+"/callers", "not_allowed", "Of player, server, client.")
			break
		}
	}
	if r.MinVersion != nil && r.BelowVersion != nil && r.MinVersion.Compare(r.BelowVersion) >= 0 {
		c.Add(at+"/below_version", "out_of_range", "More than min_version.")
	}
	if !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until) {
		c.Add(at+"/until", "out_of_range", "After from.")
	}
	for name, moment := range map[string]time.Time{"from": r.From, "until": r.Until} {
		if moment.After(now.Add(maxFuture)) {
			c.Add(at+"/"+name, "out_of_range", "At most ten years from now.")
		}
	}
}

func checkWords(c *fault.Check, at string, words []string) {
	if len(words) > maxWords {
		c.Add(at, "too_many", "At most %d.", maxWords)
	}
	for i, w := range words {
		if !ValidWord(w) {
			c.Add(fmt.Sprintf("%s/%d", at, i), "malformed", "1 to %d characters of printable ASCII, without comma.", maxWord)
		}
	}
}

// ValidWord tells whether a caller may say the word of himself: of a platform, a
// region or a tag. They are compared by their bytes.
func ValidWord(s string) bool { return word(s) && len(s) <= maxWord && !strings.Contains(s, ",") }

func word(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// CheckNote is ErrInvalid when a note is too long or not text.
func CheckNote(note string) error {
	var check fault.Check
	if len(note) > maxNote || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
		check.Add("/note", "malformed", "At most %d bytes of text.", maxNote)
	}
	return check.Err()
}
