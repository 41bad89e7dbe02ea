package servers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Group is the living servers of one region and mode of an environment.
type Group struct {
	Environment tenancy.EnvironmentID
	Region      string
	Mode        string
	Servers     map[registry.State]int
	Seats       int // of all of them
	registry.Occupancy
}

const (
	// groups bounds those of one environment, since servers say what regions and modes
	// there are. What is past it is counted as Others.
	groups = 100
	// Others is the region and the mode of what is past the bound.
	Others = "others"
	// censusTime bounds how long a census takes.
	censusTime = 2 * time.Second
)

// Census counts the servers of the environments that this process has heard of
// within the last minute, from its servers or from those who look for them.
func (u *UseCases) Census(ctx context.Context) []Group {
	ctx, cancel := context.WithTimeout(ctx, censusTime)
	defer cancel()
	var all []Group
	for scope, b := range u.gallery.lately() {
		picture, err := u.gallery.current(ctx, scope, b, nil)
		if err != nil {
			continue // of this one nothing is known now, which is what a gap says
		}
		all = append(all, picture.census(scope.Environment(), u.parts.Clock.Now())...)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return strings.Compare(string(a.Environment)+"\x00"+a.Region+"\x00"+a.Mode, string(b.Environment)+"\x00"+b.Region+"\x00"+b.Mode)
	})
	return all
}

func (p *picture) census(environment tenancy.EnvironmentID, now time.Time) []Group {
	found := map[[2]string]*Group{}
	for _, s := range p.known {
		if !s.Alive(now) {
			continue
		}
		name := [2]string{s.Region, s.Mode}
		if found[name] == nil && len(found) >= groups {
			name = [2]string{Others, Others}
		}
		g := found[name]
		if g == nil {
			g = &Group{Environment: environment, Region: name[0], Mode: name[1], Servers: map[registry.State]int{}}
			found[name] = g
		}
		o := s.Occupancy(now)
		g.Servers[s.State]++
		g.Seats += s.MaxPlayers
		g.Players, g.Reserved, g.Free = g.Players+o.Players, g.Reserved+o.Reserved, g.Free+o.Free
	}
	all := make([]Group, 0, len(found))
	for _, g := range found {
		all = append(all, *g)
	}
	return all
}
