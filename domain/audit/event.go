package audit

import (
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Event is one thing that was done.
type Event struct {
	ID      string // UUIDv7: events of one process sort by time
	Project tenancy.ProjectID
	// Environment is empty for what concerns the project itself, such as
	// making or deleting an environment.
	Environment tenancy.EnvironmentID
	At          time.Time // system time, not the environment's clock
	Actor       Actor
	Action      Action
	Target      Target
	// Before and After are short summaries of what changed, by member name.
	Before    map[string]string
	After     map[string]string
	RequestID string
	Address   string
}

// Actor is who did it.
type Actor struct {
	Kind string // tenancy.Kind's word
	ID   string // credential or player
	Name string
}

// Target is what it was done to.
type Target struct {
	Kind string // "project", "environment", "credential", "session", "document", …
	ID   string
}

// Action is what was done, as <target>.<participle>.
type Action string

const (
	ProjectCreated       Action = "project.created"
	ProjectDeleted       Action = "project.deleted"
	EnvironmentCreated   Action = "environment.created"
	EnvironmentUpdated   Action = "environment.updated"
	EnvironmentDeleted   Action = "environment.deleted"
	CredentialCreated    Action = "credential.created"
	CredentialRevoked    Action = "credential.revoked"
	SigningKeyRotated    Action = "signing_key.rotated"
	DocumentWritten      Action = "document.written"
	DocumentDeleted      Action = "document.deleted"
	DocumentsRestored    Action = "player.documents_restored"
	CollectionDeclared   Action = "collection.declared"
	CollectionDeleted    Action = "collection.deleted"
	SessionReuseDetected Action = "session.refresh_reused"
	SessionRevoked       Action = "session.revoked"
	SessionsRevoked      Action = "player.sessions_revoked"
	PlayerBanned         Action = "player.banned"
	PlayerUnbanned       Action = "player.unbanned"
	EmailLinked          Action = "player.email_linked"
	PasswordReset        Action = "player.password_reset"
	LeaderboardCreated   Action = "leaderboard.created"
	LeaderboardUpdated   Action = "leaderboard.updated"
	LeaderboardDeleted   Action = "leaderboard.deleted"
	SeasonClosed         Action = "leaderboard.season_closed"
	SeasonRetired        Action = "leaderboard.season_retired"
	RanksRebuilt         Action = "leaderboard.ranks_rebuilt"
	EntrySubmitted       Action = "leaderboard.run_submitted"
	EntryRemoved         Action = "leaderboard.entry_removed"
	EntryRestored        Action = "leaderboard.entry_restored"
	PlayerQuarantined    Action = "player.quarantined"
	QuarantineLifted     Action = "player.quarantine_lifted"
	ServerDrained        Action = "server.drained"
	ServerDeregistered   Action = "server.deregistered"
	SeatReserved         Action = "server.seat_reserved"
	SeatsAllocated       Action = "server.seats_allocated"
	BundleUploaded       Action = "bundle.uploaded"
	ConfigDeclared       Action = "config.declared"
	ConfigDeleted        Action = "config.deleted"
	ConfigReleased       Action = "config.released"
	ConfigRolledBack     Action = "config.rolled_back"
	ConfigPromoted       Action = "config.promoted"
	RewardClaimed        Action = "leaderboard.reward_claimed"
	AccessRefused        Action = "access.refused"
)

// By gives an event of what the principal does now; ID and target are the caller's to fill.
func By(p tenancy.Principal, action Action, at time.Time) Event {
	return Event{
		At: at, Action: action, RequestID: p.RequestID, Address: p.Address,
		Project: p.Project(), Environment: p.Scope().Environment(),
		Actor: Actor{Kind: p.Kind().String(), ID: p.Subject(), Name: p.Name()},
	}
}

// In gives the event as one of an environment.
func (e Event) In(scope tenancy.Scope) Event {
	e.Project, e.Environment = scope.Project(), scope.Environment()
	return e
}

// On gives the event with its target.
func (e Event) On(kind, id string) Event {
	e.Target = Target{Kind: kind, ID: id}
	return e
}
