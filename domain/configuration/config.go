package configuration

import (
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Readers says who reads a config.
type Readers string

const (
	// Public is read with the key that ships in the game, too.
	Public Readers = "public"
	// Players is read by signed-in players and by servers.
	Players Readers = "player"
	// Servers is read by servers alone.
	Servers Readers = "server"
)

// Declaration is what an operator says of a config.
type Declaration struct {
	// Schema is a JSON Schema that every bundle of a release must satisfy; nil: any bytes.
	Schema  []byte
	Readers Readers
}

// Config is a name under which releases are made.
type Config struct {
	Name string
	Declaration
	// Version is from the count of all changes to the environment's configs, so
	// that it is never used again.
	Version int64
	// Release is the number of the current one; 0: there is none yet.
	Release   int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Wider tells whether somebody of r reads what others may not.
func (r Readers) Wider(others Readers) bool {
	order := []Readers{Servers, Players, Public}
	return slices.Index(order, r) > slices.Index(order, others)
}

// MaxName bounds the name of a config.
const MaxName = 64

// ValidName tells whether a config may have the name.
func ValidName(name string) bool { return tenancy.IsSlug(name, MaxName) }

// NewConfig makes a config that has no release yet. Its version is the caller's to fill.
func NewConfig(name string, declaration Declaration, schemaBytes int, now time.Time) (Config, error) {
	c := Config{Name: name, CreatedAt: now}
	if !ValidName(name) {
		return c, ErrName
	}
	return c.Declared(declaration, schemaBytes, now)
}

// Declared gives the config with another declaration. Whether the schema is one is
// not checked here, but that it has at most so many bytes.
func (c Config) Declared(d Declaration, schemaBytes int, now time.Time) (Config, error) {
	var check fault.Check
	if d.Readers == "" {
		d.Readers = Players
	}
	if !slices.Contains([]Readers{Public, Players, Servers}, d.Readers) {
		check.Add("/readers", "not_allowed", "One of public, player, server.")
	}
	if len(d.Schema) > schemaBytes {
		check.Add("/schema", "too_large", "At most %d bytes without white space.", schemaBytes)
	}
	c.Declaration, c.UpdatedAt = d, now
	return c, check.Err()
}
