package ticket

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Manifest is what a manifest of live configuration says.
type Manifest struct {
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	Configs   []Pinned `json:"configs"`
}

// Pinned is a bundle that a manifest vouches for.
type Pinned struct {
	Config      string `json:"config"`
	Release     int    `json:"release"`
	SHA256      string `json:"sha256"`
	Size        int64  `json:"size"`
	ContentType string `json:"content_type"`
}

// ErrManifest is a manifest that vouches for nothing here, or not for these bytes.
var ErrManifest = errors.New("no manifest vouches for this")

// ReadManifest verifies a manifest of an environment, by its keys.
func ReadManifest(manifest, issuer, environment string, keys map[string]ed25519.PublicKey, now time.Time) (Manifest, error) {
	parts := strings.Split(manifest, ".")
	if len(parts) != 3 {
		return Manifest{}, ErrManifest
	}
	var header struct {
		Type      string `json:"typ"`
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var m Manifest
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || !decode(parts[0], &header) || !decode(parts[1], &m) {
		return Manifest{}, ErrManifest
	}
	key := keys[header.Key] // no key: fetch the key set again, at most once a minute
	switch {
	case header.Type != "ow-config+jwt", header.Algorithm != "EdDSA", key == nil,
		!ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature),
		m.Issuer != issuer, m.Audience != environment+"/config", now.Unix() >= m.ExpiresAt:
		return Manifest{}, ErrManifest
	}
	return m, nil
}

// Check tells whether these bytes are the config's.
func (m Manifest) Check(config string, content []byte) error {
	sum := sha256.Sum256(content)
	for _, c := range m.Configs {
		if c.Config == config && c.Size == int64(len(content)) && c.SHA256 == hex.EncodeToString(sum[:]) {
			return nil
		}
	}
	return ErrManifest
}
