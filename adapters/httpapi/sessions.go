package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// session is a signed-in device as the API shows it.
type session struct {
	ID          string    `json:"id"`
	Current     bool      `json:"current,omitzero" doc:"It is the one of the access token that asks."`
	Client      string    `json:"client,omitempty" doc:"The User-Agent that last signed in or refreshed with it."`
	Address     string    `json:"address,omitempty" doc:"The address that did."`
	CreatedAt   time.Time `json:"created_at"`
	RefreshedAt time.Time `json:"refreshed_at" doc:"The last refresh, or the sign-in."`
	ExpiresAt   time.Time `json:"expires_at" doc:"Unless it is refreshed before."`
	RevokedAt   time.Time `json:"revoked_at,omitzero" doc:"Absent while nobody has ended it."`
	Reason      string    `json:"reason,omitempty" enum:"logout,refresh_reuse,operator,player,password_reset" doc:"Why it was ended."`
}

func sessionOf(s identity.Session) *session {
	return &session{
		ID: string(s.ID), Client: s.Client, Address: s.Address, CreatedAt: s.CreatedAt, RefreshedAt: s.RotatedAt,
		ExpiresAt: s.ExpiresAt, RevokedAt: s.RevokedAt, Reason: string(s.Reason),
	}
}

// operatorPlayerPath is the player of an environment that an operator names. Embed it in the route's input.
type operatorPlayerPath struct {
	environmentPath
	Player id `path:"player" doc:"A player's id."`
}

func (p operatorPlayerPath) player() identity.PlayerID { return identity.PlayerID(p.Player) }

type (
	ownSessions struct{ paging }
	ownSession  struct {
		Session id `path:"session"`
	}
	playerSessions struct {
		operatorPlayerPath
		paging
	}
	playerSession struct {
		operatorPlayerPath
		Session id `path:"session"`
	}
	operatorPlayer struct{ operatorPlayerPath }
)

func sessionRoutes(o Options) []route {
	const (
		own      = "/v1/players/me/sessions"
		operated = "/v1/projects/{project}/environments/{environment}/players/{player}/sessions"
		ending   = "Its tokens are refused from the next request on, on every replica. Ending one that has ended changes nothing."
	)
	place := func(s identity.Session) []string { return []string{string(s.ID)} }
	return []route{
		define(route{
			Method: http.MethodGet, Path: own, ID: "listOwnSessions", Tag: "Players", Class: limits.Read,
			Summary: "List where you are signed in", Description: "The live sessions of the player, newest first.",
		}, runtime(player()), func(ctx context.Context, c *call, in *ownSessions) (*list[*session], error) {
			limit, before, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.SignIn.Sessions(ctx, c.principal, identity.SessionID(before[0]), limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, func(s identity.Session) *session {
				shown := sessionOf(s)
				shown.Current = string(s.ID) == c.principal.Session()
				return shown
			}, place), nil
		}),
		change(route{
			Method: http.MethodDelete, Path: own + "/{session}", ID: "endOwnSession", Tag: "Players", Class: limits.SignIn,
			Statuses: []int{http.StatusNoContent}, Summary: "Sign a device of yours out", Description: ending,
		}, runtime(player()), done, func(ctx context.Context, c *call, in *ownSession, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.SignIn.EndSession(ctx, c.principal, identity.SessionID(in.Session), tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: own, ID: "endOwnSessions", Tag: "Players", Class: limits.SignIn,
			Statuses: []int{http.StatusNoContent}, Summary: "Sign out everywhere",
			Description: "Ends all sessions of the player, this one too. Their tokens are refused from the next request on, on every replica.",
		}, runtime(player()), done, func(ctx context.Context, c *call, _ *nothing, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.SignIn.EndSessions(ctx, c.principal, tell)
		}),
		define(route{
			Method: http.MethodGet, Path: operated, ID: "listPlayerSessions", Tag: "Players", Class: limits.Operate,
			Summary: "List a player's sessions", Description: "Newest first, with those that ended in the last days.",
		}, operator(tenancy.PlayersRead), func(ctx context.Context, c *call, in *playerSessions) (*list[*session], error) {
			limit, before, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Sessions(ctx, c.principal, in.place(), in.player(), identity.SessionID(before[0]), limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, sessionOf, place), nil
		}),
		change(route{
			Method: http.MethodDelete, Path: operated + "/{session}", ID: "revokePlayerSession", Tag: "Players", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Sign a device of a player out", Description: ending,
		}, operator(tenancy.PlayersWrite), done, func(ctx context.Context, c *call, in *playerSession, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.RevokeSession(ctx, c.principal, in.place(), in.player(), identity.SessionID(in.Session), tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: operated, ID: "revokePlayerSessions", Tag: "Players", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Sign a player out everywhere",
			Description: "Tokens of all his sessions are refused from the next request on, on every replica. He may sign in again, unless he is banned.",
		}, operator(tenancy.PlayersWrite), done, func(ctx context.Context, c *call, in *operatorPlayer, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.RevokeSessions(ctx, c.principal, in.place(), in.player(), tell)
		}),
	}
}
