package ticket

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
)

// Claims are what a join ticket says.
type Claims struct {
	Issuer     string `json:"iss"`
	Audience   string `json:"aud"`
	Player     string `json:"sub"`
	ID         string `json:"jti"`
	Server     string `json:"server"`
	Generation int64  `json:"generation"`
	Seat       int    `json:"seat"`
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"`
}

// Door lets players in to one generation of one server.
type Door struct {
	Issuer      string // the installation's setting issuer
	Environment string // the environment's id
	Server      string
	Generation  int64
	Keys        map[string]ed25519.PublicKey // by kid

	mu   sync.Mutex
	used map[string]int64 // ids of tickets that let somebody in, with their ends
}

// ErrRefused is all that a player is told.
var ErrRefused = errors.New("this ticket lets nobody in here")

// ReadKeys reads a JSON Web Key Set.
func ReadKeys(set []byte) (map[string]ed25519.PublicKey, error) {
	var document struct {
		Keys []struct {
			Type  string `json:"kty"`
			Curve string `json:"crv"`
			ID    string `json:"kid"`
			X     string `json:"x"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set, &document); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range document.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		if err == nil && key.Type == "OKP" && key.Curve == "Ed25519" && len(x) == ed25519.PublicKeySize {
			keys[key.ID] = x
		}
	}
	return keys, nil
}

// Enter verifies the ticket that a player shows, and uses it up.
func (d *Door) Enter(ticket, player string, now time.Time) (Claims, error) {
	parts := strings.Split(ticket, ".")
	if len(parts) != 3 {
		return Claims{}, ErrRefused
	}
	var header struct {
		Type      string `json:"typ"`
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var claims Claims
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || !decode(parts[0], &header) || !decode(parts[1], &claims) {
		return Claims{}, ErrRefused
	}
	key := d.Keys[header.Key] // no key: fetch the key set again, at most once a minute
	switch {
	case header.Type != "ow-join+jwt", header.Algorithm != "EdDSA", key == nil,
		!ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature),
		claims.Issuer != d.Issuer, claims.Audience != d.Environment+"/servers",
		claims.Server != d.Server, claims.Generation != d.Generation, claims.Seat < 1,
		claims.Player != player, claims.ID == "", now.Unix() >= claims.ExpiresAt:
		return Claims{}, ErrRefused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, end := range d.used {
		if now.Unix() >= end {
			delete(d.used, id)
		}
	}
	if _, again := d.used[claims.ID]; again {
		return Claims{}, ErrRefused
	}
	if d.used == nil {
		d.used = map[string]int64{}
	}
	d.used[claims.ID] = claims.ExpiresAt
	return claims, nil
}

func decode(part string, into any) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}
