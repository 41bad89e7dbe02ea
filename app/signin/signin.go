package signin

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/mailing"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/secrets"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Revoker   *access.Revoker
	Directory *environments.Directory
	Keys      *environments.KeyRing
	Tokens    identity.AccessTokens
	Clock     clock.Clock
	IDs       ids.Source
	Random    secrets.Random
	Vault     secrets.Vault
	Issuer    access.Issuer
	Desk      *Desk
	Outbox    *mailing.Outbox
	Throttle  *limits.Throttle
	Limits    limits.Limits
	Tracer    tracing.Tracer // nil: nothing is traced
}

// UseCases are what a client does to get, keep and end a session.
type UseCases struct {
	parts      Parts
	refreshKey []byte
	arrivals   shared[arrival]
	rotations  shared[rotation]
	rooms      rooms
}

func New(p Parts) *UseCases {
	u := &UseCases{parts: p, refreshKey: p.Vault.Derive("refresh-tokens")}
	u.arrivals = newShared(coalesce.Commits("start sessions", p.Store, p.Limits.RequestTime, p.Tracer), u.arrive)
	u.rotations = newShared(coalesce.Commits("rotate sessions", p.Store, p.Limits.RequestTime, p.Tracer), u.rotate)
	return u
}

// Grant is what a signed-in client holds.
type Grant struct {
	Player           identity.PlayerID
	Session          identity.SessionID
	AccessToken      string
	AccessExpiresAt  time.Time
	RefreshToken     string
	RefreshExpiresAt time.Time
	// Created tells that the player is new.
	Created bool
	// DeviceSecret is set when we made it: the client must store it.
	DeviceSecret string
}

// grant makes the tokens of a session as it stands. It depends on nothing but
// the session and the key, so granting twice gives the same tokens.
func (u *UseCases) grant(environment tenancy.Environment, session identity.Session, key identity.SigningKey) (Grant, error) {
	issued := session.RotatedAt.Truncate(time.Second)
	claims := identity.AccessClaims{
		Issuer: string(u.parts.Issuer), Environment: environment.ID, Player: session.Player, Session: session.ID,
		IssuedAt: issued, ExpiresAt: issued.Add(environment.Settings.AccessTokenLifetime),
	}
	token, err := u.parts.Tokens.Sign(claims, key)
	if err != nil {
		return Grant{}, err
	}
	refresh := identity.RefreshToken{Environment: environment.ID, Session: session.ID, Generation: session.Generation}
	return Grant{
		Player: session.Player, Session: session.ID,
		AccessToken: token, AccessExpiresAt: claims.ExpiresAt,
		RefreshToken: refresh.Sign(u.refreshKey), RefreshExpiresAt: session.ExpiresAt,
	}, nil
}

// Device is what is noted of the client for the player's list of sessions.
type Device struct {
	Client  string // User-Agent
	Address string
}

const maxClient = 200 // bytes

func (d Device) on(s identity.Session) identity.Session {
	s.Client, s.Address = strings.ToValidUTF8(strings.ReplaceAll(d.Client, "\x00", ""), ""), d.Address
	for len(s.Client) > maxClient {
		_, size := utf8.DecodeLastRuneInString(s.Client)
		s.Client = s.Client[:len(s.Client)-size]
	}
	return s
}
