package tour

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

func renewal(key, token string) request {
	return request{method: "POST", path: "/v1/auth/refresh", credential: key, body: `{"refresh_token":"` + token + `"}`}
}

// renew presents a refresh token and gives what came of it.
func (g *game) renew(ctx context.Context, token string) (session, reply, error) {
	r, err := g.call(ctx, renewal(g.PublishableKey, token), 200)
	if err != nil {
		return session{}, r, err
	}
	next, err := signedIn(r)
	if err == nil && next.refresh == token {
		err = r.wrong("the refresh token is the same as before")
	}
	return next, r, err
}

func refresh(ctx context.Context, g *game) error {
	next, r, err := g.renew(ctx, g.session.refresh)
	if err != nil {
		return err
	}
	g.used, g.session = g.session.refresh, next
	return r.has("player_id", g.player)
}

func lostReply(ctx context.Context, g *game) error {
	next, r, err := g.renew(ctx, g.used)
	if err != nil {
		return err
	}
	if next != g.session {
		return r.wrong("the tokens are not those of the lost reply")
	}
	return nil
}

func theft(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{method: "POST", path: "/v1/auth/guest", credential: g.PublishableKey, body: `{"device_secret":"` + g.device + `"}`}, 200)
	if err != nil {
		return err
	}
	first, err := signedIn(r)
	if err := errors.Join(err, r.has("player_id", g.player), r.has("created", false)); err != nil {
		return err
	}
	second, _, err := g.renew(ctx, first.refresh)
	if err != nil {
		return err
	}
	third, _, err := g.renew(ctx, second.refresh)
	if err != nil {
		return err
	}
	if _, err := g.refused(ctx, renewal(g.PublishableKey, first.refresh), 401, "identity.refresh_reused"); err != nil {
		return err
	}
	if _, err := g.refused(ctx, renewal(g.PublishableKey, third.refresh), 401, "identity.session_ended"); err != nil {
		return err
	}
	if _, err := g.refused(ctx, request{method: "GET", path: me, credential: third.access}, 401, "identity.session_ended"); err != nil {
		return err
	}
	_, err = g.call(ctx, request{method: "GET", path: me, credential: g.session.access}, 200)
	return err
}

func forged(ctx context.Context, g *game) error {
	header, claims, signature, err := parts(g.session.access)
	if err != nil {
		return err
	}
	claims["sub"] = "00000000-0000-7000-8000-000000000000"
	changed := encoded(header) + "." + encoded(claims) + "." + signature
	if _, err := g.refused(ctx, request{method: "GET", path: me, credential: changed}, 401, "auth.invalid_access_token"); err != nil {
		return err
	}
	header["alg"] = "none"
	unsigned := encoded(header) + "." + encoded(claims) + "."
	r, err := g.send(ctx, request{method: "GET", path: me, credential: unsigned})
	if err != nil {
		return err
	}
	if r.status != 401 || r.header.Get("WWW-Authenticate") == "" {
		return r.wrong("the status is %d and WWW-Authenticate is %q; it must be 401 and say how to authenticate", r.status, r.header.Get("WWW-Authenticate"))
	}
	return nil
}

// parts takes a JWT apart (RFC 7519).
func parts(token string) (header, claims map[string]any, signature string, err error) {
	words := strings.Split(token, ".")
	if len(words) != 3 {
		return nil, nil, "", errors.New("the token is not a JWT")
	}
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(words[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return nil, nil, "", fmt.Errorf("the token is not a JWT: %w", err)
		}
	}
	return header, claims, words[2], nil
}

func encoded(members map[string]any) string {
	raw, _ := json.Marshal(members) // it came from JSON
	return base64.RawURLEncoding.EncodeToString(raw)
}

func foreign(ctx context.Context, g *game) error {
	if _, err := g.refused(ctx, renewal(g.ForeignKey, g.session.refresh), 401, "identity.invalid_refresh_token"); err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "POST", path: "/v1/auth/guest", credential: g.ForeignKey, body: `{}`}, 201)
	if err != nil {
		return err
	}
	other, err := signedIn(r)
	if err != nil {
		return err
	}
	if _, err := g.refused(ctx, request{method: "GET", path: "/v1/players/" + g.player, credential: other.access}, 404, "identity.player_not_found"); err != nil {
		return err
	}
	_, err = g.refused(ctx, request{
		method: "GET", path: strings.Replace(savePath, "/me/", "/"+g.player+"/", 1), credential: other.access,
	}, 404, "storage.document_not_found")
	return err
}

func logout(ctx context.Context, g *game) error {
	if _, err := g.call(ctx, request{method: "POST", path: "/v1/auth/logout", credential: g.session.access}, 204); err != nil {
		return err
	}
	_, err := g.refused(ctx, request{method: "GET", path: me, credential: g.session.access}, 401, "identity.session_ended")
	return err
}
