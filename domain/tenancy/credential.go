package tenancy

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// Kind is the kind of a caller, and so the trust boundary it stands behind.
type Kind uint8

const (
	NoKind Kind = iota
	// SecretKey is held by operators and CI, for one environment or a whole project.
	SecretKey
	// PublishableKey ships inside the game client: it signs players in and reads what is public.
	PublishableKey
	// ServerToken is held by dedicated game servers.
	ServerToken
	// PlayerToken is a signed-in player's access token. It is a JWT, never a Credential.
	PlayerToken
	// LocalOperator is a person with a shell on the machine: the CLI. It has no secret to steal.
	LocalOperator
)

var kindNames = [...]string{"none", "secret_key", "publishable_key", "server_token", "player", "local_operator"}

func (k Kind) String() string { return kindNames[k] }

// ParseKind reads the kind of a credential as the API and the CLI write it.
func ParseKind(s string) (Kind, bool) {
	i := slices.Index(kindNames[:], s)
	return Kind(max(i, 0)), i >= int(SecretKey) && i <= int(ServerToken)
}

var tokenPrefixes = map[Kind]string{SecretKey: "ow_sec_", PublishableKey: "ow_pub_", ServerToken: "ow_srv_"}

// Credential is a key or token that isn't a player's. Its token is shown once,
// when it is made; what stays is the hash.
type Credential struct {
	ID      string // UUID
	Kind    Kind
	Project ProjectID
	// Environment is empty for a secret key of the whole project.
	Environment EnvironmentID
	Name        string
	Scopes      []Permission
	// Networks, when there are any, are the only addresses it may be used from (server tokens).
	Networks []netip.Prefix
	// Hint is the beginning of the token, to recognise it by.
	Hint       string
	Hash       [sha256.Size]byte
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: live
	LastUsedAt time.Time // zero: never; kept to the minute
}

// CredentialSpec is what an operator says of a credential to be made.
type CredentialSpec struct {
	Kind        Kind
	Project     ProjectID
	Environment EnvironmentID
	Name        string
	Scopes      []Permission
	Networks    []netip.Prefix
	ExpiresAt   time.Time // zero: as late as may be
	// Until is when what makes it expires; zero: never.
	Until time.Time
}

// TokenEntropy is how many random bytes a token needs: 192 bits.
const TokenEntropy = 24

const (
	maxNetworks = 64
	hintLength  = 11
)

// NewCredential makes a credential and its token from fresh random bytes.
func NewCredential(id string, spec CredentialSpec, entropy [TokenEntropy]byte, now time.Time) (Credential, string, error) {
	var check fault.Check
	name := strings.TrimSpace(spec.Name)
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName || strings.ContainsFunc(name, isControl) {
		check.Add("/name", "malformed", "1 to %d characters, none of them control characters.", maxName)
	}
	if !spec.ExpiresAt.IsZero() && !spec.ExpiresAt.After(now) {
		check.Add("/expires_at", "past", "An expiry lies in the future.")
	}
	if spec.ExpiresAt.IsZero() {
		spec.ExpiresAt = spec.Until
	}
	if !spec.Until.IsZero() && spec.ExpiresAt.After(spec.Until) {
		check.Add("/expires_at", "out_of_range", "No later than the key that makes it expires, at %s.", spec.Until.UTC().Format(time.RFC3339))
	}
	allowed, known := grantable[spec.Kind]
	if !known {
		check.Add("/kind", "unknown", "One of secret_key, publishable_key, server_token.")
	}
	for i, scope := range spec.Scopes {
		if !slices.Contains(allowed, scope) {
			check.Add(fmt.Sprintf("/scopes/%d", i), "unknown", "A %s can have: %s.", spec.Kind, joinPermissions(allowed))
		}
	}
	if known && len(allowed) > 0 && len(spec.Scopes) == 0 {
		check.Add("/scopes", "required", "Name what it may do: %s.", joinPermissions(allowed))
	}
	if spec.Environment == "" && spec.Kind != SecretKey {
		check.Add("/environment", "required", "Only a secret key can be for a whole project.")
	}
	if len(spec.Networks) > 0 && spec.Kind != ServerToken {
		check.Add("/networks", "unsupported", "Only a server token can be bound to networks.")
	}
	if len(spec.Networks) > maxNetworks {
		check.Add("/networks", "too_many", "At most %d networks.", maxNetworks)
	}
	var networks []netip.Prefix
	for i, network := range spec.Networks {
		network, ok := normalNetwork(network)
		networks = append(networks, network)
		if !ok {
			check.Add(fmt.Sprintf("/networks/%d", i), "malformed", "A network is an address and a length, such as 203.0.113.0/24.")
		}
	}
	if err := check.Err(); err != nil {
		return Credential{}, "", err
	}
	token := tokenPrefixes[spec.Kind] + seal(entropy[:])
	return Credential{
		ID: id, Kind: spec.Kind, Project: spec.Project, Environment: spec.Environment, Name: name,
		Scopes: slices.Clone(spec.Scopes), Networks: networks,
		Hint: token[:hintLength], Hash: HashToken(token), CreatedAt: now, ExpiresAt: spec.ExpiresAt,
	}, token, nil
}

