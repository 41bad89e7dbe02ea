package jwt

import (
	"github.com/golang-jwt/jwt/v5"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
)

// Manifests signs manifests of live configuration, with the keys that sign access tokens
// and join tickets. Type and audience are others, as those of tickets are, so that none of the three is
// ever taken for another. The zero value is ready.
type Manifests struct{}

var _ configuration.Manifests = Manifests{}

// ManifestType is typ in a manifest's header.
const ManifestType = "ow-config+jwt"

// manifestClaims is the payload; times are whole seconds since 1970.
type manifestClaims struct {
	Issuer    string         `json:"iss"`
	Audience  string         `json:"aud"`
	IssuedAt  int64          `json:"iat"`
	ExpiresAt int64          `json:"exp"`
	Configs   []pinnedClaims `json:"configs"`
}

type pinnedClaims struct {
	Config      string `json:"config"`
	Release     int    `json:"release"`
	SHA256      string `json:"sha256"`
	Size        int64  `json:"size"`
	ContentType string `json:"content_type"`
}

// Sign writes a manifest, with times cut to whole seconds.
func (Manifests) Sign(m configuration.Manifest, key identity.SigningKey) (string, error) {
	claims := manifestClaims{
		Issuer: m.Issuer, Audience: string(m.Environment) + "/config", IssuedAt: m.IssuedAt.Unix(), ExpiresAt: m.ExpiresAt.Unix(),
		Configs: make([]pinnedClaims, len(m.Configs)),
	}
	for i, c := range m.Configs {
		claims.Configs[i] = pinnedClaims{Config: c.Config, Release: c.Release, SHA256: c.Bundle.Hash.String(), Size: c.Bundle.Size, ContentType: c.Bundle.ContentType}
	}
	return sign(claims, ManifestType, key)
}

// The library asks for these to write the payload; nobody reads a manifest by them.

func (manifestClaims) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (manifestClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (manifestClaims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c manifestClaims) GetIssuer() (string, error)                 { return c.Issuer, nil }
func (manifestClaims) GetSubject() (string, error)                  { return "", nil }
func (c manifestClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}
