package tour

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
)

// rollout is a config on its way.
type rollout struct {
	config string
	// staging is the path of the environment where it is tried, and here of that where the tour plays.
	staging, here string
	old, fresh    string // bundles, by their hashes
	tag           string // of what the player has
}

// rollOut has a config tried in an environment of the tour's own, promoted, rolled out to a fifth of
// the players, and taken back.
func rollOut(ctx context.Context, g *game) error {
	here, err := g.environment(ctx)
	if err != nil {
		return err
	}
	o := rollout{config: "tour-" + g.player[len(g.player)-12:], here: here}
	if o.staging, err = g.ownEnvironment(ctx, here, o.config+"-staging"); err != nil {
		return err
	}
	if o.staging == "" {
		g.page.note("The secret key may not make environments, so nothing is promoted: the config is released where it is played.")
	}
	played := g.rollOut(ctx, &o)
	// Whatever came of it, the config and the environment must not stay behind.
	_, removed := g.call(ctx, request{method: "DELETE", path: o.operated(here) + "?confirm=" + o.config, credential: g.SecretKey}, 204)
	if o.staging != "" {
		_, err := g.call(ctx, request{method: "DELETE", path: o.staging + "?confirm=" + path.Base(o.staging), credential: g.SecretKey}, 204)
		removed = errors.Join(removed, err)
	}
	return errors.Join(played, removed)
}

func (o rollout) operated(place string) string { return place + "/configs/" + o.config }

func (g *game) rollOut(ctx context.Context, o *rollout) error {
	r, err := g.call(ctx, request{method: "GET", path: "/v1/config?config=" + o.config, credential: g.session.access}, 200)
	if err != nil {
		return err
	}
	o.tag = r.header.Get("ETag")
	if err := g.stage(ctx, o); err != nil {
		return err
	}
	if err := g.sees(ctx, o, o.old, "1"); err != nil {
		return err
	}
	if err := g.proves(ctx, o); err != nil {
		return err
	}

	if o.fresh, err = g.push(ctx, o.here, `{"drop_rate":0.2}`); err != nil {
		return err
	}
	fifth := fmt.Sprintf(`{"rules":[{"bundle":%q,"basis_points":2000},{"bundle":%q}],"note":"20 %%"}`, o.fresh, o.old)
	if _, err := g.call(ctx, request{method: "POST", path: o.operated(o.here) + "/releases", credential: g.SecretKey, body: fifth}, 201); err != nil {
		return err
	}
	mine := o.old
	if bucket(o.config, g.player) < 2000 {
		mine = o.fresh
	}
	if err := g.sees(ctx, o, mine, "2"); err != nil {
		return err
	}

	if r, err = g.call(ctx, request{method: "POST", path: o.operated(o.here) + "/rollback", credential: g.SecretKey, body: `{}`}, 201); err != nil {
		return err
	}
	if err := r.hasAt("1", "current", "restores"); err != nil {
		return err
	}
	return g.sees(ctx, o, o.old, "3")
}

// stage pushes the config, and releases it where the tour plays: by promotion, if there is somewhere to
// try it first.
func (g *game) stage(ctx context.Context, o *rollout) (err error) {
	first := o.staging
	if first == "" {
		first = o.here
	}
	if o.old, err = g.push(ctx, first, `{"drop_rate":0.1}`); err != nil {
		return err
	}
	release := request{method: "POST", path: o.operated(first) + "/releases", credential: g.SecretKey, body: fmt.Sprintf(`{"bundle":%q}`, o.old)}
	if _, err := g.call(ctx, release, 201); err != nil || o.staging == "" {
		return err
	}
	promote := func(body string, status int) (reply, error) {
		return g.call(ctx, request{method: "POST", path: o.operated(o.here) + "/promote", credential: g.SecretKey, body: fmt.Sprintf(body, path.Base(o.staging))}, status)
	}
	r, err := promote(`{"from":%q,"preview":true}`, 200)
	if err != nil {
		return err
	}
	if err := errors.Join(r.has("preview", true), r.hasAt(o.old, "diff", "to", "bundle", "sha256")); err != nil {
		return err
	}
	if r, err = promote(`{"from":%q}`, 201); err != nil {
		return err
	}
	return r.hasAt(o.old, "release", "rules", 0, "bundle")
}

