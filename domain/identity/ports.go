package identity

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Players stores players and the ways they sign in.
type Players interface {
	// Create stores players, each with a first login, which is made to lead to him.
	// ErrLoginTaken when any login leads to another player: then a transaction of its
	// own stored nothing, and the caller's may not commit.
	Create(ctx context.Context, scope tenancy.Scope, newcomers ...Newcomer) error
	// Get is ErrPlayerNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, id PlayerID) (Player, error)
	// GetMany gives the players that there are of the ids, in any order.
	GetMany(ctx context.Context, scope tenancy.Scope, ids []PlayerID) ([]Player, error)
	// ByLogin is ErrPlayerNotFound when the login leads nowhere.
	ByLogin(ctx context.Context, scope tenancy.Scope, method Method, subject [sha256.Size]byte) (Player, error)
	// Lock is Get within a transaction that keeps other writers of the player,
	// and new sessions of his, out until it ends.
	Lock(ctx context.Context, scope tenancy.Scope, id PlayerID) (Player, error)
	// Hold gives those of the players that there are, in any order, and within a transaction
	// keeps out who would Lock one until it ends. Callers don't keep each other out.
	Hold(ctx context.Context, scope tenancy.Scope, ids []PlayerID) ([]PlayerID, error)
	// Update stores the profile and its version, and nothing else. ErrProfileStale
	// unless the version before is the stored one; ErrHandleTaken when another
	// player has the handle, after which a transaction can't go on.
	Update(ctx context.Context, scope tenancy.Scope, player Player) error
	// SetBan stores a ban, the zero one to lift it; ErrPlayerNotFound when there is no such player.
	SetBan(ctx context.Context, scope tenancy.Scope, id PlayerID, ban Ban) error
	// Search gives up to query.Limit players: newest first, or of a NamePrefix by name and id.
	Search(ctx context.Context, scope tenancy.Scope, query PlayerQuery) ([]Player, error)
	// Logins gives a player's ways to sign in, by method and subject; none of an unknown player.
	Logins(ctx context.Context, scope tenancy.Scope, id PlayerID) ([]Login, error)
	// Login is ErrLoginNotFound when there is none.
	Login(ctx context.Context, scope tenancy.Scope, method Method, subject [sha256.Size]byte) (Login, error)
	// Link adds a login to the player it names; ErrLoginTaken when the login leads
	// to a player, this one or another, and ErrPlayerNotFound when there is no such
	// player. A transaction can go on after the first.
	Link(ctx context.Context, scope tenancy.Scope, login Login) error
	// SetSecret stores a login's Secret; ErrLoginNotFound when there is none.
	SetSecret(ctx context.Context, scope tenancy.Scope, method Method, subject [sha256.Size]byte, secret string) error
	// LockByLogins gives the players that there are behind the logins, and within a
	// transaction keeps other writers of them out until it ends, as Lock does, but
	// not new sessions. They are locked in one order, whatever order the logins come in.
	LockByLogins(ctx context.Context, scope tenancy.Scope, logins []LoginKey) (map[LoginKey]Player, error)
	// LockOwners is LockByLogins of the players that there are of the sessions, in any order.
	LockOwners(ctx context.Context, scope tenancy.Scope, sessions []SessionID) ([]Player, error)
	// Seen moves LastSeenAt forward to at, never back; an unknown player is no error.
	Seen(ctx context.Context, scope tenancy.Scope, at time.Time, ids ...PlayerID) error
}

// Newcomer is a player with his first login.
type Newcomer struct {
	Player Player
	Login  Login
}

// PlayerQuery selects players; empty members select all.
type PlayerQuery struct {
	ID         PlayerID
	Handle     string // in lower case
	NamePrefix string // of the display name, in any case
	// After is the last player of the page before; zero at the beginning.
	After struct {
		NameKey string // only with a NamePrefix
		ID      PlayerID
	}
	Limit int
}

