package tour

import (
	"context"
	"errors"
	"fmt"
)

func (g *game) reward() string { return "/v1/players/" + g.player + "/documents/rewards/season-1" }

func serverWrites(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{
		method: "PUT", path: g.reward(), credential: g.ServerToken,
		body: `{"value":{"trophy":"gold","gems":9007199254740993},"read":"owner","write":"server"}`,
	}, 201)
	if err != nil {
		return err
	}
	// Above 2^53, where doubles lose count.
	return r.hasAt("9007199254740993", "value", "gems")
}

func serverOnly(ctx context.Context, g *game) error {
	if _, err := g.call(ctx, request{method: "GET", path: g.reward(), credential: g.session.access}, 200); err != nil {
		return err
	}
	_, err := g.refused(ctx, request{
		method: "PUT", path: g.reward(), credential: g.session.access, body: `{"value":{"trophy":"platinum"}}`,
	}, 403, "storage.write_denied")
	return err
}

func keys(ctx context.Context, g *game) error {
	place, err := g.environment(ctx)
	if err != nil {
		return err
	}
	r, err := g.call(ctx, request{
		method: "POST", path: place + "/keys", credential: g.SecretKey,
		body: `{"kind":"secret_key","name":"tour","scopes":["projects:read"]}`,
	}, 201)
	if err != nil {
		return err
	}
	id, err := r.text("id")
	if err != nil {
		return err
	}
	key, err := r.text("token")
	if err != nil {
		return err
	}
	use := request{method: "GET", path: place, credential: key}
	_, used := g.call(ctx, use, 200)
	_, overstepped := g.refused(ctx, request{method: "GET", path: place + "/audit", credential: key}, 403, "auth.scope_required")
	// Whatever came of it, the key must not stay behind.
	_, revoked := g.call(ctx, request{method: "DELETE", path: place + "/keys/" + id, credential: g.SecretKey}, 204)
	if err := errors.Join(used, overstepped, revoked); err != nil {
		return err
	}
	if _, err := g.refused(ctx, use, 401, "auth.invalid_credential"); err != nil {
		return err
	}
	r, err = g.call(ctx, request{method: "GET", path: place + "/audit?limit=2", credential: g.SecretKey}, 200)
	if err != nil {
		return err
	}
	return errors.Join(
		r.hasAt("credential.revoked", "items", 0, "action"), r.hasAt(id, "items", 0, "target", "id"),
		r.hasAt("credential.created", "items", 1, "action"), r.hasAt(id, "items", 1, "target", "id"),
	)
}

func declares(ctx context.Context, g *game) error {
	place, err := g.environment(ctx)
	if err != nil {
		return err
	}
	// A collection of its own: others may be playing here.
	collection, path := "tour-"+g.player, me+"/documents/tour-"+g.player+"/slot-1"
	put := func(body string) request {
		return request{method: "PUT", path: path, credential: g.session.access, body: body}
	}
	if _, err := g.call(ctx, put(`{"value":{"level":0}}`), 201); err != nil {
		return err
	}
	declaration := request{
		method: "PUT", path: place + "/collections/" + collection, credential: g.SecretKey,
		body: `{"schema":{"properties":{"level":{"type":"integer","minimum":1}},"required":["level"]}}`,
	}
	told, err := g.call(ctx, declaration, 201)
	if err != nil {
		return err
	}
	refused, bad := g.refused(ctx, put(`{"value":{"level":-1}}`), 422, "storage.schema_violation")
	if bad == nil {
		bad = refused.hasAt("/value/level", "errors", 0, "pointer")
	}
	_, mended := g.call(ctx, put(`{"value":{"level":1}}`), 200)
	// Whatever came of it, nothing of it must stay behind.
	_, undeclared := g.call(ctx, request{method: "DELETE", path: declaration.path, credential: g.SecretKey}, 204)
	_, deleted := g.call(ctx, request{method: "DELETE", path: path, credential: g.session.access}, 204)
	return errors.Join(told.hasAt("1", "existing", "broken"), bad, mended, undeclared, deleted)
}

// environment finds the path of the environment in which the tour plays: the
// audience of the player's access token is its id.
func (g *game) environment(ctx context.Context) (string, error) {
	_, claims, _, err := parts(g.session.access)
	if err != nil {
		return "", err
	}
	r, err := g.call(ctx, request{method: "GET", path: "/v1/projects", credential: g.SecretKey}, 200)
	if err != nil {
		return "", err
	}
	project, err := r.text("items", 0, "slug")
	if err != nil {
		return "", err
	}
	path := "/v1/projects/" + project + "/environments"
	if r, err = g.call(ctx, request{method: "GET", path: path, credential: g.SecretKey}, 200); err != nil {
		return "", err
	}
	for i := 0; r.get("items", i) != nil; i++ {
		if r.get("items", i, "id") == claims["aud"] {
			slug, err := r.text("items", i, "slug")
			return path + "/" + slug, err
		}
	}
	return "", fmt.Errorf("the secret key is not one of the environment of the publishable key, %v", claims["aud"])
}