// push uploads a bundle and verifies what was stored by its hash.
func (g *game) push(ctx context.Context, place, content string) (string, error) {
	sum := sha256.Sum256([]byte(content))
	hash := hex.EncodeToString(sum[:])
	r, err := g.send(ctx, request{method: "POST", path: place + "/bundles", credential: g.SecretKey, body: content})
	if err != nil {
		return "", err
	}
	if r.status != 201 && r.status != 200 { // 200: an earlier tour has left it there
		return "", r.wrong("the status is %d, not 201", r.status)
	}
	if err := r.has("sha256", hash); err != nil {
		return "", err
	}
	if r, err = g.call(ctx, request{method: "GET", path: place + "/bundles/" + hash + "/content", credential: g.SecretKey}, 200); err != nil {
		return "", err
	}
	if string(r.body) != content {
		return "", r.wrong("the bytes are not those that were pushed: %s", r.body)
	}
	return hash, nil
}

// sees waits until the player gets something else than he has, and insists on what that is. Behind a
// load balancer another replica may answer than the one that made the change: within a second they agree.
func (g *game) sees(ctx context.Context, o *rollout, hash, release string) error {
	read := request{
		method: "GET", path: "/v1/config?wait=20&config=" + o.config, credential: g.session.access, header: [2]string{"If-None-Match", o.tag},
	}
	r, err := g.call(ctx, read, 200)
	if err == nil && r.hasAt(release, "configs", o.config, "release") != nil {
		read.path, read.header = "/v1/config?config="+o.config, [2]string{}
		r, err = g.later(ctx, read, 200)
	}
	if err != nil {
		return err
	}
	o.tag = r.header.Get("ETag")
	return errors.Join(r.hasAt(hash, "configs", o.config, "sha256"), r.hasAt(release, "configs", o.config, "release"))
}

// proves holds what the player has against a manifest that the environment signed.
func (g *game) proves(ctx context.Context, o *rollout) error {
	read := request{method: "GET", path: "/v1/config/manifest?config=" + o.config, credential: g.session.access}
	r, err := g.call(ctx, read, 200)
	if err != nil {
		return err
	}
	environment, pinned, err := vouched(r)
	if err == nil && len(pinned) == 0 { // by a replica that hasn't seen the release yet
		if r, err = g.later(ctx, read, 200); err == nil {
			environment, pinned, err = vouched(r)
		}
	}
	if err != nil {
		return err
	}
	if pinned[o.config] != o.old {
		return r.wrong("the manifest vouches for %v", pinned)
	}
	manifest, err := r.text("manifest")
	if err != nil {
		return err
	}
	return g.signed(ctx, manifest, environment)
}

// vouched reads, and doesn't verify, whose manifest it is and for which hashes it vouches.
func vouched(r reply) (environment string, pinned map[string]string, err error) {
	manifest, err := r.text("manifest")
	if err != nil {
		return "", nil, err
	}
	_, claims, _, err := parts(manifest)
	if err != nil {
		return "", nil, err
	}
	environment, ours := strings.CutSuffix(fmt.Sprint(claims["aud"]), "/config")
	all, _ := claims["configs"].([]any)
	if !ours {
		return "", nil, r.wrong("the manifest is for %v", claims["aud"])
	}
	pinned = map[string]string{}
	for _, one := range all {
		if members, ok := one.(map[string]any); ok {
			pinned[fmt.Sprint(members["config"])] = fmt.Sprint(members["sha256"])
		}
	}
	return environment, pinned, nil
}

// bucket is a player's, of 10,000, as the guide has it.
func bucket(salt, player string) int {
	sum := sha256.Sum256([]byte(salt + ":" + player))
	return int(binary.BigEndian.Uint64(sum[:8]) % 10_000)
}
