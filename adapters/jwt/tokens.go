package jwt

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	// MaxSize is the longest token that is looked at, in bytes.
	MaxSize = 4 << 10
	// MaxAhead is how far in the future a token may say it was issued: the
	// clocks of two replicas differ a little. Expiry has no such leeway.
	MaxAhead = time.Minute
)

// TokenType is typ in an access token's header.
const TokenType = "JWT"

// Tokens signs and verifies access tokens. The zero value is ready.
type Tokens struct{}

var _ identity.AccessTokens = Tokens{}

// claims is the payload. Times are whole seconds since 1970; a fraction, a
// list of audiences, or any other type of member is refused in reading.
type claims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	Session   string `json:"sid"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

// Sign writes a token, with times cut to whole seconds.
func (Tokens) Sign(c identity.AccessClaims, key identity.SigningKey) (string, error) {
	return sign(claims{
		Issuer: c.Issuer, Audience: string(c.Environment), Subject: string(c.Player), Session: string(c.Session),
		IssuedAt: c.IssuedAt.Unix(), ExpiresAt: c.ExpiresAt.Unix(),
	}, TokenType, key)
}

// sign writes a token of any of the types.
func sign(claims jwt.Claims, typ string, key identity.SigningKey) (string, error) {
	if len(key.Private) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("sign %s: key %q has no private half", typ, key.ID)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["kid"], token.Header["typ"] = key.ID, typ
	signed, err := token.SignedString(key.Private)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	return signed, nil
}

// Peek reads what a token claims without believing it.
func (Tokens) Peek(token string) (tenancy.EnvironmentID, string, error) {
	if !wellFormed(token) {
		return "", "", identity.ErrAccessToken
	}
	var c claims
	parsed, _, err := parser.ParseUnverified(token, &c)
	if err != nil || !c.complete() {
		return "", "", identity.ErrAccessToken
	}
	keyID, ok := readHeader(parsed, TokenType)
	if !ok {
		return "", "", identity.ErrAccessToken
	}
	return tenancy.EnvironmentID(c.Audience), keyID, nil
}

// Verify believes a token only if all of it is as Sign would have written it
// with this key, and now is before its expiry.
func (Tokens) Verify(token string, key identity.SigningKey, issuer string, environment tenancy.EnvironmentID, now time.Time) (identity.AccessClaims, error) {
	if !wellFormed(token) {
		return identity.AccessClaims{}, identity.ErrAccessToken
	}
	var c claims
	_, err := parser.ParseWithClaims(token, &c, func(parsed *jwt.Token) (any, error) {
		if keyID, ok := readHeader(parsed, TokenType); !ok || keyID != key.ID {
			return nil, identity.ErrAccessToken
		}
		return key.Public, nil
	})
	issued, expires := time.Unix(c.IssuedAt, 0).UTC(), time.Unix(c.ExpiresAt, 0).UTC()
	switch {
	case err != nil, !c.complete(),
		c.Issuer != issuer, c.Audience != string(environment),
		issued.After(now.Add(MaxAhead)), !now.Before(expires):
		return identity.AccessClaims{}, identity.ErrAccessToken
	}
	return identity.AccessClaims{
		Issuer: c.Issuer, Environment: environment, Player: identity.PlayerID(c.Subject), Session: identity.SessionID(c.Session),
		IssuedAt: issued, ExpiresAt: expires,
	}, nil
}

// The library's own check of claims is off: it passes over what is missing,
// and reads the clock itself.
var parser = jwt.NewParser(
	jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
	jwt.WithStrictDecoding(),
	jwt.WithoutClaimsValidation(),
)

// wellFormed looks at size and characters only. The decoder would pass over
// line breaks, and then a changed token could still be good.
func wellFormed(token string) bool {
	if len(token) > MaxSize || strings.Count(token, ".") != 2 {
		return false
	}
	for i := range len(token) {
		c := token[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// readHeader gives the key id of a header that has what ours have and nothing
// else, so no extension (crit, b64) can change what the rest means.
func readHeader(token *jwt.Token, typ string) (keyID string, ok bool) {
	keyID, _ = token.Header["kid"].(string)
	return keyID, keyID != "" && len(token.Header) == 3 &&
		token.Header["typ"] == typ && token.Header["alg"] == jwt.SigningMethodEdDSA.Alg()
}

func (c *claims) complete() bool {
	return c.Issuer != "" && c.Audience != "" && c.Subject != "" && c.Session != "" && c.IssuedAt > 0 && c.ExpiresAt > c.IssuedAt
}

// The library asks for these; with its check of claims off it doesn't use them.

func (c claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}
func (c claims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}
func (claims) GetNotBefore() (*jwt.NumericDate, error)  { return nil, nil }
func (c claims) GetIssuer() (string, error)             { return c.Issuer, nil }
func (c claims) GetSubject() (string, error)            { return c.Subject, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{c.Audience}, nil }
