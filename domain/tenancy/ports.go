package tenancy

import (
	"context"
	"crypto/sha256"
	"time"
)

// Projects stores the games of an installation.
type Projects interface {
	// Create is ErrSlugTaken when another project has the slug.
	Create(ctx context.Context, project Project) error
	// BySlug and Get are ErrProjectNotFound when there is none.
	BySlug(ctx context.Context, slug string) (Project, error)
	Get(ctx context.Context, id ProjectID) (Project, error)
	// List gives up to limit projects whose slug comes after the given one, by slug.
	List(ctx context.Context, after string, limit int) ([]Project, error)
	// Delete hides a project for good, and all its environments as Environments.Delete does: its slug is free, and
	// none of its credentials is found. ErrProjectNotFound when there is none.
	Delete(ctx context.Context, id ProjectID, now time.Time) error
	// Deleted gives up to limit projects that were deleted and are not purged, by id after the given one.
	Deleted(ctx context.Context, after ProjectID, limit int) ([]Project, error)
	// Purge deletes up to limit credentials of a deleted project, and tells how many. When it was fewer, the
	// project is gone with them. While there is an environment that isn't purged it does nothing.
	// ErrProjectNotFound unless it was deleted.
	Purge(ctx context.Context, id ProjectID, limit int) (deleted int, err error)
}

// Environments stores the worlds of each project.
type Environments interface {
	// Create is ErrSlugTaken when the project has another with the slug, and
	// ErrProjectNotFound when there is no such project (any more).
	Create(ctx context.Context, environment Environment) error
	// BySlug and Get are ErrEnvironmentNotFound when there is none.
	BySlug(ctx context.Context, project ProjectID, slug string) (Environment, error)
	Get(ctx context.Context, id EnvironmentID) (Environment, error)
	// List gives up to limit environments of a project whose slug comes after the given one, by slug.
	List(ctx context.Context, project ProjectID, after string, limit int) ([]Environment, error)
	// All gives up to limit environments of all projects, by id after the given one: for workers.
	All(ctx context.Context, after EnvironmentID, limit int) ([]Environment, error)
	// Update stores name, settings and version when the stored version is one
	// less than the new one; else ErrEnvironmentStale, or ErrEnvironmentNotFound.
	Update(ctx context.Context, environment Environment) error
	// Delete hides an environment for good: none of the above finds it any more, nor Credentials.ByHash its
	// credentials, and its slug is free. What is in it is there until Purge deletes it.
	// ErrEnvironmentNotFound when there is none.
	Delete(ctx context.Context, id EnvironmentID, now time.Time) error
	// Deleted gives up to limit environments that were deleted and are not purged, by id after the given one.
	Deleted(ctx context.Context, after EnvironmentID, limit int) ([]Environment, error)
	// Purge deletes up to limit rows of what a deleted environment has, except audit events, and tells how many.
	// It goes by steps, from 0 on: each call gives the step to go on with, and Purged when all is gone and the environment
	// with it. Whoever doesn't know the step begins at 0 again. ErrEnvironmentNotFound unless it was deleted.
	Purge(ctx context.Context, id EnvironmentID, step, limit int) (next, deleted int, err error)
}

// Purged is the step of Purge after the last.
const Purged = -1

// CredentialOwner says whose credentials are meant: one environment's, or, when
// Environment is empty, those of the whole project.
type CredentialOwner struct {
	Project     ProjectID
	Environment EnvironmentID
}

// Credentials stores keys and tokens.
type Credentials interface {
	// Create is ErrEnvironmentNotFound, or for a whole project's key
	// ErrProjectNotFound, when the owner is gone.
	Create(ctx context.Context, credential Credential) error
	// ByHash finds the credential whose token has the hash, revoked and
	// expired ones too; ErrCredentialNotFound when there is none, or its
	// environment or project was deleted.
	ByHash(ctx context.Context, hash [sha256.Size]byte) (Credential, error)
	// Get is ErrCredentialNotFound unless the owner has it.
	Get(ctx context.Context, owner CredentialOwner, id string) (Credential, error)
	// List gives up to limit of the owner's credentials, newest first,
	// beginning before the given id ("" is the newest).
	List(ctx context.Context, owner CredentialOwner, before string, limit int) ([]Credential, error)
	// Revoke stores RevokedAt of the owner's credential if it has none yet;
	// ErrCredentialNotFound unless the owner has it.
	Revoke(ctx context.Context, owner CredentialOwner, id string, at time.Time) error
	// Touch moves LastUsedAt forward, never back, for each id; one that is gone is no error.
	Touch(ctx context.Context, used map[string]time.Time) error
}
