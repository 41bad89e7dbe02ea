package servers_test

import (
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	databases "github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { databases.Main(m) }

// fleet is an environment with servers, on a clock that the test moves.
type fleet struct {
	*composetest.World
	t      testing.TB
	server tenancy.Principal
	client tenancy.Principal
}

var place = operators.Place{Project: "game", Environment: "development"}

func newFleet(t testing.TB, w *composetest.World) *fleet {
	t.Helper()
	w.Project(t, "game")
	return &fleet{World: w, t: t, server: w.Caller(t, place, tenancy.ServerToken), client: w.Caller(t, place, tenancy.PublishableKey)}
}

// engines are the databases that seats are tried on.
var engines = map[string]func(t testing.TB) *composetest.World{
	"sqlite":   func(t testing.TB) *composetest.World { return composetest.New(t) },
	"postgres": func(t testing.TB) *composetest.World { return composetest.At(t, databases.Postgres(t)) },
}

func announced(seats int) registry.Announcement {
	return registry.Announcement{Address: registry.Address{Host: "192.0.2.1", Ports: map[string]int{"game": 7777}}, MaxPlayers: seats}
}

// open registers a server that is ready.
func (f *fleet) open(id registry.ServerID, a registry.Announcement) servers.Named {
	f.t.Helper()
	s, err := f.Servers.Register(f.t.Context(), f.server, id, a, registry.Ready)
	if err != nil {
		f.t.Fatal(err)
	}
	return servers.Named{ID: s.ID, Generation: s.Generation}
}

func (f *fleet) beat(n servers.Named) error {
	_, err := f.Servers.Heartbeat(f.t.Context(), f.server, n, registry.Beat{})
	return err
}

// player signs a new player in.
func (f *fleet) player() (tenancy.Principal, identity.PlayerID) {
	f.t.Helper()
	p := f.Enter(f.t, f.Guest(f.t, f.client).AccessToken)
	id, _ := identity.Caller(p)
	return p, id
}

// listed gives the ids of the servers that are shown.
func (f *fleet) listed(filter registry.Filter) []registry.ServerID {
	f.t.Helper()
	page, err := f.Servers.Browse(f.t.Context(), f.server, servers.Query{Filter: filter.Normal(), Sort: registry.ByName, Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	ids := []registry.ServerID{}
	for _, s := range page.Servers {
		ids = append(ids, s.ID)
	}
	return ids
}

const moment = time.Microsecond
