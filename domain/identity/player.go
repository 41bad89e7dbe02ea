package identity

import (
	"crypto/sha256"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// PlayerID is a player's UUID in its canonical lower-case form.
type PlayerID string

// Player is a person within one environment. The id never changes and is
// never given to another.
type Player struct {
	ID          PlayerID
	DisplayName string // empty until the player chooses one
	Handle      string // in lower case, one player's within the environment; empty: none
	Metadata    string // a JSON object in compact form, for everyone to see; empty: none
	// Version counts the edits of the three members above, from 1.
	Version    int64
	Ban        Ban
	CreatedAt  time.Time
	LastSeenAt time.Time // last sign-in or refresh, but for those within SeenEvery of the one before
}

// SeenEvery is how exactly it is kept when a player was last seen. Those who come back at
// once, all after a server has ended, say, cost no write each.
const SeenEvery = time.Minute

// Unseen tells whether a player who comes now has to be noted as seen.
func (p Player) Unseen(now time.Time) bool { return !now.Before(p.LastSeenAt.Add(SeenEvery)) }

// NewPlayer makes a player who is seen for the first time now.
func NewPlayer(id PlayerID, now time.Time) Player {
	return Player{ID: id, Version: 1, CreatedAt: now, LastSeenAt: now}
}

// Caller is the player behind a player's access token.
func Caller(p tenancy.Principal) (PlayerID, bool) {
	return PlayerID(p.Subject()), p.Kind() == tenancy.PlayerToken
}

// Method is a way to sign in.
type Method string

// Guest signs in with a secret that the device keeps.
const Guest Method = "guest"

// Login is one way into a player: a method and, hashed, who or what it
// recognises. Within an environment a (method, subject) pair leads to one player.
type Login struct {
	Method  Method
	Subject [sha256.Size]byte
	Player  PlayerID
	// Label is what tells the player which login it is, such as the e-mail address; may be empty.
	Label string
	// Secret is what the player's password was hashed to; empty for methods without one.
	Secret    string
	CreatedAt time.Time
}

// Key is what the login is found by.
func (l Login) Key() LoginKey { return LoginKey{l.Method, l.Subject} }

// LoginKey names a login within its environment.
type LoginKey struct {
	Method  Method
	Subject [sha256.Size]byte
}

const (
	// MinDeviceSecretBits is the least a device secret must be able to hold.
	MinDeviceSecretBits = 128
	maxDeviceSecret     = 256
	// DeviceSecretEntropy is how many random bytes we make a secret from when the device has none.
	DeviceSecretEntropy = 24
)

// GuestSubject checks a device secret and gives what is stored of it: a hash
// bound to the environment, so that equal secrets in two environments don't
// look alike. A fast hash serves, because the secret is long and random.
func GuestSubject(environment tenancy.EnvironmentID, secret string) ([sha256.Size]byte, error) {
	var check fault.Check
	switch {
	case len(secret) > maxDeviceSecret:
		check.Add("/device_secret", "too_long", "At most %d characters.", maxDeviceSecret)
	case secretBits(secret) < MinDeviceSecretBits:
		check.Add("/device_secret", "too_weak", "At least %d random bits in printable ASCII: 32 hexadecimal digits, or 22 characters of base64.", MinDeviceSecretBits)
	}
	return sha256.Sum256([]byte("guest\x00" + string(environment) + "\x00" + secret)), check.Err()
}

// secretBits is the most randomness a secret of this length and alphabet can
// hold. It can't tell a random secret from one that only looks so, but it
// refuses counters, device models and repeated characters.
func secretBits(secret string) int {
	var digit, lower, upper, beyondHex, other bool
	seen := map[rune]bool{}
	hyphens := 0
	for _, r := range secret {
		seen[r] = true
		switch {
		case r >= '0' && r <= '9':
			digit = true
		case r >= 'a' && r <= 'z':
			lower = true
			beyondHex = beyondHex || r > 'f'
		case r >= 'A' && r <= 'Z':
			upper = true
			beyondHex = beyondHex || r > 'F'
		case r == '-':
			hyphens++
		case r > 0x20 && r < 0x7f:
			other = true
		default:
			return 0
		}
	}
	if len(seen) < 8 {
		return 0
	}
	// A hyphen is a digit of URL-safe base64. In the smaller alphabets it is
	// grouping, as in UUIDs, and holds nothing.
	grouped := len(secret) - hyphens
	switch {
	case other, lower && upper && beyondHex:
		return len(secret) * 6
	case beyondHex:
		return grouped * 5
	case lower || upper:
		return grouped * 4
	case digit:
		return grouped * 3
	}
	return 0
}
