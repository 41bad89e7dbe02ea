package identity

import "time"

// SessionID is a session's UUID.
type SessionID string

// Session is one signed-in device, a family of refresh tokens of which only
// the newest counts. Refresh tokens aren't stored: each is authenticated by
// the MAC it carries, and the session remembers only which generation is the
// newest. So the successor of a token can be made again for a client
// whose reply got lost.
type Session struct {
	ID     SessionID
	Player PlayerID
	// Generation is that of the newest refresh token, from 1.
	Generation int64
	// RotatedAt is when Generation became the newest.
	RotatedAt time.Time
	CreatedAt time.Time
	// ExpiresAt moves on with each rotation.
	ExpiresAt time.Time
	RevokedAt time.Time // zero: live
	Reason    RevokeReason
	// Client and Address are what the device last signed in or refreshed with.
	Client  string // User-Agent, cut to 200 bytes
	Address string
}

// RevokeReason is why a session ended before its time.
type RevokeReason string

const (
	LoggedOut RevokeReason = "logout"
	Stolen    RevokeReason = "refresh_reuse"
	Operator  RevokeReason = "operator"
	// ByPlayer is a session that its player ended from another one, or with all of them.
	ByPlayer RevokeReason = "player"
	// NewPassword is a session of before the player's password was reset.
	NewPassword RevokeReason = "password_reset"
)

// RefreshGrace is how long the last used refresh token still answers with its
// successor, for a client whose reply got lost.
const RefreshGrace = 30 * time.Second

// Rotation is what presenting a refresh token means.
type Rotation uint8

const (
	// Rotated: the newest token was presented, and Session is its successor's.
	Rotated Rotation = iota
	// Repeated: the last used one was presented again within the grace period.
	Repeated
	// Theft: an older token was presented. Someone else has used it.
	Theft
	// Ended: the session has expired or was revoked.
	Ended
)

// NewSession starts a session at now that lives for lifetime unless it is refreshed.
func NewSession(id SessionID, player PlayerID, now time.Time, lifetime time.Duration) Session {
	return Session{ID: id, Player: player, Generation: 1, RotatedAt: now, CreatedAt: now, ExpiresAt: now.Add(lifetime)}
}

// Live tells whether the session is good at now.
func (s Session) Live(now time.Time) bool { return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) }

// Refresh decides what presenting the token of a generation at now means, and
// gives the session as it must be stored.
func (s Session) Refresh(generation int64, now time.Time, lifetime time.Duration) (Session, Rotation) {
	switch {
	case !s.Live(now):
		return s, Ended
	case generation == s.Generation:
		s.Generation++
		s.RotatedAt = now
		s.ExpiresAt = now.Add(lifetime)
		return s, Rotated
	case generation == s.Generation-1 && now.Sub(s.RotatedAt) <= RefreshGrace:
		return s, Repeated
	default:
		return s.Revoked(Stolen, now), Theft
	}
}

// Revoked gives the session ended at now; one that has ended keeps its time and reason.
func (s Session) Revoked(reason RevokeReason, now time.Time) Session {
	if s.RevokedAt.IsZero() {
		s.RevokedAt, s.Reason = now, reason
	}
	return s
}
