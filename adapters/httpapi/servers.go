package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// serverPath is the game server that a path names. Embed it in the route's input.
type serverPath struct {
	Server string `path:"server" doc:"The server's id."`
}

func (p serverPath) server() (registry.ServerID, error) {
	if !registry.ValidServerID(p.Server) {
		return "", registry.ErrServerNotFound
	}
	return registry.ServerID(p.Server), nil
}

// serverAddress is where players reach a server.
type serverAddress struct {
	Host  string           `json:"host" doc:"An IP address or a DNS name."`
	Ports map[string]int64 `json:"ports" doc:"1 to 16 ports, from 1 to 65535, by what they are for, such as game and query."`
}

// gameServer is a dedicated server as lists show it.
type gameServer struct {
	ID           string         `json:"server_id"`
	Generation   int64          `json:"generation" doc:"Grows with each registration of the id."`
	Name         string         `json:"name" doc:"As the server wrote it: show it as text, never as markup."`
	Region       string         `json:"region,omitempty"`
	Address      shownAddress   `json:"address"`
	Version      string         `json:"version,omitempty"`
	Map          string         `json:"map,omitempty"`
	Mode         string         `json:"mode,omitempty"`
	Tags         []string       `json:"tags"`
	State        string         `json:"state" enum:"starting,ready,draining"`
	MaxPlayers   int            `json:"max_players"`
	PlayerCount  int            `json:"player_count" doc:"Who is there."`
	Reserved     int            `json:"reserved" doc:"Seats promised to players who are not there yet."`
	FreeSeats    int            `json:"free_seats" doc:"max_players less the two."`
	Metadata     jsontext.Value `json:"metadata,omitzero"`
	RegisteredAt time.Time      `json:"registered_at"`
}

// shownAddress is a serverAddress in replies, where numbers that are no int64 stay numbers.
type shownAddress struct {
	Host  string         `json:"host"`
	Ports map[string]int `json:"ports"`
}

func gameServerOf(s registry.Shown) *gameServer {
	shown := &gameServer{
		ID: string(s.ID), Generation: s.Generation, Name: s.Name, Region: s.Region, Version: s.Version, Map: s.Map, Mode: s.Mode,
		Address: shownAddress{s.Address.Host, s.Address.Ports}, Tags: append([]string{}, s.Tags...), State: string(s.State), MaxPlayers: s.MaxPlayers,
		PlayerCount: s.Occupancy.Players, Reserved: s.Reserved, FreeSeats: s.Free, RegisteredAt: s.RegisteredAt,
	}
	if s.Metadata != "" {
		shown.Metadata = jsontext.Value(s.Metadata)
	}
	return shown
}

// registration is what a server is told of itself.
type registration struct {
	ID          string    `json:"server_id"`
	Generation  int64     `json:"generation" doc:"Send it with every call: one with an older generation is refused."`
	State       string    `json:"state" enum:"starting,ready,draining" doc:"draining stays, whoever asked for it."`
	Hidden      bool      `json:"hidden,omitzero" doc:"While draining: lists don't show it."`
	PlayerCount int       `json:"player_count"`
	Reserved    int       `json:"reserved"`
	FreeSeats   int       `json:"free_seats"`
	ExpiresAt   time.Time `json:"expires_at" doc:"When lists show it no more, unless it is heard of before."`
	Heartbeat   int       `json:"heartbeat_seconds" doc:"How often to send a heartbeat."`
}

// announcement is what a server says of itself.
type announcement struct {
	ID         string         `json:"server_id,omitempty" doc:"Its own stable id: 1 to 64 lower-case letters, digits, dots, hyphens and underscores. Absent: it gets one."`
	Name       string         `json:"name,omitempty" doc:"1 to 80 characters; the id if absent."`
	Region     string         `json:"region,omitempty" doc:"Up to 64 characters, as are version, map and mode."`
	Address    serverAddress  `json:"address"`
	Version    string         `json:"version,omitempty"`
	Map        string         `json:"map,omitempty"`
	Mode       string         `json:"mode,omitempty"`
	Tags       []string       `json:"tags,omitempty" doc:"Each 1 to 64 letters, digits, and . _ : + - after the first."`
	MaxPlayers int64          `json:"max_players" doc:"How many seats there are."`
	Metadata   jsontext.Value `json:"metadata,omitempty" doc:"A JSON object for whoever looks at the server."`
	State      string         `json:"state,omitempty" enum:"starting,ready" doc:"ready if absent. One that is starting is not listed, and gives no seats."`
}

