package configuration

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Bundles stores what is known of bundles; their bytes are in the object store.
type Bundles interface {
	// Save stores a bundle. If there is one of its hash, that gets the TouchedAt
	// and is given, with created false. ErrEnvironmentNotFound when the environment is gone.
	Save(ctx context.Context, scope tenancy.Scope, bundle Bundle) (stored Bundle, created bool, err error)
	// Get is ErrBundleNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, hash Hash) (Bundle, error)
	// GetMany gives the bundles that there are of the hashes, in any order.
	GetMany(ctx context.Context, scope tenancy.Scope, hashes []Hash) ([]Bundle, error)
	// List gives up to limit bundles, the latest CreatedAt first, after a place.
	List(ctx context.Context, scope tenancy.Scope, after BundlePlace, limit int) ([]Bundle, error)
	// Objects gives those of the objects that are a bundle's, in any order.
	Objects(ctx context.Context, scope tenancy.Scope, objects []string) ([]string, error)
	// Purge deletes up to limit bundles that no release names and that were touched
	// before the given time, and gives them.
	Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) ([]Bundle, error)
}

// BundlePlace is where a bundle stands in a list; zero is before the first.
type BundlePlace struct {
	At   time.Time
	Hash Hash
}

// Configs stores configs and their releases.
type Configs interface {
	// Version counts the changes to any config of the environment; 0: there was none.
	Version(ctx context.Context, scope tenancy.Scope) (int64, error)
	// NextVersion takes the version of a change. Until its transaction ends, no
	// other takes one; the caller looks at what is stored after it.
	NextVersion(ctx context.Context, scope tenancy.Scope) (int64, error)
	// Get is ErrConfigNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, name string) (Config, error)
	// List gives up to limit configs with names after the given one, bytewise.
	List(ctx context.Context, scope tenancy.Scope, after string, limit int) ([]Config, error)
	// Save stores a config in the place of any of its name.
	Save(ctx context.Context, scope tenancy.Scope, config Config) error
	// Delete deletes a config with its releases; ErrConfigNotFound when there is none.
	Delete(ctx context.Context, scope tenancy.Scope, name string) error

	// Release stores a release of a config that is there; ErrBundleMissing when
	// there is no bundle that it names.
	Release(ctx context.Context, scope tenancy.Scope, release Release) error
	// GetRelease is ErrReleaseNotFound when there is none.
	GetRelease(ctx context.Context, scope tenancy.Scope, config string, number int) (Release, error)
	// Releases gives up to limit releases of a config, the latest first, with
	// numbers before the given one; 0 is the beginning.
	Releases(ctx context.Context, scope tenancy.Scope, config string, before, limit int) ([]Release, error)
	// Current gives the current release of each config that has one, by name.
	Current(ctx context.Context, scope tenancy.Scope) ([]Release, error)
	// Forget deletes the releases of a config up to a number.
	Forget(ctx context.Context, scope tenancy.Scope, config string, upTo int) error
	// Names tells whether a release of a config names a bundle.
	Names(ctx context.Context, scope tenancy.Scope, config string, hash Hash) (bool, error)
}

// Manifest tells what was released for a caller, for him to prove what he runs.
type Manifest struct {
	Issuer      string
	Environment tenancy.EnvironmentID
	IssuedAt    time.Time
	ExpiresAt   time.Time
	Configs     []Pinned // by name
}

// Pinned is a config's bundle in a manifest.
type Pinned struct {
	Config  string
	Release int
	Bundle  Bundle
}

// Manifests signs manifests, such that nobody takes one for an access token or a join ticket.
type Manifests interface {
	Sign(m Manifest, key identity.SigningKey) (string, error)
}
