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
	"github.com/overworldhq/overworld/ports/revocation"
	"github.com/overworldhq/overworld/ports/secrets"
	"github.com/overworldhq/overworld/ports/tracing"
)

// UseCases are what a client does to get, keep and end a session.
type UseCases struct {
	store       datastore.Datastore
	revocations revocation.Memory
	directory   *environments.Directory
	keys        *environments.KeyRing
	tokens      identity.AccessTokens
	clock       clock.Clock
	ids         ids.Source
	random      secrets.Random
	issuer      access.Issuer
	refreshKey  []byte
	desk        *Desk
	outbox      *mailing.Outbox
	throttle    *limits.Throttle
	limits      limits.Limits
	arrivals    shared[arrival]
	rotations   shared[rotation]
	rooms       rooms
}

func New(
	store datastore.Datastore, revocations revocation.Memory, directory *environments.Directory, keys *environments.KeyRing,
	tokens identity.AccessTokens, clock clock.Clock, ids ids.Source, random secrets.Random, vault secrets.Vault, issuer access.Issuer,
	desk *Desk, outbox *mailing.Outbox, throttle *limits.Throttle, limits limits.Limits, tracer tracing.Tracer,
) *UseCases {
	u := &UseCases{
		store: store, revocations: revocations, directory: directory, keys: keys, tokens: tokens,
		clock: clock, ids: ids, random: random, issuer: issuer, refreshKey: vault.Derive("refresh-tokens"),
		desk: desk, outbox: outbox, throttle: throttle, limits: limits,
	}
	u.arrivals = newShared(coalesce.Commits("start sessions", store, limits.RequestTime, tracer), u.arrive)
	u.rotations = newShared(coalesce.Commits("rotate sessions", store, limits.RequestTime, tracer), u.rotate)
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
		Issuer: string(u.issuer), Environment: environment.ID, Player: session.Player, Session: session.ID,
		IssuedAt: issued, ExpiresAt: issued.Add(environment.Settings.AccessTokenLifetime),
	}
	token, err := u.tokens.Sign(claims, key)
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