func (a announcement) read() registry.Announcement {
	ports := make(map[string]int, len(a.Address.Ports))
	for name, port := range a.Address.Ports {
		ports[name] = int(max(-1, min(port, 1<<16)))
	}
	return registry.Announcement{
		Name: a.Name, Region: a.Region, Version: a.Version, Map: a.Map, Mode: a.Mode, Tags: a.Tags, Metadata: string(a.Metadata),
		Address: registry.Address{Host: a.Address.Host, Ports: ports}, MaxPlayers: int(max(-1, min(a.MaxPlayers, 1<<30))),
	}
}

// heartbeat is a server's word that it is alive. What is absent stays as it was.
type heartbeat struct {
	Generation  int64     `json:"generation"`
	State       string    `json:"state,omitempty" enum:"starting,ready,draining"`
	PlayerCount *int64    `json:"player_count,omitempty" doc:"How many are there, or players."`
	Players     *[]string `json:"players,omitempty" doc:"The ids of those who are there: their seats are taken, and those of others free."`
	Map         *string   `json:"map,omitempty"`
	Tags        *[]string `json:"tags,omitempty"`
}

type (
	serverRegister  struct{ Body announcement }
	serverHeartbeat struct {
		serverPath
		Body heartbeat
	}
	serverDrain struct {
		serverPath
		Body struct {
			Generation int64 `json:"generation"`
			Hidden     bool  `json:"hidden,omitempty" doc:"true: lists don't show it any more."`
		}
	}
	serverDelete struct {
		serverPath
		Generation int64 `query:"generation" doc:"The generation that ends."`
	}
	serverGet    struct{ serverPath }
	serverBrowse struct {
		paging
		Region       string `query:"region" doc:"Exactly this region."`
		Mode         string `query:"mode" doc:"Exactly this mode."`
		Map          string `query:"map" doc:"Exactly this map."`
		Version      string `query:"version" doc:"Exactly this version."`
		AllTags      string `query:"tags_all" doc:"Tags with commas between them: servers that have all of them."`
		AnyTags      string `query:"tags_any" doc:"Tags with commas between them: servers that have one of them."`
		MinFree      int    `query:"free_seats" doc:"At least so many free seats."`
		NotEmpty     bool   `query:"not_empty" doc:"true: somebody is there."`
		NameContains string `query:"name" doc:"A part of the name, in either case."`
		Sort         string `query:"sort" enum:"players,free_seats,name,newest" doc:"players if absent: the most first, as with free_seats."`
	}
)

type serverHandlers struct{ Options }

