package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
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

type (
	playerInput struct{ playerPath }
	playerEdit  struct {
		playerPath
		ifMatch
		Body struct {
			DisplayName *string         `json:"display_name,omitempty" doc:"1 to 40 characters that can be seen, with single spaces between them. It is stored in Unicode normalization form C."`
			Handle      *string         `json:"handle,omitempty" doc:"3 to 20 letters a to z, digits and _, which no other player has, whatever the case. Empty gives it up, and another player may take it."`
			Metadata    *jsontext.Value `json:"metadata,omitempty" doc:"A JSON object of at most 2048 bytes, for everyone to see. It replaces the one before."`
		}
	}
)

// profile is a player as the API shows it.
type profile struct {
	ID          string         `json:"id"`
	DisplayName string         `json:"display_name,omitempty" doc:"Absent until the player has chosen one."`
	Handle      string         `json:"handle,omitempty" doc:"A name that no other player has; absent while there is none."`
	Metadata    jsontext.Value `json:"metadata,omitzero" doc:"What the player shows to everyone; absent while there is nothing."`
	Version     int64          `json:"version" doc:"Counts the edits of the profile. It is the ETag."`
	CreatedAt   time.Time      `json:"created_at,omitzero" doc:"Only for the player, servers and operators."`
	LastSeenAt  time.Time      `json:"last_seen_at,omitzero" doc:"The last sign-in or refresh, to a minute. Only for the player, servers and operators. It moves without a new version."`
}

// publicProfile is what everyone may see.
func publicProfile(p identity.Player) *profile {
	shown := &profile{ID: string(p.ID), DisplayName: p.DisplayName, Handle: p.Handle, Version: p.Version}
	if p.Metadata != "" {
		shown.Metadata = jsontext.Value(p.Metadata)
	}
	return shown
}

func fullProfile(p identity.Player) *profile {
	shown := publicProfile(p)
	shown.CreatedAt, shown.LastSeenAt = p.CreatedAt, p.LastSeenAt
	return shown
}

func playerRoutes(o Options) []route {
	const one = "/v1/players/{player}"
	edited := func(c *call, p identity.Player) *profile {
		c.tag = versionTag(p.Version)
		return fullProfile(p)
	}
	return []route{
		define(route{
			Method: http.MethodGet, Path: one, ID: "getPlayer", Tag: "Players", Class: limits.Read,
			Summary: "Read a player",
			Description: "Players see all of themselves, and of others what is public. Servers and operators see all. " +
				"The ETag is the profile's version; this reply is never a 304, because last_seen_at moves without one.",
		}, runtime(player(), serverToken(tenancy.PlayersRead), secretKey(tenancy.PlayersRead)), func(ctx context.Context, c *call, in *playerInput) (*profile, error) {
			id, err := in.id(c)
			if err != nil {
				return nil, err
			}
			p, err := o.Players.Get(ctx, c.principal, id)
			if err != nil {
				return nil, err
			}
			c.header().Set("ETag", `"`+versionTag(p.Version)+`"`)
			if caller, isPlayer := identity.Caller(c.principal); isPlayer && caller != id {
				return publicProfile(p), nil
			}
			return fullProfile(p), nil
		}),
		change(route{
			Method: http.MethodPatch, Path: one, ID: "editPlayer", Tag: "Players", Class: limits.Write, Tagged: true,
			Summary: "Edit your profile",
			Description: "Members that are absent stay as they are. With If-Match it is edited only while it has the version you know; " +
				"a miss is 412 and carries the profile as it is. Players edit themselves and nobody else.",
		}, runtime(player()), edited, func(ctx context.Context, c *call, in *playerEdit, tell once.Effect[identity.Player]) (none identity.Player, _ error) {
			id, err := in.id(c)
			if err != nil {
				return none, err
			}
			if caller, _ := identity.Caller(c.principal); caller != id {
				return none, identity.ErrNotYours
			}
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			edit := identity.ProfileEdit{Handle: in.Body.Handle}
			if in.Body.DisplayName != nil {
				name := norm.NFC.String(*in.Body.DisplayName)
				edit.DisplayName = &name
			}
			if in.Body.Metadata != nil {
				metadata := string(*in.Body.Metadata)
				edit.Metadata = &metadata
			}
			return o.Players.EditProfile(ctx, c.principal, edit, pre.Versions, tell)
		}),
	}
}
