package servers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/registry"
)

func TestTheCensusCountsByRegionAndMode(t *testing.T) {
	f := newFleet(t, composetest.New(t))
	other := f.Replica(nil)
	for i := range 3 {
		a := announced(4)
		a.Region, a.Mode = "eu", "ctf"
		f.open(registry.ServerID(fmt.Sprintf("s%d", i)), a)
	}
	a := announced(8)
	a.Region = "us"
	if _, err := f.Servers.Register(t.Context(), f.server, "us", a, registry.Starting); err != nil {
		t.Fatal(err)
	}
	_, player := f.player()
	if _, err := f.Servers.Reserve(t.Context(), f.server, "s0", player); err != nil {
		t.Fatal(err)
	}
	got := f.Servers.Census(t.Context())
	if len(got) != 2 || got[0].Region != "eu" || got[0].Servers[registry.Ready] != 3 || got[0].Seats != 12 || got[0].Reserved != 1 || got[0].Free != 11 || got[1].Servers[registry.Starting] != 1 {
		t.Errorf("%+v", got)
	}
	if got := other.Servers.Census(t.Context()); len(got) != 0 {
		t.Errorf("a replica that has heard of none: %+v", got)
	}
	f.Clock.Advance(2 * time.Minute)
	if got := f.Servers.Census(t.Context()); len(got) != 0 {
		t.Errorf("long after: %+v", got)
	}
	for i := range 150 {
		a := announced(1)
		a.Region = fmt.Sprintf("r%d", i)
		f.open(registry.ServerID(a.Region), a)
	}
	got = f.Servers.Census(t.Context())
	seats := 0
	for _, g := range got {
		seats += g.Seats
	}
	if len(got) != 101 || seats != 150 || got[0].Region != servers.Others {
		t.Errorf("%d groups of %d seats, the first %+v", len(got), seats, got[0])
	}
}
