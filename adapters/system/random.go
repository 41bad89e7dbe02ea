package system

import (
	"crypto/rand"

	"github.com/overworldhq/overworld/ports/secrets"
)

// Random is the operating system's cryptographic randomness.
type Random struct{}

var _ secrets.Random = Random{}

// Fill fills the buffer. The standard library ends the process if it can't.
func (Random) Fill(buffer []byte) {
	if _, err := rand.Read(buffer); err != nil {
		panic("system: no randomness: " + err.Error())
	}
}
