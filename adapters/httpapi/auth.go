package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/signin"
)

type guestInput struct {
	Body struct {
		DeviceSecret string `json:"device_secret,omitempty" doc:"A secret of at least 128 random bits that this device made and stored. Without one, a secret is made and given back once."`
	}
}

type refreshInput struct {
	Body struct {
		RefreshToken string `json:"refresh_token" doc:"The newest refresh token of the session."`
	}
}

// grant is what a signed-in client holds.
type grant struct {
	PlayerID         string    `json:"player_id"`
	SessionID        string    `json:"session_id"`
	AccessToken      string    `json:"access_token" doc:"The credential of the player's requests: a JWT."`
	AccessExpiresAt  time.Time `json:"access_expires_at"`
	RefreshToken     string    `json:"refresh_token" doc:"Gets the next access token. Store it: each is good for one use."`
	RefreshExpiresAt time.Time `json:"refresh_expires_at"`
	Created          bool      `json:"created" doc:"The player is new."`
	DeviceSecret     string    `json:"device_secret,omitempty" doc:"The secret that was made for this device. It is shown this once: store it, it is the only way back in."`
}

func grantOf(c *call, g signin.Grant) *grant {
	if g.Created {
		c.created()
	}
	return &grant{
		PlayerID: string(g.Player), SessionID: string(g.Session), AccessToken: g.AccessToken, AccessExpiresAt: g.AccessExpiresAt,
		RefreshToken: g.RefreshToken, RefreshExpiresAt: g.RefreshExpiresAt, Created: g.Created, DeviceSecret: g.DeviceSecret,
	}
}

func authRoutes(o Options) []route {
	return []route{
		change(route{
			Method: http.MethodPost, Path: "/v1/auth/guest", ID: "signInGuest", Tag: "Sign-in", Class: limits.SignIn,
			Statuses: []int{http.StatusOK, http.StatusCreated},
			Summary:  "Sign a device in as a guest",
			Description: "The same device secret leads to the same player each time (200); a new one makes a player (201). " +
				"A device that has no secret sends none, and is given one to store; an Idempotency-Key needs a secret, for many may choose the same key.",
		}, runtime(publishableKey()), grantOf, func(ctx context.Context, c *call, in *guestInput, tell once.Effect[signin.Grant]) (signin.Grant, error) {
			if c.r.Header[keyHeader] != nil && in.Body.DeviceSecret == "" {
				return signin.Grant{}, errKeySecret
			}
			return o.SignIn.Guest(ctx, c.principal, in.Body.DeviceSecret, c.device(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: "/v1/auth/refresh", ID: "refreshSession", Tag: "Sign-in", Class: limits.SignIn,
			Summary: "Get the next access token of a session",
			Description: "A refresh token is good for one use, and its successor comes with the reply. A client whose reply got lost may send " +
				"the token again within 30 seconds and gets the same successor. An older token ends the session: somebody else has it.",
		}, runtime(publishableKey()), grantOf, func(ctx context.Context, c *call, in *refreshInput, tell once.Effect[signin.Grant]) (signin.Grant, error) {
			return o.SignIn.Refresh(ctx, c.principal, in.Body.RefreshToken, c.device(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: "/v1/auth/logout", ID: "logout", Tag: "Sign-in", Class: limits.SignIn,
			Statuses:    []int{http.StatusNoContent},
			Summary:     "End the session",
			Description: "The access token and the refresh token are refused from the next request on.",
		}, runtime(player()), done, func(ctx context.Context, c *call, _ *nothing, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.SignIn.Logout(ctx, c.principal, tell)
		}),
	}
}

// device is what sign-in notes of the client.
func (c *call) device() signin.Device {
	return signin.Device{Client: c.r.UserAgent(), Address: c.address.String()}
}
