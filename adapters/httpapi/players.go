package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// playerPath is the player that a path names. Embed it in the route's input.
type playerPath struct {
	Player string `path:"player" doc:"A player's id, or me for the player who calls."`
}

// id gives the player that is meant; only players can be me.
func (p playerPath) id(c *call) (identity.PlayerID, error) {
	caller, isPlayer := identity.Caller(c.principal)
	if p.Player == "me" && isPlayer {
		return caller, nil
	}
	canonical, ok := canonicalID(p.Player)
	if !ok {
		detail := "A player's id: a UUID."
		if isPlayer {
			detail = "A player's id, which is a UUID, or me."
		}
		return "", errParameter.WithFields(parameter("path", "player", "malformed", "%s", detail))
	}
	return identity.PlayerID(canonical), nil
}

type playerInput struct{ playerPath }

// profile is a player as the API shows him.
type profile struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"display_name,omitempty" doc:"Absent until the player has chosen one."`
	CreatedAt   time.Time `json:"created_at,omitzero" doc:"Only for the player, servers and operators."`
	LastSeenAt  time.Time `json:"last_seen_at,omitzero" doc:"The last sign-in or refresh. Only for the player, servers and operators."`
}

func playerRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/players/{player}", ID: "getPlayer", Tag: "Players", Class: limits.Read,
			Summary:     "Read a player",
			Description: "Players see all of themselves, and of others what is public. Servers and operators see all.",
		}, runtime(player(), serverToken(tenancy.PlayersRead), secretKey(tenancy.PlayersRead)), func(ctx context.Context, c *call, in *playerInput) (*profile, error) {
			id, err := in.id(c)
			if err != nil {
				return nil, err
			}
			p, err := o.Players.Get(ctx, c.principal, id)
			if err != nil {
				return nil, err
			}
			shown := &profile{ID: string(p.ID), DisplayName: p.DisplayName}
			if caller, isPlayer := identity.Caller(c.principal); !isPlayer || caller == id {
				shown.CreatedAt, shown.LastSeenAt = p.CreatedAt, p.LastSeenAt
			}
			return shown, nil
		}),
	}
}
