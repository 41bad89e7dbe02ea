package registry

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Filter says which servers are looked for. Its zero value lets all through.
type Filter struct {
	// Region, Mode, Map and Version are what a server must have exactly; empty: any.
	Region, Mode, Map, Version string
	AllTags                    []string // it must have all of them
	AnyTags                    []string // it must have one of them, if there are any
	// MinFree is how many seats must be free.
	MinFree int
	// NotEmpty wants somebody to be there.
	NotEmpty bool
	// NameContains is a part of the name, in either case.
	NameContains string
}

// Normal gives the filter in the one form that all who mean the same have.
func (f Filter) Normal() Filter {
	f.AllTags, f.AnyTags = slices.Compact(slices.Sorted(slices.Values(f.AllTags))), slices.Compact(slices.Sorted(slices.Values(f.AnyTags)))
	f.NameContains = strings.ToLower(f.NameContains)
	return f
}

// Shown is a living server as lists show it, counted at one moment.
type Shown struct {
	Server
	Occupancy
	folded string // the name without case
}

// Show counts a server for lists.
func Show(s Server, now time.Time) Shown {
	return Shown{Server: s, Occupancy: s.Occupancy(now), folded: strings.ToLower(s.Name)}
}

// Lets tells whether the filter, which must be Normal, lets the server through.
func (f Filter) Lets(s *Shown) bool {
	return (f.Region == "" || f.Region == s.Region) && (f.Mode == "" || f.Mode == s.Mode) &&
		(f.Map == "" || f.Map == s.Map) && (f.Version == "" || f.Version == s.Version) &&
		s.Free >= f.MinFree && (!f.NotEmpty || s.Occupancy.Players > 0) &&
		!slices.ContainsFunc(f.AllTags, func(t string) bool { return !slices.Contains(s.Tags, t) }) &&
		(len(f.AnyTags) == 0 || slices.ContainsFunc(f.AnyTags, func(t string) bool { return slices.Contains(s.Tags, t) })) &&
		strings.Contains(s.folded, f.NameContains)
}

// Sort is an order of servers.
type Sort string

const (
	ByPlayers Sort = "players"    // most players first
	ByFree    Sort = "free_seats" // most free seats first
	ByName    Sort = "name"
	ByNewest  Sort = "newest" // the latest registration first
)

// Sorts lists every order; the first is that of who doesn't say.
func Sorts() []Sort { return []Sort{ByPlayers, ByFree, ByName, ByNewest} }

// Position is a place in a sorted list: that of a server as it was.
type Position struct {
	Number int64  // what is sorted by, but for ByName
	Name   string // for ByName
	ID     ServerID
}

// At gives the place of a server.
func (by Sort) At(s *Shown) Position {
	p := Position{ID: s.ID}
	switch by {
	case ByFree:
		p.Number = int64(s.Free)
	case ByName:
		p.Name = s.folded
	case ByNewest:
		p.Number = s.RegisteredAt.UnixMicro()
	default:
		p.Number = int64(s.Occupancy.Players)
	}
	return p
}

// Compare tells which of two places comes first. Equal ones are told apart by their ids.
func (by Sort) Compare(a, b Position) int {
	return cmp.Or(cmp.Compare(b.Number, a.Number), strings.Compare(a.Name, b.Name), strings.Compare(string(a.ID), string(b.ID)))
}