// Sessions stores sessions. Who locks or changes several in one transaction locks their
// players before, so that nobody waits for another in a circle.
type Sessions interface {
	// Create stores all the sessions, or none: ErrPlayerNotFound when there is no such player of one.
	Create(ctx context.Context, scope tenancy.Scope, sessions ...Session) error
	// Get is ErrSessionNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, id SessionID) (Session, error)
	// Lock is Get within a transaction that keeps other writers of the session
	// out until it ends.
	Lock(ctx context.Context, scope tenancy.Scope, id SessionID) (Session, error)
	// LockMany is Lock of the sessions that there are, in any order. They are locked
	// in one order, whatever order the ids come in.
	LockMany(ctx context.Context, scope tenancy.Scope, ids []SessionID) ([]Session, error)
	// Update stores everything that changes in the sessions' lives, of all or of
	// none: ErrSessionNotFound when there is one missing.
	Update(ctx context.Context, scope tenancy.Scope, sessions ...Session) error
	// List gives up to query.Limit sessions of a player, newest first; none of an unknown player.
	List(ctx context.Context, scope tenancy.Scope, query SessionQuery) ([]Session, error)
	// RevokeAll ends every session of a player that is live at the given time, as
	// Session.Revoked would, and tells which, in no order. The player has to be locked.
	RevokeAll(ctx context.Context, scope tenancy.Scope, player PlayerID, reason RevokeReason, at time.Time) ([]SessionID, error)
	// Surplus gives, of each player who has more than keep sessions that are live at the given time, the
	// others: all but the newest keep, at most limit of each, in no order.
	Surplus(ctx context.Context, scope tenancy.Scope, players []PlayerID, at time.Time, keep, limit int) ([]Session, error)
	// Delete deletes sessions, and tells how many of them there were.
	Delete(ctx context.Context, scope tenancy.Scope, sessions ...Session) (int, error)
	// Purge deletes up to limit sessions that expired, or were revoked,
	// before the given time, and tells how many.
	Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (int, error)
}

// SessionQuery selects sessions of a player.
type SessionQuery struct {
	Player PlayerID
	// LiveAt, when not zero, leaves out the sessions that are not live then.
	LiveAt time.Time
	// Before is the last session of the page before; empty at the beginning.
	Before SessionID
	Limit  int
}

// Tickets stores the attempts to prove an address.
type Tickets interface {
	Create(ctx context.Context, scope tenancy.Scope, ticket Ticket) error
	// Get is ErrTicketNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) (Ticket, error)
	// Lock is Get within a transaction that keeps other writers of the ticket out until it ends.
	Lock(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) (Ticket, error)
	// Update stores Tries and nothing else; ErrTicketNotFound when there is none.
	Update(ctx context.Context, scope tenancy.Scope, ticket Ticket) error
	// Delete of one that is not there is no error.
	Delete(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) error
	// Purge deletes up to limit tickets that expired before the given time, and tells how many.
	Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (int, error)
}

// SigningKeys stores the key pairs of each environment, the private halves as
// the secrets port sealed them.
type SigningKeys interface {
	// List gives all keys of an environment, by CreatedAt and then ID. Private is nil
	// in what it gives; Sealed has it.
	List(ctx context.Context, scope tenancy.Scope) ([]SealedKey, error)
	// Save inserts a key, or updates SignsFrom and GoneAt of one that exists.
	// GoneAt only moves to the front: of two rotations at once, the one that
	// is rid of a leaked key wins.
	Save(ctx context.Context, scope tenancy.Scope, keys []SealedKey) error
	// Purge deletes keys that left the set before the given time, and tells how many.
	Purge(ctx context.Context, scope tenancy.Scope, before time.Time) (int, error)
}

// SealedKey is a signing key whose private half is encrypted.
type SealedKey struct {
	SigningKey
	Sealed []byte
}

// AccessTokens turns claims into the compact signed form that players carry (a
// JWT), and back.
type AccessTokens interface {
	Sign(claims AccessClaims, key SigningKey) (string, error)
	// Peek reads the environment and key id a token claims, unverified, so that the
	// right key set can be found. ErrAccessToken when it is no token at all.
	Peek(token string) (environment tenancy.EnvironmentID, keyID string, err error)
	// Verify checks the algorithm, signature, audience, issuer and expiry at
	// now, and is ErrAccessToken when any is off.
	Verify(token string, key SigningKey, issuer string, environment tenancy.EnvironmentID, now time.Time) (AccessClaims, error)
}
