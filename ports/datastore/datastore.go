// Package datastore is the one source of truth: a transactional database behind
// the repositories that the domains ask for.
package datastore

import (
	"context"
	"errors"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/custody"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/ports/lease"
	"github.com/overworldhq/overworld/ports/mail"
)

// Repos are the repositories of one database, or of one transaction on it.
//
// All of them keep times in UTC to the microsecond, compare identifiers by
// their bytes, give empty lists rather than nil, and fail with
// fault.ErrUnavailable when the database can't be reached and with the
// context's error when that ends first.
type Repos interface {
	Projects() tenancy.Projects
	Environments() tenancy.Environments
	Credentials() tenancy.Credentials
	Players() identity.Players
	Sessions() identity.Sessions
	SigningKeys() identity.SigningKeys
	Documents() storage.Documents
	Collections() storage.Collections
	Boards() ranking.Boards
	Entries() ranking.Entries
	Quarantines() ranking.Quarantines
	Servers() registry.Servers
	Rewards() ranking.Rewards
	Audit() audit.Log
	Leases() lease.Leases
	Runs() lease.Runs
	Idempotency() idempotency.Records
	Tickets() identity.Tickets
	Mails() mail.Outbox
	Bundles() configuration.Bundles
	Configs() configuration.Configs
	Custody() custody.Records
}

// Datastore is an opened database. Its own Repos commit each call by itself.
type Datastore interface {
	Repos
	// InTx runs fn in a transaction and commits when it returns nil; any
	// error, or a panic, rolls back and is passed on. fn may run more than
	// once, because the database may ask for a retry: it must have no effect
	// outside tx, and must not use the Datastore itself. Transactions don't nest.
	InTx(ctx context.Context, fn func(ctx context.Context, tx Repos) error) error
	// Migrate brings the schema up to what this build knows and tells which
	// migrations it applied. Several processes may call it at once.
	Migrate(ctx context.Context) (applied []string, err error)
	// CheckSchema is ErrSchema unless the schema is exactly what this build knows.
	CheckSchema(ctx context.Context) error
	// Exclusive tells whether the engine lets one server process at a time use the data.
	Exclusive() bool
	// Ping asks the database for an answer, and doesn't wait for those who keep every connection busy.
	Ping(ctx context.Context) error
	// Close waits for nothing; later calls fail with ErrClosed.
	Close() error
}

var (
	ErrSchema = fault.New(fault.Unavailable, "datastore.schema", "The database's schema is not the one this version knows; run: overworld migrate")
	ErrClosed = fault.New(fault.Unavailable, "datastore.closed", "The database is closed.")
	// ErrContention ends a transaction that the database asked to retry too often.
	ErrContention = fault.New(fault.Unavailable, "datastore.contention", "Too many writers at once; try again.").After(time.Second)
)

// Errors that say why a database is of no use, for whoever runs it: waiting alone doesn't mend them. What the
// engine said comes with them.
var (
	// ErrDamaged is no fault: to those who send requests it is as any error nobody foresaw.
	ErrDamaged = errors.New("the database is damaged: restore it from a backup, with the server stopped")
	// ErrRefused and ErrReadOnly are causes of fault.ErrUnavailable.
	ErrRefused  = errors.New("the database lets nobody in by this address: correct its user, password and database name, or make there what they name")
	ErrReadOnly = errors.New("the database can be read but not written: is it a standby, or a user that may only read?")
)
