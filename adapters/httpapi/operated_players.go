package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// ban is why a player is kept out.
type ban struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at" doc:"When it was imposed."`
	Until  time.Time `json:"until,omitzero" doc:"When it lifts itself; absent: never."`
}

func banOf(b identity.Ban, now time.Time) *ban {
	if !b.Holds(now) {
		return nil
	}
	return &ban{Reason: b.Reason, At: b.At, Until: b.Until}
}

// operatedPlayer is a player as operators see it.
type operatedPlayer struct {
	profile
	Ban *ban `json:"ban,omitempty" doc:"Absent unless the player is banned."`
	// Logins is only in the view of one player.
	Logins []playerLogin `json:"logins,omitzero" doc:"The ways to sign in; absent in lists."`
}

type playerLogin struct {
	Method    string    `json:"method" enum:"guest,email"`
	Email     string    `json:"email,omitempty" doc:"The address, with email only."`
	CreatedAt time.Time `json:"created_at"`
}

type (
	playerSearch struct {
		environmentPath
		paging
		ID     string `query:"id" doc:"Only the player of this id."`
		Handle string `query:"handle" doc:"Only the player with this handle, in either case."`
		Email  string `query:"email" doc:"Only the player who signs in by this e-mail address, in either case."`
		Prefix string `query:"display_name_prefix" doc:"Only players whose display name begins so, in either case, by name."`
	}
	playerBan struct {
		operatorPlayerPath
		Body struct {
			Reason string    `json:"reason" doc:"1 to 200 characters. The player reads it."`
			Until  time.Time `json:"until,omitzero" doc:"When the ban lifts itself, by the system's clock; absent: never."`
		}
	}
)

func (in *playerSearch) query(c *call) (identity.PlayerQuery, error) {
	var fields []fault.Field
	given := 0
	q := identity.PlayerQuery{Handle: strings.ToLower(in.Handle), NamePrefix: in.Prefix}
	for _, name := range []string{"id", "handle", "email", "display_name_prefix"} {
		if c.query.Has(name) {
			given++
		}
		if given > 1 {
			fields = append(fields, parameter("query", name, "too_many", "Search by one of id, handle, email and display_name_prefix."))
			break
		}
	}
	if c.query.Has("id") {
		canonical, ok := canonicalID(in.ID)
		if !ok {
			fields = append(fields, parameter("query", "id", "malformed", "A player's id: a UUID."))
		}
		q.ID = identity.PlayerID(canonical)
	}
	if c.query.Has("handle") && !identity.ValidHandle(in.Handle) {
		fields = append(fields, parameter("query", "handle", "malformed", "No player can have this handle."))
	}
	if c.query.Has("email") {
		if _, err := identity.NewAddress("", in.Email); err != nil {
			fields = append(fields, parameter("query", "email", "malformed", "An e-mail address, such as ada@example.com."))
		}
	}
	if len(fields) > 0 {
		return q, errParameter.WithFields(fields...)
	}
	return q, nil
}

func operatedPlayerRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/players"
	const one = all + "/{player}"
	shown := func(p identity.Player) *operatedPlayer {
		return &operatedPlayer{profile: *fullProfile(p), Ban: banOf(p.Ban, o.Clock.Now())}
	}
	view := func(_ *call, one operators.Inspected) *operatedPlayer {
		full := shown(one.Player)
		full.Logins = make([]playerLogin, len(one.Logins))
		for i, l := range one.Logins {
			full.Logins[i] = playerLogin{Method: string(l.Method), Email: l.Label, CreatedAt: l.CreatedAt}
		}
		return full
	}
	unbanned := func(*call, operators.Inspected) *nothing { return &nothing{} }
	return []route{
		define(route{
			Method: http.MethodGet, Path: all, ID: "searchPlayers", Tag: "Players", Class: limits.Operate,
			Summary: "Search the players of an environment", Description: "Newest first, or by name when searched by the beginning of one.",
		}, operator(tenancy.PlayersRead), func(ctx context.Context, c *call, in *playerSearch) (*list[*operatedPlayer], error) {
			query, err := in.query(c)
			if err != nil {
				return nil, err
			}
			limit, after, err := c.page(in.paging, 2)
			if err != nil {
				return nil, err
			}
			query.Limit, query.After.NameKey, query.After.ID = limit, after[0], identity.PlayerID(after[1])
			if c.query.Has("email") {
				found, err := o.Operators.PlayersByEmail(ctx, c.principal, in.place(), identity.Address(in.Email))
				if err != nil {
					return nil, err
				}
				return pageOf(c, limit, found, shown, nil), nil
			}
			found, err := o.Operators.Players(ctx, c.principal, in.place(), query)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, shown, func(p identity.Player) []string { return []string{identity.NameKey(p.DisplayName), string(p.ID)} }), nil
		}),
		define(route{
			Method: http.MethodGet, Path: one, ID: "inspectPlayer", Tag: "Players", Class: limits.Operate,
			Summary: "Read a player as an operator", Description: "The profile, when he was last seen, the ban if there is one, and the ways to sign in by method.",
		}, operator(tenancy.PlayersRead), func(ctx context.Context, c *call, in *operatorPlayer) (*operatedPlayer, error) {
			one, err := o.Operators.Player(ctx, c.principal, in.place(), in.player())
			if err != nil {
				return nil, err
			}
			return view(c, one), nil
		}),
		change(route{
			Method: http.MethodPut, Path: one + "/ban", ID: "banPlayer", Tag: "Players", Class: limits.Operate,
			Summary: "Ban a player",
			Description: "From the next request on, every replica answers all his sessions, and his attempts to sign in or refresh, with 403 identity.banned, " +
				"which tells the reason and until when. A ban with until lifts itself then, and his sessions go on. It replaces the ban before it.",
		}, operator(tenancy.PlayersWrite), view, func(ctx context.Context, c *call, in *playerBan, tell once.Effect[operators.Inspected]) (operators.Inspected, error) {
			return o.Operators.Ban(ctx, c.principal, in.place(), in.player(), in.Body.Reason, in.Body.Until, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: one + "/ban", ID: "unbanPlayer", Tag: "Players", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Lift a player's ban", Description: "Lifting none changes nothing.",
		}, operator(tenancy.PlayersWrite), unbanned, func(ctx context.Context, c *call, in *operatorPlayer, tell once.Effect[operators.Inspected]) (none operators.Inspected, _ error) {
			return none, o.Operators.Unban(ctx, c.principal, in.place(), in.player(), tell)
		}),
	}
}
