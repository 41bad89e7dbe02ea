package identity

import (
	_ "embed" // the list of common passwords
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

const (
	// MinPassword and MaxPassword bound a password, in Unicode code points.
	MinPassword = 8
	MaxPassword = 128
)

// The commonest passwords of at least MinPassword characters, in lower case, one
// a line. Which they are was taken from the frequency lists of zxcvbn 4.4.2, which
// counted leaked ones.
//
//go:embed common_passwords.txt
var commonPasswords string

var common = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for word := range strings.Lines(commonPasswords) {
		known[strings.TrimSuffix(word, "\n")] = true
	}
	return known
})

// CheckPassword refuses, as the member at pointer, a password for an address that
// is too short, too long, or among the first anybody would try. It is in Unicode
// normalization form C. What it is made of doesn't matter otherwise: rules that ask
// for digits and symbols make worse ones.
func CheckPassword(pointer, password string, address Address) error {
	var check fault.Check
	lower := strings.ToLower(password)
	local, _, _ := strings.Cut(address.Canonical(), "@")
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword || n > MaxPassword:
		check.Add(pointer, "out_of_range", "From %d to %d characters.", MinPassword, MaxPassword)
	case address != "" && (lower == address.Canonical() || lower == local):
		check.Add(pointer, "too_weak", "Not the e-mail address.")
	case common()[lower], repeats(password):
		check.Add(pointer, "too_weak", "This is one of the commonest passwords; choose another.")
	}
	return check.Err()
}

// repeats tells whether it is one or two characters over and over.
func repeats(password string) bool {
	seen := map[rune]bool{}
	for _, r := range password {
		seen[r] = true
	}
	return len(seen) <= 2
}
