package tenancy

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// Project is one game.
type Project struct {
	ID        ProjectID
	Slug      string
	Name      string
	CreatedAt time.Time
	// DeletedAt is when it was deleted, as an environment's is.
	DeletedAt time.Time
}

// Environment is one world of a project: its own players, documents, boards
// and credentials. Nothing crosses from one to another by itself.
type Environment struct {
	ID         EnvironmentID
	ProjectID  ProjectID
	Slug       string
	Name       string
	Production bool
	Settings   Settings
	// Version counts the edits of Name and Settings, from 1.
	Version   int64
	CreatedAt time.Time
	// DeletedAt is when it was deleted: such a one is shown to nobody, and goes. Zero: it was not.
	DeletedAt time.Time
}

// Settings are what an operator may change about an environment while it runs.
type Settings struct {
	// GuestSignIn lets players in with nothing but a device secret.
	GuestSignIn bool
	// EmailSignIn lets players in with an e-mail address and a password.
	EmailSignIn bool
	// AccessTokenLifetime is how long a player's access token is good: 1 minute to 24 hours.
	AccessTokenLifetime time.Duration
	// RefreshTokenLifetime is how long a session lives unused: 1 hour to 400 days.
	RefreshTokenLifetime time.Duration
	// ClockOffset moves the environment's clock, within ±10 years; zero in production.
	ClockOffset time.Duration
	// CORSOrigins are the web origins that may call from a browser, or "*"; none by default.
	CORSOrigins []string
	// ServerBrowsing says who, besides servers and operators, may look for game
	// servers, and of those players take seats.
	ServerBrowsing Browsing
}

// Browsing is how far something is shown.
type Browsing string

const (
	BrowsedByPlayers  Browsing = "players"     // signed-in players
	BrowsedByAll      Browsing = "publishable" // publishable keys too, so anybody
	BrowsedByNoPlayer Browsing = "servers"     // servers and operators alone
)

// Lets tells whether a kind of caller sees it.
func (b Browsing) Lets(kind Kind) bool {
	switch kind {
	case PlayerToken:
		return b != BrowsedByNoPlayer
	case PublishableKey:
		return b == BrowsedByAll
	}
	return true
}

// DefaultSettings are those of a new environment.
func DefaultSettings() Settings {
	return Settings{
		GuestSignIn:          true,
		EmailSignIn:          true,
		AccessTokenLifetime:  15 * time.Minute,
		RefreshTokenLifetime: 60 * 24 * time.Hour,
		ServerBrowsing:       BrowsedByPlayers,
	}
}

// MaxAccessTokenLifetime is the longest that any access token can be good.
const MaxAccessTokenLifetime = 24 * time.Hour

const (
	minAccessLifetime  = time.Minute
	minRefreshLifetime = time.Hour
	maxRefreshLifetime = 400 * 24 * time.Hour
	maxClockOffset     = 10 * 366 * 24 * time.Hour
	maxCORSOrigins     = 32
)

// check adds the faults of s under the body pointer "/settings".
func (s Settings) check(production bool, c *fault.Check) {
	within := func(member string, d, low, high time.Duration) {
		if d < low || d > high {
			c.Add("/settings/"+member, "out_of_range", "From %d to %d seconds.", int64(low/time.Second), int64(high/time.Second))
		}
	}
	within("access_token_lifetime_seconds", s.AccessTokenLifetime, minAccessLifetime, MaxAccessTokenLifetime)
	within("refresh_token_lifetime_seconds", s.RefreshTokenLifetime, minRefreshLifetime, maxRefreshLifetime)
	within("clock_offset_seconds", s.ClockOffset, -maxClockOffset, maxClockOffset)
	if production && s.ClockOffset != 0 {
		c.Add("/settings/clock_offset_seconds", "production", "A production environment keeps the system's time.")
	}
	switch s.ServerBrowsing {
	case BrowsedByPlayers, BrowsedByAll, BrowsedByNoPlayer:
	default:
		c.Add("/settings/server_browsing", "not_allowed", "One of players, publishable, servers.")
	}
	if len(s.CORSOrigins) > maxCORSOrigins {
		c.Add("/settings/cors_origins", "too_many", "At most %d origins.", maxCORSOrigins)
	}
	for _, origin := range s.CORSOrigins {
		if origin != "*" && !originPattern.MatchString(origin) {
			c.Add("/settings/cors_origins", "malformed", "An origin is a scheme, a host and perhaps a port, such as https://play.example.com.")
			break
		}
	}
}

// IsSlug tells whether s is made like all names that people give to what has its place in paths: of
// 1 to most lower-case letters, digits and single hyphens between them, beginning with a letter.
func IsSlug(s string, most int) bool { return len(s) <= most && slugPattern.MatchString(s) }

var (
	slugPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	originPattern = regexp.MustCompile(`^https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?$|^https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?$`)
)

const (
	maxSlug = 40
	maxName = 80
)

// NewProject makes a project that keeps the rules of names and slugs.
func NewProject(id ProjectID, slug, name string, now time.Time) (Project, error) {
	var check fault.Check
	checkSlug(&check, slug)
	name = checkName(&check, name, slug)
	return Project{ID: id, Slug: slug, Name: name, CreatedAt: now}, check.Err()
}

// EnvironmentSpec is what an operator says of an environment to be made.
type EnvironmentSpec struct {
	Slug, Name string // no name: it is the slug
	Production bool
}

// NewEnvironment makes an environment with the default settings.
func NewEnvironment(id EnvironmentID, project ProjectID, spec EnvironmentSpec, now time.Time) (Environment, error) {
	var check fault.Check
	checkSlug(&check, spec.Slug)
	name := checkName(&check, spec.Name, spec.Slug)
	return Environment{
		ID: id, ProjectID: project, Slug: spec.Slug, Name: name, Production: spec.Production,
		Settings: DefaultSettings(), Version: 1, CreatedAt: now,
	}, check.Err()
}

// StandardEnvironments are those every new project starts with.
func StandardEnvironments() []EnvironmentSpec {
	return []EnvironmentSpec{
		{"development", "Development", false},
		{"staging", "Staging", false},
		{"production", "Production", true},
	}
}

// Edited gives the environment with a new name and settings, one version on.
func (e Environment) Edited(name string, settings Settings) (Environment, error) {
	var check fault.Check
	e.Name = checkName(&check, name, e.Slug)
	settings.check(e.Production, &check)
	settings.CORSOrigins = slices.Clone(settings.CORSOrigins)
	e.Settings = settings
	e.Version++
	return e, check.Err()
}

// Scope is the way into this environment for code that has loaded it: a worker
// that visits each, or an operator's use case after Principal.Within agreed.
func (e Environment) Scope() Scope { return Scope{project: e.ProjectID, environment: e.ID} }

// Now is the environment's time when the system's is now.
func (e Environment) Now(now time.Time) time.Time { return now.Add(e.Settings.ClockOffset) }

func checkSlug(c *fault.Check, slug string) {
	if !IsSlug(slug, maxSlug) {
		c.Add("/slug", "malformed", "1 to %d lower-case letters, digits and single hyphens, beginning with a letter.", maxSlug)
	}
}

// checkName trims a name and falls back to the slug when none was given.
func checkName(c *fault.Check, name, slug string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		return slug
	}
	if utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, isControl) {
		c.Add("/name", "malformed", "1 to %d characters, none of them control characters.", maxName)
	}
	return name
}

// isControl also tells what is no UTF-8.
func isControl(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
