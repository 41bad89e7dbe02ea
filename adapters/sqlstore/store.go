package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/custody"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/ports/lease"
	"github.com/overworldhq/overworld/ports/mail"
)

// Store is an opened database.
type Store struct {
	repos
	shared *shared
}

var (
	_ datastore.Datastore = (*Store)(nil)
	_ datastore.Pooled    = (*Store)(nil)
)

// shared is what the store and its transactions have in common.
type shared struct {
	engine  Engine
	closed  atomic.Bool
	retries atomic.Uint64 // spreads the waits of callers that retry at the same instant
	reader  *bun.DB       // knows how rows are read
	watch   *bun.DB
	texts   sync.Map // of repeated selects: text to string
}

// New makes a store of an engine, which it then owns. It doesn't connect.
func New(engine Engine) *Store {
	s := &shared{engine: engine}
	write := bun.NewDB(engine.Write, engine.Dialect())
	read := write
	if engine.Read != engine.Write {
		read = bun.NewDB(engine.Read, engine.Dialect())
	}
	s.reader, s.watch = read, bun.NewDB(engine.Watch, engine.Dialect())
	return &Store{repos: repos{conn{shared: s, read: read, write: write}}, shared: s}
}

// Exclusive tells whether the engine lets one server process at a time use the data.
func (s *Store) Exclusive() bool { return s.shared.engine.Exclusive }

// Pools tells of the connections.
func (s *Store) Pools() []datastore.Pool {
	if s.shared.engine.Pools == nil {
		return nil
	}
	return s.shared.engine.Pools()
}

// Ping asks the database for an answer, also while all connections of the pools are in use.
func (s *Store) Ping(ctx context.Context) error {
	return s.conn.run(ctx, "ping database", s.shared.watch, true, func(db bun.IDB) error {
		_, err := db.ExecContext(ctx, "SELECT 1")
		return err
	})
}

// Close lets go of the database. Calls still running fail or finish by themselves.
func (s *Store) Close() error {
	if s.shared.closed.Swap(true) {
		return nil
	}
	engine := s.shared.engine
	err := errors.Join(engine.Watch.Close(), engine.Write.Close())
	if engine.Read != engine.Write {
		err = errors.Join(err, engine.Read.Close())
	}
	if engine.Close != nil {
		err = errors.Join(err, engine.Close())
	}
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// repos are the repositories over the pools, or over one transaction.
type repos struct{ conn conn }

var _ datastore.Repos = repos{}

func (r repos) Projects() tenancy.Projects         { return projects{r.conn} }
func (r repos) Environments() tenancy.Environments { return environments{r.conn} }
func (r repos) Credentials() tenancy.Credentials   { return credentials{r.conn} }
func (r repos) Players() identity.Players          { return players{r.conn} }
func (r repos) Sessions() identity.Sessions        { return sessions{r.conn} }
func (r repos) SigningKeys() identity.SigningKeys  { return signingKeys{r.conn} }
func (r repos) Documents() storage.Documents       { return documents{r.conn} }
func (r repos) Collections() storage.Collections   { return collections{r.conn} }
func (r repos) Boards() ranking.Boards             { return boards{r.conn} }
func (r repos) Entries() ranking.Entries           { return entries{r.conn} }
func (r repos) Quarantines() ranking.Quarantines   { return quarantines{r.conn} }
func (r repos) Servers() registry.Servers          { return servers{r.conn} }
func (r repos) Rewards() ranking.Rewards           { return rewards{r.conn} }
func (r repos) Audit() audit.Log                   { return auditLog{r.conn} }
func (r repos) Leases() lease.Leases               { return leases{r.conn} }
func (r repos) Runs() lease.Runs                   { return runs{r.conn} }
func (r repos) Tickets() identity.Tickets          { return tickets{r.conn} }
func (r repos) Mails() mail.Outbox                 { return outbox{r.conn} }
func (r repos) Bundles() configuration.Bundles     { return bundles{r.conn} }
func (r repos) Configs() configuration.Configs     { return configs{r.conn} }
func (r repos) Custody() custody.Records           { return custodies{r.conn} }
func (r repos) Idempotency() idempotency.Records   { return records{r.conn} }
