package tour

import (
	"context"
	"errors"
	"strings"
)

const (
	me       = "/v1/players/me"
	savePath = me + "/documents/saves/slot-1"
)

func guest(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{method: "POST", path: "/v1/auth/guest", credential: g.PublishableKey, body: `{}`}, 201)
	if err != nil {
		return err
	}
	if g.device, err = r.text("device_secret"); err != nil {
		return err
	}
	if g.player, err = r.text("player_id"); err != nil {
		return err
	}
	if g.session, err = signedIn(r); err != nil {
		return err
	}
	return r.has("created", true)
}

// signedIn reads the tokens of a reply.
func signedIn(r reply) (session, error) {
	access, err := r.text("access_token")
	if err != nil {
		return session{}, err
	}
	refresh, err := r.text("refresh_token")
	return session{access, refresh}, err
}

func profile(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{method: "GET", path: me, credential: g.session.access}, 200)
	if err != nil {
		return err
	}
	return r.has("id", g.player)
}

func firstSave(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{
		method: "PUT", path: savePath, credential: g.session.access, header: [2]string{"If-None-Match", "*"},
		body: `{"value":{"level":1,"coins":40,"items":["sword"]}}`,
	}, 201)
	if err != nil {
		return err
	}
	if g.version, err = r.tag(); err != nil {
		return err
	}
	return r.has("version", "1")
}

func load(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{method: "GET", path: savePath, credential: g.session.access}, 200)
	if err != nil {
		return err
	}
	if tag, err := r.tag(); err != nil || tag != g.version {
		return errors.Join(err, r.wrong("the ETag is %s, not that of the save, %s", tag, g.version))
	}
	if err := r.hasAt("40", "value", "coins"); err != nil {
		return err
	}
	r, err = g.call(ctx, request{method: "GET", path: savePath, credential: g.session.access, header: [2]string{"If-None-Match", g.version}}, 304)
	if err == nil && len(r.body) > 0 {
		err = r.wrong("a 304 has a body")
	}
	return err
}

func conflict(ctx context.Context, g *game) error {
	save := func(tag, body string) request {
		return request{method: "PUT", path: savePath, credential: g.session.access, header: [2]string{"If-Match", tag}, body: body}
	}
	if _, err := g.call(ctx, save(g.version, `{"value":{"level":2,"coins":40,"items":["sword","shield"]}}`), 200); err != nil {
		return err
	}
	r, err := g.refused(ctx, save(g.version, `{"value":{"level":1,"coins":55,"items":["sword"]}}`), 412, "storage.version_mismatch")
	if err != nil {
		return err
	}
	if err := errors.Join(r.hasAt("2", "current", "version"), r.hasAt("2", "current", "value", "level")); err != nil {
		return err
	}
	r, err = g.call(ctx, save(`"2"`, `{"value":{"level":2,"coins":55,"items":["sword","shield"]}}`), 200)
	if err != nil {
		return err
	}
	return r.has("version", "3")
}

func createOnly(ctx context.Context, g *game) error {
	r, err := g.refused(ctx, request{
		method: "PUT", path: savePath, credential: g.session.access, header: [2]string{"If-None-Match", "*"},
		body: `{"value":{"level":1}}`,
	}, 412, "storage.version_mismatch")
	if err != nil {
		return err
	}
	return r.hasAt("3", "current", "version")
}

func list(ctx context.Context, g *game) error {
	r, err := g.call(ctx, request{method: "GET", path: me + "/documents?collection=saves", credential: g.session.access}, 200)
	if err != nil {
		return err
	}
	return errors.Join(r.hasAt("slot-1", "items", 0, "key"), r.hasAt("3", "items", 0, "version"), r.hasAt(nil, "items", 0, "value"))
}

func beginAgain(ctx context.Context, g *game) error {
	if _, err := g.call(ctx, request{method: "DELETE", path: savePath, credential: g.session.access}, 204); err != nil {
		return err
	}
	if _, err := g.refused(ctx, request{method: "GET", path: savePath, credential: g.session.access}, 404, "storage.document_not_found"); err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "PUT", path: savePath, credential: g.session.access, body: `{"value":{"level":1}}`}, 201)
	if err != nil {
		return err
	}
	return r.has("version", "5") // 4 was the delete
}

func typingError(ctx context.Context, g *game) error {
	r, err := g.refused(ctx, request{
		method: "PUT", path: savePath, credential: g.session.access,
		body: `{"value":{"level":2},"raed":"public"}`,
	}, 422, "request.invalid")
	if err != nil {
		return err
	}
	if err := r.hasAt("/raed", "errors", 0, "pointer"); err != nil {
		return err
	}
	if strings.Contains(string(r.body), `"public"`) {
		return r.wrong("the reply repeats what was sent")
	}
	return nil
}
