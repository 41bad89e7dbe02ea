package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// seat is a promised seat and the ticket to it.
type seat struct {
	Player    string    `json:"player"`
	Seat      int       `json:"seat" doc:"Its number, from 1."`
	Ticket    string    `json:"ticket" doc:"A join ticket: the player shows it to the server, which verifies it with the environment's public keys. It admits him once."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the seat is free again, unless the server has admitted the player."`
}

// reservation is seats of one server, and where it is.
type reservation struct {
	Server     string       `json:"server_id"`
	Generation int64        `json:"generation"`
	Name       string       `json:"name"`
	Address    shownAddress `json:"address"`
	Seats      []seat       `json:"seats" doc:"In the order of the players."`
}

func reservationOf(_ *call, r servers.Reservation) *reservation {
	shown := &reservation{
		Server: string(r.Server.ID), Generation: r.Server.Generation, Name: r.Server.Name,
		Address: shownAddress{r.Server.Address.Host, r.Server.Address.Ports}, Seats: make([]seat, len(r.Seats)),
	}
	for i, s := range r.Seats {
		shown.Seats[i] = seat{Player: string(s.Player), Seat: s.Number, Ticket: s.Ticket, ExpiresAt: s.Until}
	}
	return shown
}

// admission is a player who is on a server.
type admission struct {
	Player     string    `json:"player"`
	Seat       int       `json:"seat"`
	AdmittedAt time.Time `json:"admitted_at"`
}

type (
	seatReserve struct {
		serverPath
		Body struct {
			Player string `json:"player,omitempty" doc:"For whom, by id. Servers and operators say it; players reserve for themselves."`
		}
	}
	playerAdmit struct {
		serverPath
		Body struct {
			Generation int64  `json:"generation"`
			Ticket     string `json:"ticket,omitempty" doc:"The join ticket that the player showed. It is used up."`
			Player     string `json:"player,omitempty" doc:"Without a ticket: the player whom the server lets in by itself."`
		}
	}
	playerLeave struct {
		serverDelete
		playerPath
	}
	serverAllocate struct {
		Body struct {
			Players  []string         `json:"players" doc:"The party, by ids. GET /v1/limits tells how many there may be."`
			Strategy string           `json:"strategy,omitempty" enum:"packed,spread" doc:"packed, if absent: the fullest server that has room. spread: the emptiest."`
			Filter   allocationFilter `json:"filter,omitempty"`
		}
	}
	// allocationFilter says which servers will do. What is absent doesn't matter.
	allocationFilter struct {
		Region  string   `json:"region,omitempty"`
		Mode    string   `json:"mode,omitempty"`
		Map     string   `json:"map,omitempty"`
		Version string   `json:"version,omitempty"`
		AllTags []string `json:"tags_all,omitempty"`
		AnyTags []string `json:"tags_any,omitempty"`
	}
)

func seatRoutes(o Options) []route {
	const one = "/v1/servers/{server}"
	h := serverHandlers{o}
	own := runtime(serverToken(tenancy.RegistryWrite))
	return []route{
		change(route{
			Method: http.MethodPost, Path: one + "/seats", ID: "reserveSeat", Tag: "Servers", Class: limits.Write, Statuses: []int{http.StatusCreated},
			Summary: "Reserve a seat",
			Description: "Of any number of callers who want the last one, one gets it; the others get 409 registry.full. Who has a reservation gets it again, and who is on the server gets a " +
				"ticket to come back. Players need to be let by the environment's server_browsing, and can ask only so often.",
		}, runtime(player(), serverToken(tenancy.RegistryWrite), secretKey(tenancy.RegistryWrite)), reservationOf, h.reserve),
		change(route{
			Method: http.MethodPost, Path: one + "/players", ID: "admitPlayer", Tag: "Servers", Class: limits.Write,
			Summary: "Let a player take his seat",
			Description: "By the ticket that he showed, which is then used up: shown again it is 409 registry.ticket_used. " +
				"Or by the server's own word, in his reserved seat or a free one.",
		}, own, func(_ *call, s registry.Seat) *admission {
			return &admission{Player: string(s.Player), Seat: s.Number, AdmittedAt: s.AdmittedAt}
		}, h.admit),
		change(route{
			Method: http.MethodDelete, Path: one + "/players/{player}", ID: "removePlayer", Tag: "Servers", Class: limits.Write,
			Statuses: []int{http.StatusNoContent}, Summary: "Free a player's seat", Description: "He has left, or his reservation is not wanted any more.",
		}, own, done, func(ctx context.Context, c *call, in *playerLeave, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			n, err := in.named(c)
			if err != nil {
				return none, err
			}
			who, err := in.id(c)
			if err != nil {
				return none, err
			}
			return none, o.Servers.Leave(ctx, c.principal, n, who, tell)
		}),
		change(route{
			Method: http.MethodPost, Path: "/v1/servers:allocate", ID: "allocateSeats", Tag: "Servers", Class: limits.Write, Statuses: []int{http.StatusCreated},
			Summary: "Find a server for a party and reserve its seats", Description: "A ready one that the filter lets through, with seats for all, or 409 registry.none_available.",
		}, runtime(serverToken(tenancy.RegistryWrite), secretKey(tenancy.RegistryWrite)), reservationOf, h.allocate),
	}
}

