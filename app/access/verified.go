package access

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// verified remembers what access tokens say, by their hash, so that each
// signature is checked once. It vouches for nothing but that: who reads it must
// find that the key is still published, the token unexpired and the session live.
type verified struct {
	mu    sync.RWMutex
	known map[[sha256.Size]byte]token
}

// token is a token whose signature was good.
type token struct {
	keyID  string
	public string // the key's public half, which an id must not change
	claims identity.AccessClaims
}

// maxVerified bounds the tokens remembered, to some tens of megabytes; past it the
// memory starts afresh.
const maxVerified = 1 << 16

func (v *verified) get(hash [sha256.Size]byte) (token, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	t, ok := v.known[hash]
	return t, ok
}

func (v *verified) put(hash [sha256.Size]byte, t token) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= maxVerified {
		v.known = map[[sha256.Size]byte]token{}
	}
	v.known[hash] = t
}

// drop forgets a token whose session or environment has turned out not to be there any more.
func (v *verified) drop(hash [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.known, hash)
}

// stands tells whether a token is as good now, in the environment with these keys,
// as when its signature was checked.
func (t token) stands(environment tenancy.EnvironmentID, keys identity.KeySet, now time.Time) bool {
	key, published := keys.Find(t.keyID, now)
	return published && string(key.Public) == t.public && t.claims.Environment == environment && now.Before(t.claims.ExpiresAt)
}
