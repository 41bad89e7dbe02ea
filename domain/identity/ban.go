package identity

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// Ban keeps a player out. The zero value is none.
type Ban struct {
	Reason string    // for the player to read
	At     time.Time // when it was imposed
	Until  time.Time // when it lifts itself; zero: never
}

// MaxBanReason bounds the reason, in Unicode code points.
const MaxBanReason = 200

// NewBan checks a ban that is imposed at now.
func NewBan(reason string, until, now time.Time) (Ban, error) {
	var check fault.Check
	n := utf8.RuneCountInString(reason)
	switch {
	case n < 1 || n > MaxBanReason:
		check.Add("/reason", "out_of_range", "From 1 to %d characters.", MaxBanReason)
	case !printable(reason):
		check.Add("/reason", "malformed", "Only characters that can be printed.")
	}
	if !until.IsZero() && !until.After(now) {
		check.Add("/until", "out_of_range", "A time to come.")
	}
	return Ban{Reason: reason, At: now, Until: until}, check.Err()
}

func printable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// Holds tells whether the ban is in force at now, by the system's clock.
func (b Ban) Holds(now time.Time) bool {
	return !b.At.IsZero() && (b.Until.IsZero() || now.Before(b.Until))
}

// Admit is ErrBanned, with the ban itself as its Current, while the player is kept out.
func (p Player) Admit(now time.Time) error {
	if !p.Ban.Holds(now) {
		return nil
	}
	banned := ErrBanned.WithCurrent(p.Ban)
	if p.Ban.Until.IsZero() {
		return banned.With("This player is banned: %s", p.Ban.Reason)
	}
	return banned.With("This player is banned until %s: %s", p.Ban.Until.UTC().Format(time.RFC3339), p.Ban.Reason)
}
