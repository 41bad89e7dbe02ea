package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Purpose is what proving that an address is yours is good for.
type Purpose string

const (
	// Register makes a player.
	Register Purpose = "register"
	// Link adds the address to the player who asked.
	Link Purpose = "link"
	// Reset gives the address's player another password.
	Reset Purpose = "reset"
)

// Ticket is one attempt to prove that an address is yours. Who asked holds the
// ticket, and who reads the address's mail gets a code that is good with this
// ticket alone. Neither is stored: of the ticket only a hash, and the code is a
// MAC of it. A ticket that was used, or tried too often, is gone.
type Ticket struct {
	Hash    [sha256.Size]byte
	Purpose Purpose
	Address Address
	// Secret is what the password to be was hashed to; empty for Reset.
	Secret string
	// Replaces is what the password that a Reset replaces was hashed to. It is the
	// login's at the time and not kept with the ticket: once another reset has
	// changed it, the code is good no more.
	Replaces string
	// Player is who asked, for Link; empty otherwise.
	Player    PlayerID
	Tries     int // wrong codes so far
	CreatedAt time.Time
	ExpiresAt time.Time
}

// TicketEntropy is how many random bytes a ticket is made from.
const TicketEntropy = 24

// WriteTicket gives what the client holds.
func WriteTicket(entropy [TicketEntropy]byte) string {
	return base64.RawURLEncoding.EncodeToString(entropy[:])
}

// HashTicket gives what a ticket is found by. It is bound to the environment; a
// fast hash serves, because tickets are long and random.
func HashTicket(environment tenancy.EnvironmentID, ticket string) [sha256.Size]byte {
	return sha256.Sum256([]byte("ticket\x00" + string(environment) + "\x00" + ticket))
}

const (
	// Crockford's base 32 has no letters that look like others or like digits.
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeGroups   = 4
	codeGroup    = 7 // characters of 5 bits: 140 bits in all
)

var codeEncoding = base32.NewEncoding(codeAlphabet).WithPadding(base32.NoPadding)

// Code is what is mailed. It is made from the ticket's hash, what it replaces and
// a key outside the database, so that it can be mailed again and need not be stored.
func (t Ticket) Code(key []byte) string {
	digits := t.digits(key)
	var b strings.Builder
	for i := range codeGroups {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(digits[i*codeGroup : (i+1)*codeGroup])
	}
	return b.String()
}

func (t Ticket) digits(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("overworld mailed code v1\x00" + string(t.Purpose) + "\x00"))
	mac.Write(t.Hash[:])
	mac.Write([]byte(t.Replaces))
	return codeEncoding.EncodeToString(mac.Sum(nil))[:codeGroups*codeGroup]
}

// Proof is what came of trying a code.
type Proof uint8

const (
	// Proved: the code is right. The ticket must go.
	Proved Proof = iota
	// Wrong: the code is not the ticket's. The ticket given is one try further.
	Wrong
	// Spent: the ticket has expired, or was tried too often. It must go.
	Spent
)

// Try decides what presenting a code at now means, and gives the ticket as it
// must be stored. Case, spaces and hyphens of the code don't count, nor do the
// letters that digits are mistaken for.
func (t Ticket) Try(code string, key []byte, tries int, now time.Time) (Ticket, Proof) {
	if !t.Live(now) {
		return t, Spent
	}
	if hmac.Equal([]byte(plainCode(code)), []byte(t.digits(key))) {
		return t, Proved
	}
	t.Tries++
	if t.Tries >= tries {
		return t, Spent
	}
	return t, Wrong
}

// Live tells whether the ticket is good at now.
func (t Ticket) Live(now time.Time) bool { return now.Before(t.ExpiresAt) }

var codeReader = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")

func plainCode(code string) string {
	if len(code) > maxCode {
		return ""
	}
	return codeReader.Replace(strings.ToUpper(code))
}

// maxCode bounds what is read as a code, in bytes.
const maxCode = 128
