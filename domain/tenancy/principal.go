package tenancy

import (
	"slices"
	"strings"
	"time"
)

// Permission is what a credential may do, as <resource>:<verb>.
type Permission string

const (
	ProjectsRead      Permission = "projects:read"
	ProjectsWrite     Permission = "projects:write"
	CredentialsRead   Permission = "credentials:read"
	CredentialsWrite  Permission = "credentials:write"
	PlayersRead       Permission = "players:read"
	PlayersWrite      Permission = "players:write"
	DocumentsRead     Permission = "documents:read"
	DocumentsWrite    Permission = "documents:write"
	CollectionsRead   Permission = "collections:read"
	CollectionsWrite  Permission = "collections:write"
	LeaderboardsRead  Permission = "leaderboards:read"
	LeaderboardsWrite Permission = "leaderboards:write"
	RegistryRead      Permission = "registry:read"
	RegistryWrite     Permission = "registry:write"
	ConfigsRead       Permission = "configs:read"
	ConfigsWrite      Permission = "configs:write"
	AuditRead         Permission = "audit:read"
	WorkersRead       Permission = "workers:read"
	// Everything is every permission its kind of credential can have.
	Everything Permission = "*"
)

// grantable is what each kind of credential can be given. A publishable key
// has no scopes: anyone can read it out of the game.
var grantable = map[Kind][]Permission{
	SecretKey: {
		ProjectsRead, ProjectsWrite, CredentialsRead, CredentialsWrite, PlayersRead, PlayersWrite,
		DocumentsRead, DocumentsWrite, CollectionsRead, CollectionsWrite, LeaderboardsRead, LeaderboardsWrite,
		RegistryRead, RegistryWrite, ConfigsRead, ConfigsWrite, AuditRead, WorkersRead, Everything,
	},
	PublishableKey: {},
	ServerToken:    {PlayersRead, DocumentsRead, DocumentsWrite, LeaderboardsRead, LeaderboardsWrite, RegistryRead, RegistryWrite, ConfigsRead, Everything},
}

// Grantable lists what a kind of credential can be given.
func Grantable(kind Kind) []Permission { return slices.Clone(grantable[kind]) }

func joinPermissions(ps []Permission) string {
	words := make([]string, len(ps))
	for i, p := range ps {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}

// Principal is who is calling, after authentication, and from where. It is
// passed as an argument, never hidden in a context.
type Principal struct {
	kind        Kind
	subject     string
	session     string
	name        string
	permissions []Permission
	scope       Scope
	expires     time.Time

	// RequestID and Address are the call's, for the audit log.
	RequestID string
	Address   string
}

// Player is the principal of a signed-in player. Only code that has verified an
// access token of this scope and found its session alive may call it.
func Player(scope Scope, player, session string, expires time.Time) Principal {
	return Principal{kind: PlayerToken, subject: player, session: session, scope: scope, expires: expires}
}

// Local is the principal of the CLI, which reaches the database without any
// credential; user is the name of the operating system's user.
func Local(user string) Principal {
	return Principal{kind: LocalOperator, subject: "cli", name: user, permissions: []Permission{Everything}}
}

// Kind is the trust boundary the caller stands behind.
func (p Principal) Kind() Kind { return p.kind }

// Subject is the player's id for a player, else the credential's.
func (p Principal) Subject() string { return p.subject }

// Session is the player's session; empty for the others.
func (p Principal) Session() string { return p.session }

// Name is the credential's name; empty for a player.
func (p Principal) Name() string { return p.name }

// Expires is when it stops being good; zero is never.
func (p Principal) Expires() time.Time { return p.expires }

// Scope is the environment it is bound to; zero for a project's key and the CLI.
func (p Principal) Scope() Scope {
	if p.scope.environment == "" {
		return Scope{}
	}
	return p.scope
}

// Project is the project it is bound to; empty for the CLI.
func (p Principal) Project() ProjectID { return p.scope.project }

// May tells whether it holds a permission.
func (p Principal) May(permission Permission) bool {
	return slices.Contains(p.permissions, permission) || slices.Contains(p.permissions, Everything)
}

// Require is ErrPermission unless it holds the permission.
func (p Principal) Require(permission Permission) error {
	if p.May(permission) {
		return nil
	}
	return ErrPermission.With("This needs the scope %s.", permission)
}

// Within gives the scope of an environment that an operator names, or
// ErrWrongEnvironment when the credential is bound to another.
func (p Principal) Within(e Environment) (Scope, error) {
	switch {
	case p.kind == LocalOperator:
	case p.kind != SecretKey, p.scope.project != e.ProjectID:
		return Scope{}, ErrWrongEnvironment
	case p.scope.environment != "" && p.scope.environment != e.ID:
		return Scope{}, ErrWrongEnvironment
	}
	return e.Scope(), nil
}

// WithinProject is ErrWrongEnvironment unless it is the CLI or a key of the whole project.
func (p Principal) WithinProject(id ProjectID) error {
	if p.kind == LocalOperator || p.kind == SecretKey && p.scope.project == id && p.scope.environment == "" {
		return nil
	}
	return ErrWrongEnvironment
}