// ReadToken tells the kind of a token and whether it can be one at all: its
// prefix, length, alphabet and checksum. It needs no database, so a typo or
// a truncated paste costs nothing.
func ReadToken(token string) (Kind, bool) {
	for kind, prefix := range tokenPrefixes {
		if body, ok := strings.CutPrefix(token, prefix); ok {
			return kind, sealed(body, TokenEntropy)
		}
	}
	return NoKind, false
}

// HashToken is what is stored of a token. A fast hash serves: there are 192
// random bits to guess.
func HashToken(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// Authenticate gives the principal that the credential stands for now, at address.
func (c Credential) Authenticate(now time.Time, address netip.Addr) (Principal, error) {
	plain := address.Unmap().WithZone("")
	switch {
	case !c.RevokedAt.IsZero():
		return Principal{}, ErrCredential.With("This credential was revoked.")
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return Principal{}, ErrCredential.With("This credential has expired.")
	case len(c.Networks) > 0 && !slices.ContainsFunc(c.Networks, func(n netip.Prefix) bool { return n.Contains(plain) }):
		return Principal{}, ErrNetwork
	}
	return Principal{
		kind: c.Kind, subject: c.ID, name: c.Name, permissions: c.Scopes,
		scope: Scope{project: c.Project, environment: c.Environment}, expires: c.ExpiresAt,
	}, nil
}

// normalNetwork writes a network of IPv4-mapped IPv6 addresses as the IPv4
// network that it means, for callers' addresses are compared unmapped, and clears host bits.
func normalNetwork(n netip.Prefix) (netip.Prefix, bool) {
	if n.Addr().Is4In6() && n.Bits() >= 96 {
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	return n.Masked(), n.IsValid()
}

// Revoked gives the credential revoked at now; one that already is keeps its time.
func (c Credential) Revoked(now time.Time) Credential {
	if c.RevokedAt.IsZero() {
		c.RevokedAt = now
	}
	return c
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// seal writes bytes in base62 followed by six characters of CRC-32, the form
// that secret scanners can check without asking us.
func seal(raw []byte) string {
	digits := make([]byte, bodyLength(len(raw)))
	number := slices.Clone(raw)
	for i := len(digits) - 1; i >= 0; i-- {
		var rest int
		for j, b := range number {
			rest = rest<<8 | int(b)
			number[j] = byte(rest / 62)
			rest %= 62
		}
		digits[i] = base62[rest]
	}
	return string(digits) + checksum(string(digits))
}

// sealed tells whether body is something seal could have made from size bytes.
func sealed(body string, size int) bool {
	n := bodyLength(size)
	if len(body) != n+6 {
		return false
	}
	for i := range len(body) {
		if strings.IndexByte(base62, body[i]) < 0 {
			return false
		}
	}
	return checksum(body[:n]) == body[n:]
}

// bodyLength is how many base62 digits any number of size bytes fits into:
// 62^43 > 2^256, so 43 digits for every 32 bytes, rounded up.
func bodyLength(size int) int { return (size*43 + 31) / 32 }

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var out [6]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}
