package composetest

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/argon2"
	"github.com/overworldhq/overworld/adapters/blobstore"
	"github.com/overworldhq/overworld/adapters/cron"
	"github.com/overworldhq/overworld/adapters/jsonschema"
	"github.com/overworldhq/overworld/adapters/jwt"
	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/adapters/sqlstore/postgres"
	"github.com/overworldhq/overworld/adapters/sqlstore/sqlite"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

// World is one replica and what it stands on.
type World struct {
	*compose.App
	Ports compose.Ports
	Clock *Clock
	Mail  *Mailbox
}

// Epoch is the time at which every world begins.
var Epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// New builds a replica on a database of its own.
func New(t testing.TB) *World {
	t.Helper()
	return At(t, file(t))
}

// At builds a replica on the database at the address, which it migrates.
func At(t testing.TB, address string) *World {
	t.Helper()
	clock := NewClock(Epoch)
	mailbox := &Mailbox{}
	ports := compose.Ports{
		Store: open(t, clock, address), Limiter: memory.NewLimiter(clock), Revocations: memory.NewRevocations(clock), Ranks: memory.NewRanks(clock), Blobs: Blobs(t),
		Tokens: jwt.Tokens{}, JoinTickets: jwt.Tickets{}, Manifests: jwt.Manifests{}, Clock: clock, IDs: system.IDs{}, Random: system.Random{},
		Vault: system.NewVault([system.MasterKeySize]byte{1}), Issuer: "test", Schemas: jsonschema.Compiler{}, Calendar: cron.Reader{}, Limits: limits.Default(),
		Passwords: argon2.New(argon2.Parameters{Memory: 64, Time: 1, Threads: 1}, system.Random{}), Mail: mailbox, MailFrom: "game@example.com",
	}
	w := &World{App: compose.New(ports), Ports: ports, Clock: clock, Mail: mailbox}
	if err := w.Custody.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w
}

// Replica builds another replica on the same database. change, if not nil,
// exchanges what it doesn't share.
func (w *World) Replica(change func(*compose.Ports)) *World {
	ports := w.Ports
	if change != nil {
		change(&ports)
	}
	return &World{App: compose.New(ports), Ports: ports, Clock: w.Clock, Mail: w.Mail}
}

// Store opens and migrates a SQLite file that goes with the test.
func Store(t testing.TB, clock clock.Clock) datastore.Datastore {
	t.Helper()
	return open(t, clock, file(t))
}

// Blobs opens an object store in a folder that goes with the test.
func Blobs(t testing.TB) blob.Store {
	t.Helper()
	kit := plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}}
	store, err := plugin.NewRegistry(blobstore.Plugin).Blobs.Open(context.Background(), "file://"+filepath.ToSlash(t.TempDir()), kit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func file(t testing.TB) string {
	return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "world.db"))
}

func open(t testing.TB, clock clock.Clock, address string) datastore.Datastore {
	t.Helper()
	registry := plugin.NewRegistry(sqlite.Plugin, postgres.Plugin)
	store, err := registry.Databases.Open(context.Background(), address, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := store.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return store
}

// Operator is the CLI's principal, which may do anything.
func Operator() tenancy.Principal { return tenancy.Local("tester") }

// Project makes a project with its standard environments.
func (w *World) Project(t testing.TB, slug string) tenancy.Project {
	t.Helper()
	made, err := w.Operators.CreateProject(context.Background(), Operator(), slug, "", operators.FirstCredentials{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Project
}

// Issue makes a credential of the place, with all scopes unless spec names some.
func (w *World) Issue(t testing.TB, place operators.Place, spec tenancy.CredentialSpec) (tenancy.Credential, string) {
	t.Helper()
	if spec.Name == "" {
		spec.Name = "test"
	}
	if spec.Scopes == nil && spec.Kind != tenancy.PublishableKey {
		spec.Scopes = []tenancy.Permission{tenancy.Everything}
	}
	credential, token, err := w.Operators.CreateCredential(context.Background(), Operator(), place, spec)
	if err != nil {
		t.Fatal(err)
	}
	return credential, token
}

// Caller is the principal of a new credential of a kind, of the place.
func (w *World) Caller(t testing.TB, place operators.Place, kind tenancy.Kind) tenancy.Principal {
	t.Helper()
	_, token := w.Issue(t, place, tenancy.CredentialSpec{Kind: kind})
	return w.Enter(t, token)
}

// Enter authenticates a bearer credential that must be good.
func (w *World) Enter(t testing.TB, bearer string) tenancy.Principal {
	t.Helper()
	p, err := w.Authenticate(bearer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// MayLook lets everybody try credentials.
func MayLook(context.Context) error { return nil }

// Authenticate tries a bearer credential.
func (w *World) Authenticate(bearer string) (tenancy.Principal, error) {
	return w.Authenticator.Authenticate(context.Background(), bearer, netip.MustParseAddr("192.0.2.1"), MayLook)
}

// Guest signs a new player in.
func (w *World) Guest(t testing.TB, client tenancy.Principal) signin.Grant {
	t.Helper()
	grant, err := w.SignIn.Guest(context.Background(), client, "", signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

// Audit gives the events of a kind in a project, newest first.
func (w *World) Audit(t testing.TB, project tenancy.Project, action audit.Action) []audit.Event {
	t.Helper()
	events, err := w.Operators.Audit(context.Background(), Operator(), operators.Place{Project: project.Slug}, audit.Query{Action: action, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return events
}
