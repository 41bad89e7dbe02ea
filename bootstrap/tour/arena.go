package tour

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// visitArena has a server come up, the player find it and take a seat, and the
// server let him in and end.
func visitArena(ctx context.Context, g *game) error {
	id := "tour-" + g.player[len(g.player)-12:]
	body := fmt.Sprintf(`{"server_id":%q,"name":"Tour","mode":%q,"address":{"host":"192.0.2.7","ports":{"game":7777}},"max_players":1}`, id, id)
	r, err := g.call(ctx, request{method: "POST", path: "/v1/servers", credential: g.ServerToken, body: body}, 201)
	if err != nil {
		return err
	}
	generation := fmt.Sprint(r.get("generation"))
	visited := g.takeSeat(ctx, id, generation)
	// Whatever came of it, the server must not stay behind.
	_, gone := g.call(ctx, request{method: "DELETE", path: "/v1/servers/" + id + "?generation=" + generation, credential: g.ServerToken}, 204)
	return errors.Join(visited, gone)
}

func (g *game) takeSeat(ctx context.Context, id, generation string) error {
	server := "/v1/servers/" + id
	if _, err := g.call(ctx, request{method: "POST", path: server + "/heartbeat", credential: g.ServerToken, body: `{"generation":` + generation + `,"player_count":0}`}, 200); err != nil {
		return err
	}
	if err := g.find(ctx, id); err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "POST", path: server + "/seats", credential: g.session.access, body: `{}`}, 201)
	if err != nil {
		return err
	}
	if err := r.hasAt("1", "seats", 0, "seat"); err != nil {
		return err
	}
	ticket, err := r.text("seats", 0, "ticket")
	if err != nil {
		return err
	}
	if err := g.verify(ctx, ticket, id); err != nil {
		return err
	}
	admit := request{method: "POST", path: server + "/players", credential: g.ServerToken, body: fmt.Sprintf(`{"generation":%s,"ticket":%q}`, generation, ticket)}
	if r, err = g.call(ctx, admit, 200); err != nil {
		return err
	}
	if err := r.has("player", g.player); err != nil {
		return err
	}
	_, err = g.call(ctx, admit, 409)
	return err
}

// find looks for the server. What others looked for within the last second may be
// shown once more, without it.
func (g *game) find(ctx context.Context, id string) error {
	look := request{method: "GET", path: "/v1/servers?free_seats=1&mode=" + id, credential: g.session.access}
	r, err := g.call(ctx, look, 200)
	if err == nil && r.get("items", 0) == nil {
		r, err = g.later(ctx, look, 200)
	}
	if err != nil {
		return err
	}
	return r.hasAt(id, "items", 0, "server_id")
}

// pictureTime is how old may be what a replica knows of servers and configs.
const pictureTime = time.Second

// later is call once every replica knows what was changed before.
func (g *game) later(ctx context.Context, r request, status int) (reply, error) {
	select {
	case <-ctx.Done():
		return reply{}, ctx.Err()
	case <-time.After(pictureTime):
	}
	return g.call(ctx, r, status)
}

// verify does what the game server does with a ticket, which asks nobody but for the public keys.
func (g *game) verify(ctx context.Context, ticket, server string) error {
	_, claims, _, err := parts(ticket)
	if err != nil {
		return err
	}
	environment, ours := strings.CutSuffix(fmt.Sprint(claims["aud"]), "/servers")
	if !ours || claims["server"] != server || claims["sub"] != g.player {
		return fmt.Errorf("the ticket is for %v", claims)
	}
	return g.signed(ctx, ticket, environment)
}

// signed insists that one of the environment's published keys has signed a JWT.
func (g *game) signed(ctx context.Context, token, environment string) error {
	header, _, last, err := parts(token)
	if err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(last)
	if err != nil {
		return fmt.Errorf("read the signature: %w", err)
	}
	content := strings.TrimSuffix(token, "."+last)
	r, err := g.call(ctx, request{method: "GET", path: "/v1/environments/" + environment + "/jwks.json"}, 200)
	if err != nil {
		return err
	}
	for i := 0; r.get("keys", i) != nil; i++ {
		x, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(r.get("keys", i, "x")))
		if err == nil && len(x) == ed25519.PublicKeySize && r.get("keys", i, "kid") == header["kid"] && ed25519.Verify(x, []byte(content), signature) {
			return nil
		}
	}
	return errors.New("no published key has signed it")
}
