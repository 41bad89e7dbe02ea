package identity

import (
	"crypto/sha256"
	"strings"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Email signs in with an address and a password, once a mailed code has proved
// that the address is the player's.
const Email Method = "email"

// Address is an e-mail address as it was written, which is how mail is sent to it.
type Address string

const (
	// MaxAddress bounds an address, in bytes: what a path of RFC 5321 can hold.
	MaxAddress    = 254
	maxLocalPart  = 64
	maxHostLabel  = 63
	minHostLabels = 2
)

// NewAddress reads the member at pointer: a dot-atom, an @ and a host name of at
// least two labels, in ASCII. Quoted local parts, comments, address literals and
// international addresses are refused; a host's punycode form is fine.
func NewAddress(pointer, text string) (Address, error) {
	var check fault.Check
	if !isAddress(text) {
		check.Add(pointer, "malformed", "An e-mail address of at most %d characters, such as ada@example.com.", MaxAddress)
	}
	return Address(text), check.Err()
}

func isAddress(text string) bool {
	at := strings.LastIndexByte(text, '@')
	if at < 1 || len(text) > MaxAddress {
		return false
	}
	local, host := text[:at], text[at+1:]
	if len(local) > maxLocalPart {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) }) {
			return false
		}
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxHostLabel || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' }) {
			return false
		}
	}
	// A last label of digits would be an IPv4 address, or nothing.
	return len(labels) >= minHostLabels && strings.ContainsFunc(labels[len(labels)-1], func(r rune) bool { return r < '0' || r > '9' })
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Canonical is what addresses are compared by: the whole of it in lower case. A
// host that tells letters' case apart in the part before the @ is not known to
// exist, and people don't. Dots and +tags stay: only the host knows what they mean.
func (a Address) Canonical() string { return strings.ToLower(string(a)) }

// Masked is the address as logs may show it.
func (a Address) Masked() string {
	at := strings.LastIndexByte(string(a), '@')
	if at < 1 {
		return "…"
	}
	return string(a[:1]) + "…" + string(a[at:])
}

// EmailSubject is what a login by this address is found by: a hash bound to the
// environment. It hides nothing, for addresses can be guessed, and is no secret.
func EmailSubject(environment tenancy.EnvironmentID, address Address) [sha256.Size]byte {
	return sha256.Sum256([]byte("email\x00" + string(environment) + "\x00" + address.Canonical()))
}

// EmailLogin is a way into the player by an address, with what the password was hashed to.
func EmailLogin(environment tenancy.EnvironmentID, address Address, secret string) Login {
	return Login{Method: Email, Subject: EmailSubject(environment, address), Label: string(address), Secret: secret}
}
