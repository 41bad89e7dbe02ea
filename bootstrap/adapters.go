package bootstrap

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/fx"

	"github.com/overworldhq/overworld/adapters/argon2"
	"github.com/overworldhq/overworld/adapters/cron"
	"github.com/overworldhq/overworld/adapters/jsonschema"
	"github.com/overworldhq/overworld/adapters/jwt"
	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/mailing"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/bootstrap/tracing"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/recurrence"
	"github.com/overworldhq/overworld/ports/schema"
	"github.com/overworldhq/overworld/ports/secrets"
)

// checkAddresses tells of every adapter URL that no plugin can open, before any is opened.
func checkAddresses(c *config.Config, registry *plugin.Registry) error {
	return errors.Join(registry.Databases.Check(c.Database), registry.Caches.Check(c.Cache), registry.Blobs.Check(c.Blobs), registry.Mail.Check(c.Mail))
}

func newKit(logger *slog.Logger, clock clock.Clock) plugin.Kit {
	return plugin.Kit{Logger: logger, Clock: clock}
}

func openDatabase(c *config.Config, registry *plugin.Registry, kit plugin.Kit) (datastore.Datastore, error) {
	return registry.Databases.Open(context.Background(), c.Database, kit)
}

func openCache(c *config.Config, registry *plugin.Registry, kit plugin.Kit) (cache.Cache, error) {
	return registry.Caches.Open(context.Background(), c.Cache, kit)
}

func openBlobs(c *config.Config, registry *plugin.Registry, kit plugin.Kit) (blob.Store, error) {
	store, err := registry.Blobs.Open(context.Background(), c.Blobs, kit)
	if err != nil {
		return nil, err
	}
	return tracing.Blobs(store), nil
}

func openMail(c *config.Config, registry *plugin.Registry, kit plugin.Kit) (mail.Sender, error) {
	return registry.Mail.Open(context.Background(), c.Mail, kit)
}

func newPasswords(random secrets.Random) secrets.Passwords {
	return argon2.New(argon2.Recommended, random)
}

func newClock() clock.Clock                    { return system.Clock{} }
func newIDs() ids.Source                       { return system.IDs{} }
func newRandom() secrets.Random                { return system.Random{} }
func newSchemas() schema.Compiler              { return jsonschema.Compiler{} }
func newCalendar() recurrence.Reader           { return cron.Reader{} }
func newTokens() identity.AccessTokens         { return jwt.Tokens{} }
func newIssuer(c *config.Config) access.Issuer { return access.Issuer(c.Issuer) }

// newVault finds the master key: the configured one, or with an embedded
// database the one in the data folder, made on the first start.
func newVault(c *config.Config, store datastore.Datastore, random secrets.Random) (secrets.Vault, error) {
	text := c.MasterKey
	if text == "" {
		if !store.Exclusive() {
			return nil, errors.New("master_key: replicas share one, so it can't be made here; make one with 'openssl rand -hex 32' and set " + config.EnvironmentPrefix + "MASTER_KEY to it for each of them")
		}
		var err error
		if text, err = keptMasterKey(filepath.Join(c.Data, "master.key"), random); err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
	}
	key, err := system.ParseMasterKey(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("master_key: %w", err)
	}
	return system.NewVault(key), nil
}

// keptMasterKey reads the key in a file, or makes one. A key is linked into
// place whole, so of two processes that make one at once both use the first.
func keptMasterKey(path string, random secrets.Random) (string, error) {
	kept, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(kept), err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	var key [system.MasterKeySize]byte
	random.Fill(key[:])
	fresh, err := os.CreateTemp(filepath.Dir(path), ".master-*.key") // CreateTemp makes it 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(fresh.Name())
	_, err = fmt.Fprintln(fresh, hex.EncodeToString(key[:]))
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return "", err
	}
	if err := os.Link(fresh.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	kept, err = os.ReadFile(path)
	return string(kept), err
}

type limiterIn struct {
	fx.In

	Cache  cache.Cache
	Clock  clock.Clock
	Logger *slog.Logger
	State  *degradation
}

// newLimiter counts for this process alone while a shared cache is away.
func newLimiter(lc fx.Lifecycle, in limiterIn) limiter.Limiter {
	if !in.Cache.Shared() {
		return in.Cache.Limiter()
	}
	replica := limiter.NewReplica(in.Cache.Limiter(), memory.NewLimiter(in.Clock), func(degraded bool, err error) {
		in.State.set("rate_limits", degraded)
		if degraded {
			in.Logger.Warn("the cache is away: each replica counts rate limits by itself", "error", err)
			return
		}
		in.Logger.Info("the cache is back: rate limits are shared again")
	})
	lc.Append(fx.StopHook(replica.Close))
	return replica
}

type portsIn struct {
	fx.In

	Config  *config.Config
	Store   datastore.Datastore
	Cache   cache.Cache
	Blobs   blob.Store
	Limiter limiter.Limiter
	Tokens  identity.AccessTokens
	Clock   clock.Clock
	IDs     ids.Source
	Random  secrets.Random
	Vault   secrets.Vault
	Issuer  access.Issuer
	Traces  *tracing.Provider `optional:"true"` // only a server has any
	Schemas schema.Compiler

	Calendar  recurrence.Reader
	Passwords secrets.Passwords
	Mail      mail.Sender
}

func newPorts(in portsIn) compose.Ports {
	return compose.Ports{
		Tracer: in.Traces.Tracer(),
		Store:  in.Store, Limiter: in.Limiter, Revocations: in.Cache.Revocations(), Ranks: in.Cache.Ranks(), Blobs: in.Blobs, Tokens: in.Tokens, JoinTickets: jwt.Tickets{}, Manifests: jwt.Manifests{},
		Clock: in.Clock, IDs: in.IDs, Random: in.Random, Vault: in.Vault, Issuer: in.Issuer, Schemas: in.Schemas, Calendar: in.Calendar, Limits: in.Config.Limits,
		Passwords: in.Passwords, Mail: in.Mail, MailFrom: mailing.From(in.Config.MailFrom),
	}
}
