package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Run proves a datastore. Each call of open gives one of its own, empty and
// migrated; open closes it and removes what it left when its test ends. The
// tests run in parallel.
func Run(t *testing.T, open func(t *testing.T) datastore.Datastore) {
	for _, topic := range []struct {
		name  string
		tests map[string]func(*testing.T, *world)
	}{
		{"Projects", projectTests},
		{"Environments", environmentTests},
		{"Credentials", credentialTests},
		{"Players", playerTests},
		{"Logins", loginTests},
		{"Tickets", ticketTests},
		{"Mails", mailTests},
		{"Sessions", sessionTests},
		{"SigningKeys", signingKeyTests},
		{"Documents", documentTests},
		{"Collections", collectionTests},
		{"Boards", boardTests},
		{"DeletedBoards", deletedBoardTests},
		{"Entries", entryTests},
		{"Quarantines", quarantineTests},
		{"Servers", serverTests},
		{"Bundles", bundleTests},
		{"Configs", configTests},
		{"Rewards", rewardTests},
		{"Audit", auditTests},
		{"Leases", leaseTests},
		{"Runs", runTests},
		{"Custody", custodyTests},
		{"Idempotency", idempotencyTests},
		{"Transactions", txTests},
		{"Calls", callTests},
		{"Isolation", isolationTests},
	} {
		t.Run(topic.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range topic.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, newWorld(t, open(t)))
				})
			}
		})
	}
}

// world is a datastore with a project and three environments: home, where a test
// lives; away, in the same project; and abroad, in another project.
type world struct {
	datastore.Datastore
	ctx                context.Context
	home, away, abroad tenancy.Environment
}

func newWorld(t *testing.T, ds datastore.Datastore) *world {
	t.Helper()
	w := &world{Datastore: ds, ctx: t.Context()}
	p, other := project("game"), project("other-game")
	w.home, w.away, w.abroad = environment(p, "home"), environment(p, "away"), environment(other, "home")
	for _, p := range []tenancy.Project{p, other} {
		must(t, ds.Projects().Create(w.ctx, p))
	}
	for _, e := range []tenancy.Environment{w.home, w.away, w.abroad} {
		must(t, ds.Environments().Create(w.ctx, e))
	}
	return w
}

// here is the scope most tests use.
func (w *world) here() tenancy.Scope { return w.home.Scope() }

// player stores a new player with a login of its own.
func (w *world) player(t *testing.T, scope tenancy.Scope) identity.Player {
	t.Helper()
	p := player()
	must(t, w.Players().Create(w.ctx, scope, identity.Newcomer{Player: p, Login: login(p)}))
	return p
}

// start is the time of the suite, to the microsecond and not to a round number.
var start = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

func later(d time.Duration) time.Time { return start.Add(d) }

var ids atomic.Uint64

// newID gives identifiers that look like UUIDv7 and sort in the order they were made.
func newID() string {
	n := ids.Add(1)
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", n>>16, n&0xffff, n)
}

func project(slug string) tenancy.Project {
	return tenancy.Project{ID: tenancy.ProjectID(newID()), Slug: slug, Name: "The " + slug, CreatedAt: start}
}

func environment(p tenancy.Project, slug string) tenancy.Environment {
	settings := tenancy.DefaultSettings()
	settings.CORSOrigins = []string{}
	return tenancy.Environment{
		ID: tenancy.EnvironmentID(newID()), ProjectID: p.ID, Slug: slug, Name: "The " + slug, Settings: settings, Version: 1, CreatedAt: start,
	}
}

func player() identity.Player {
	return identity.NewPlayer(identity.PlayerID(newID()), start)
}

func login(p identity.Player) identity.Login {
	l := identity.Login{Method: identity.Guest, Player: p.ID, CreatedAt: start}
	copy(l.Subject[:], p.ID)
	return l
}

func session(p identity.Player) identity.Session {
	s := identity.NewSession(identity.SessionID(newID()), p.ID, start, time.Hour)
	s.Client, s.Address = "Game/1.0 (日本語)", "2001:db8::1"
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get is for calls that give a value: get(t)(ds.Projects().Get(…)).
func get[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// fails demands an error that is the given one.
func fails(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// second is the error of a call that also gives a value.
func second[T any](_ T, err error) error { return err }

// together runs n functions at once and waits for all of them.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	all.Wait()
}

// ladder is text in the order of its bytes, which is not the order of any language:
// upper case before lower, accents after z, and the astral planes after the rest.
var ladder = []string{"A", "Z", "_", "a", "aa", "a\u0301", "b", "z", "~", "ß", "é", "ﬀ", "�", "😀"}

// every pair of a ladder differs only in ways that a lax database ignores.
var lookalikes = []string{"straße", "STRASSE", "strasse", "Strasse", "strasse ", "e\u0301", "\u00e9", "i", "İ", "ı", "'; --", `\`, "?", "%", "_"}

func joined[T any](items []T, name func(T) string) string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = name(item)
	}
	return strings.Join(names, " ")
}