func serverRoutes(o Options) []route {
	const all, one = "/v1/servers", "/v1/servers/{server}"
	h := serverHandlers{o}
	own := runtime(serverToken(tenancy.RegistryWrite))
	looks := runtime(player(), publishableKey(), serverToken(tenancy.RegistryRead), secretKey(tenancy.RegistryRead))
	return []route{
		encoded[serverBrowse, list[*gameServer]](route{
			Method: http.MethodGet, Path: all, ID: "browseServers", Tag: "Servers", Class: limits.Read, Tagged: true,
			Summary: "Look for servers",
			Description: "Those that are up and ready, and draining ones that are not hidden, as they were at most a second ago; one whose lease has ended is not among them. " +
				"Which of players and publishable keys may look is a setting of the environment. Pages go by what is sorted by, so that a server whose numbers change meanwhile may come twice, or not at all.",
		}, looks, h.browse),
		define(route{
			Method: http.MethodGet, Path: one, ID: "getServer", Tag: "Servers", Class: limits.Read,
			Summary: "Read a server", Description: "Of whatever state, as it was at most a second ago.",
		}, looks, func(ctx context.Context, c *call, in *serverGet) (*gameServer, error) {
			id, err := in.server()
			if err != nil {
				return nil, err
			}
			s, err := o.Servers.Server(ctx, c.principal, id)
			if err != nil {
				return nil, err
			}
			return gameServerOf(s), nil
		}),
		change(route{
			Method: http.MethodPost, Path: one + "/heartbeat", ID: "heartbeatServer", Tag: "Servers", Class: limits.Write,
			Summary: "Say that a server is alive",
			Description: "Its lease goes on from now, for three heartbeats; a server whose lease has ended is back, unless its record was pruned (404: register again). " +
				"409 registry.superseded when the id was registered again: this process should end. 409 registry.deregistered when an operator, or the server itself, has ended the registration.",
		}, own, h.registered, h.heartbeat),
		change(route{
			Method: http.MethodPost, Path: all, ID: "registerServer", Tag: "Servers", Class: limits.Write, Statuses: []int{http.StatusCreated},
			Summary: "Register a server",
			Description: "It is listed within a second. Registering an id again supersedes the process that did so before, and frees its seats. " +
				"Send the generation of the reply with every further call.",
		}, own, h.registered, func(ctx context.Context, c *call, in *serverRegister, tell once.Effect[registry.Server]) (registry.Server, error) {
			return o.Servers.Register(ctx, c.principal, registry.ServerID(in.Body.ID), in.Body.read(), registry.State(in.Body.State), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: one + "/drain", ID: "drainServer", Tag: "Servers", Class: limits.Write,
			Summary: "Take nobody in any more", Description: "Who is on the server stays. It can't be undone but by registering again.",
		}, own, h.registered, func(ctx context.Context, c *call, in *serverDrain, tell once.Effect[registry.Server]) (none registry.Server, _ error) {
			id, err := in.server()
			if err != nil {
				return none, err
			}
			return o.Servers.Drain(ctx, c.principal, servers.Named{ID: id, Generation: in.Body.Generation}, in.Body.Hidden, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: one, ID: "deregisterServer", Tag: "Servers", Class: limits.Write,
			Statuses: []int{http.StatusNoContent}, Summary: "End a registration", Description: "The server is listed no more, and its seats are free.",
		}, own, done, func(ctx context.Context, c *call, in *serverDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			n, err := in.named(c)
			if err != nil {
				return none, err
			}
			return none, o.Servers.Deregister(ctx, c.principal, n, tell)
		}),
	}
}

// named is the server and its generation, which a DELETE has in its query.
func (in serverDelete) named(c *call) (servers.Named, error) {
	id, err := in.server()
	if err == nil && !c.query.Has("generation") {
		err = errParameter.WithFields(parameter("query", "generation", "required", "The generation of the registration."))
	}
	return servers.Named{ID: id, Generation: in.Generation}, err
}

func (h serverHandlers) registered(_ *call, s registry.Server) *registration {
	count := s.Occupancy(h.Clock.Now())
	return &registration{
		ID: string(s.ID), Generation: s.Generation, State: string(s.State), Hidden: s.Hidden, PlayerCount: count.Players, Reserved: count.Reserved,
		FreeSeats: count.Free, ExpiresAt: s.ExpiresAt, Heartbeat: int(wholeSeconds(h.Limits.HeartbeatTime)),
	}
}

func (h serverHandlers) heartbeat(ctx context.Context, c *call, in *serverHeartbeat, tell once.Effect[registry.Server]) (none registry.Server, _ error) {
	id, err := in.server()
	if err != nil {
		return none, err
	}
	beat := registry.Beat{State: registry.State(in.Body.State), Map: in.Body.Map}
	if in.Body.Tags != nil {
		beat.Tags = *in.Body.Tags
	}
	if in.Body.PlayerCount != nil {
		count := int(max(-1, min(*in.Body.PlayerCount, 1<<30)))
		beat.Count = &count
	}
	if in.Body.Players != nil {
		if beat.Players, err = playerIDs("/players", *in.Body.Players); err != nil {
			return none, err
		}
	}
	return h.Servers.Heartbeat(ctx, c.principal, servers.Named{ID: id, Generation: in.Body.Generation}, beat, tell)
}

// playerIDs reads the ids of players, each of whom may be named once.
func playerIDs(pointer string, names []string) ([]identity.PlayerID, error) {
	var check fault.Check
	ids := make([]identity.PlayerID, len(names))
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		canonical, ok := canonicalID(name)
		at := pointer + "/" + strconv.Itoa(i)
		switch {
		case !ok:
			check.Add(at, "malformed", "A player's id: a UUID.")
		case seen[canonical]:
			check.Add(at, "repeated", "Name each player once.")
		}
		seen[canonical] = true
		ids[i] = identity.PlayerID(canonical)
	}
	return ids, check.Err()
}

func (h serverHandlers) browse(ctx context.Context, c *call, in *serverBrowse) (*page, error) {
	query, err := h.query(c, in)
	if err != nil {
		return nil, err
	}
	found, err := h.Servers.Browse(ctx, c.principal, query)
	if err != nil {
		return nil, err
	}
	made, err := found.Encoded(c.stringInt64, func() ([]byte, error) {
		reply := &list[*gameServer]{Items: make([]*gameServer, len(found.Servers))}
		for i, s := range found.Servers {
			reply.Items[i] = gameServerOf(*s)
		}
		if next := found.Next; next != nil {
			reply.NextCursor = c.api.cursors.write(c.browsing(query), []string{strconv.FormatInt(next.Number, 10), next.Name, string(next.ID)})
		}
		return c.encode(reply)
	})
	if err != nil {
		return nil, err
	}
	c.tag = made.Tag
	return &page{contentType: "application/json", body: made.Body}, nil
}

// browsing is what a cursor of servers is bound to: the environment and what is
// looked for, and not who looks. All get the same reply.
func (c *call) browsing(q servers.Query) string {
	return "v1\x1f" + c.route.ID + "\x1f" + string(c.principal.Scope().Environment()) + "\x1f" + q.Name()
}

// query reads what is looked for.
func (h serverHandlers) query(c *call, in *serverBrowse) (servers.Query, error) {
	q := servers.Query{Sort: registry.Sort(in.Sort), Limit: h.Limits.PageDefault}
	var fields []fault.Field
	wrong := func(name, code, detail string, args ...any) {
		fields = append(fields, parameter("query", name, code, detail, args...))
	}
	if c.query.Has("limit") {
		q.Limit = in.Limit
	}
	if q.Limit < 1 || q.Limit > h.Limits.PageItems {
		wrong("limit", "out_of_range", "From 1 to %d.", h.Limits.PageItems)
	}
	if in.Sort == "" {
		q.Sort = registry.Sorts()[0]
	}
	if c.query.Has("sort") && !slices.Contains(registry.Sorts(), registry.Sort(in.Sort)) {
		wrong("sort", "not_allowed", "One of players, free_seats, name, newest.")
	}
	filter, faults := in.filter()
	fields = append(fields, faults...)
	if len(fields) > 0 {
		return q, errParameter.WithFields(fields...)
	}
	q.Filter = filter.Normal()
	if c.query.Has("cursor") {
		place, ok := c.api.cursors.read(c.browsing(q), in.Cursor, 3)
		if !ok {
			return q, errCursor
		}
		number, err := strconv.ParseInt(place[0], 10, 64)
		if err != nil {
			return q, errCursor
		}
		q.After = &registry.Position{Number: number, Name: place[1], ID: registry.ServerID(place[2])}
	}
	return q, nil
}

func (in *serverBrowse) filter() (registry.Filter, []fault.Field) {
	var fields []fault.Field
	f := registry.Filter{
		Region: in.Region, Mode: in.Mode, Map: in.Map, Version: in.Version, MinFree: in.MinFree, NotEmpty: in.NotEmpty, NameContains: in.NameContains,
	}
	for name, word := range map[string]string{"region": f.Region, "mode": f.Mode, "map": f.Map, "version": f.Version, "name": f.NameContains} {
		if word != "" && !registry.ValidWord(word) {
			fields = append(fields, parameter("query", name, "malformed", "At most 64 characters, none of them control characters."))
		}
	}
	for name, tags := range map[string]*[]string{"tags_all": &f.AllTags, "tags_any": &f.AnyTags} {
		text := in.AllTags
		if name == "tags_any" {
			text = in.AnyTags
		}
		if text == "" {
			continue
		}
		*tags = strings.Split(text, ",")
		if len(*tags) > maxFilterTags || slices.ContainsFunc(*tags, func(t string) bool { return !registry.ValidTag(t) }) {
			fields = append(fields, parameter("query", name, "malformed", "1 to %d tags, with commas between them.", maxFilterTags))
		}
	}
	if f.MinFree < 0 {
		fields = append(fields, parameter("query", "free_seats", "out_of_range", "From 0."))
	}
	slices.SortFunc(fields, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return f, fields
}

// maxFilterTags bounds the tags that one filter names.
const maxFilterTags = 32