func (h serverHandlers) reserve(ctx context.Context, c *call, in *seatReserve, tell once.Effect[servers.Reservation]) (none servers.Reservation, _ error) {
	id, err := in.server()
	if err != nil {
		return none, err
	}
	caller, isPlayer := identity.Caller(c.principal)
	if isPlayer && in.Body.Player == "" {
		return h.Servers.Reserve(ctx, c.principal, id, caller, tell)
	}
	canonical, ok := canonicalID(in.Body.Player)
	switch {
	case isPlayer && canonical != string(caller):
		return none, fault.ErrInvalid.WithFields(fault.Body("/player", "not_allowed", "Players reserve for themselves."))
	case !ok:
		return none, fault.ErrInvalid.WithFields(fault.Body("/player", "malformed", "A player's id."))
	}
	return h.Servers.Reserve(ctx, c.principal, id, identity.PlayerID(canonical), tell)
}

func (h serverHandlers) admit(ctx context.Context, c *call, in *playerAdmit, tell once.Effect[registry.Seat]) (none registry.Seat, _ error) {
	id, err := in.server()
	if err != nil {
		return none, err
	}
	a := servers.Admission{Ticket: in.Body.Ticket}
	if in.Body.Player != "" || a.Ticket == "" {
		canonical, ok := canonicalID(in.Body.Player)
		if !ok {
			return none, fault.ErrInvalid.WithFields(fault.Body("/player", "malformed", "A player's id, or a ticket without one."))
		}
		a.Player = identity.PlayerID(canonical)
	}
	return h.Servers.Admit(ctx, c.principal, servers.Named{ID: id, Generation: in.Body.Generation}, a, tell)
}

func (h serverHandlers) allocate(ctx context.Context, c *call, in *serverAllocate, tell once.Effect[servers.Reservation]) (none servers.Reservation, _ error) {
	b := in.Body
	var check fault.Check
	if most := h.Limits.PartyPlayers; len(b.Players) < 1 || len(b.Players) > most {
		check.Add("/players", "out_of_range", "From 1 to %d players.", most)
	}
	strategy := servers.Strategy(b.Strategy)
	switch strategy {
	case "":
		strategy = servers.Packed
	case servers.Packed, servers.Spread:
	default:
		check.Add("/strategy", "not_allowed", "packed or spread.")
	}
	f := b.Filter
	for _, word := range [][2]string{{"region", f.Region}, {"mode", f.Mode}, {"map", f.Map}, {"version", f.Version}} {
		if word[1] != "" && !registry.ValidWord(word[1]) {
			check.Add("/filter/"+word[0], "malformed", "At most 64 characters, none of them control characters.")
		}
	}
	for name, tags := range [][]string{f.AllTags, f.AnyTags} {
		if len(tags) > maxFilterTags || slices.ContainsFunc(tags, func(t string) bool { return !registry.ValidTag(t) }) {
			check.Add([]string{"/filter/tags_all", "/filter/tags_any"}[name], "malformed", "At most %d tags.", maxFilterTags)
		}
	}
	players, err := playerIDs("/players", b.Players)
	if err := fault.BothInvalid(check.Err(), err); err != nil {
		return none, err
	}
	filter := registry.Filter{Region: f.Region, Mode: f.Mode, Map: f.Map, Version: f.Version, AllTags: f.AllTags, AnyTags: f.AnyTags}
	return h.Servers.Allocate(ctx, c.principal, servers.Party{Players: players, Filter: filter, Strategy: strategy}, tell)
}
