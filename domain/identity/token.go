package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// AccessClaims are what a player's access token says.
type AccessClaims struct {
	Issuer      string
	Environment tenancy.EnvironmentID // the audience
	Player      PlayerID              // the subject
	Session     SessionID
	IssuedAt    time.Time // whole seconds
	ExpiresAt   time.Time // whole seconds
}

// RefreshToken is what a refresh token says: the environment and session it
// belongs to and its place in the session's line.
type RefreshToken struct {
	Environment tenancy.EnvironmentID
	Session     SessionID
	Generation  int64
}

const (
	refreshPrefix  = "ow_ref_"
	refreshMACSize = 20 // 160 bits of HMAC-SHA-256
)

// Sign writes the token in its compact form. The same token signed with the
// same key is the same string, which is what lets a lost reply be repeated.
func (t RefreshToken) Sign(key []byte) string {
	payload := t.payload()
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(payload, t.mac(key, payload)...))
}

// ReadRefreshToken reads a token that Sign made with the key, or is ErrRefreshToken.
func ReadRefreshToken(token string, key []byte) (RefreshToken, error) {
	body, ok := strings.CutPrefix(token, refreshPrefix)
	// The decoder would pass over line breaks, and then one token had many spellings.
	if !ok || len(body) > 256 || strings.ContainsAny(body, "\r\n") {
		return RefreshToken{}, ErrRefreshToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) <= refreshMACSize+8 {
		return RefreshToken{}, ErrRefreshToken
	}
	payload, mac := raw[:len(raw)-refreshMACSize], raw[len(raw)-refreshMACSize:]
	var t RefreshToken
	if !hmac.Equal(mac, t.mac(key, payload)) {
		return RefreshToken{}, ErrRefreshToken
	}
	environment, session, ok := strings.Cut(string(payload[8:]), "/")
	if !ok {
		return RefreshToken{}, ErrRefreshToken
	}
	t.Generation = int64(binary.BigEndian.Uint64(payload))
	t.Environment, t.Session = tenancy.EnvironmentID(environment), SessionID(session)
	return t, nil
}

func (t RefreshToken) payload() []byte {
	p := binary.BigEndian.AppendUint64(nil, uint64(t.Generation))
	return append(p, string(t.Environment)+"/"+string(t.Session)...)
}

func (RefreshToken) mac(key, payload []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("overworld refresh v1\x00"))
	h.Write(payload)
	return h.Sum(nil)[:refreshMACSize]
}
