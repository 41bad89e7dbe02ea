package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
)

func needsServerAndOperator(o Options) string {
	if flag := needsServer(o); flag != "" {
		return flag
	}
	return needsOperator(o)
}

// stage is where a season is played, and who plays there.
type stage struct {
	place  string // the environment's path
	board  string // the leaderboard's id
	player string
	access string // the player's token
	server string // a server's token
	// own tells that the environment is the tour's own, so that it may move its clock.
	own bool
}

// playSeason plays one on a leaderboard of its own, in an environment of its own if the secret
// key may make one.
func playSeason(ctx context.Context, g *game) error {
	s := stage{board: "tour-" + g.player[len(g.player)-12:], player: g.player, access: g.session.access, server: g.ServerToken}
	here, err := g.environment(ctx)
	if err != nil {
		return err
	}
	s.place = here
	own, err := g.ownEnvironment(ctx, here, s.board)
	if err != nil {
		return err
	}
	if own == "" {
		g.page.note("The secret key may not make environments, so the season ends without a rehearsal of what comes after.")
		played := g.playOn(ctx, s)
		// Whatever came of it, the leaderboard must not stay behind.
		_, removed := g.call(ctx, request{method: "DELETE", path: s.operated() + "?confirm=" + s.board, credential: g.SecretKey}, 204)
		return errors.Join(played, removed)
	}
	s.place, s.own = own, true
	played := g.settle(ctx, &s)
	if played == nil {
		played = g.playOn(ctx, s)
	}
	// Whatever came of it, the environment must not stay behind.
	_, removed := g.call(ctx, request{method: "DELETE", path: own + "?confirm=" + s.board, credential: g.SecretKey}, 204)
	return errors.Join(played, removed)
}

func (s stage) operated() string { return s.place + "/leaderboards/" + s.board }

func (s stage) path() string { return "/v1/leaderboards/" + s.board }

// ownEnvironment makes an environment beside another one and gives its path; nothing if the secret key
// may not.
func (g *game) ownEnvironment(ctx context.Context, beside, slug string) (string, error) {
	all := path.Dir(beside)
	r, err := g.send(ctx, request{method: "POST", path: all, credential: g.SecretKey, body: fmt.Sprintf(`{"slug":%q,"name":"Tour"}`, slug)})
	switch {
	case err != nil:
		return "", err
	case r.status == http.StatusForbidden:
		return "", nil
	case r.status != http.StatusCreated:
		return "", r.wrong("the status is %d, not 201", r.status)
	}
	return path.Join(all, slug), nil
}

// settle gives the tour's own environment a server and a player.
func (g *game) settle(ctx context.Context, s *stage) error {
	issue := func(kind string) (string, error) {
		body := fmt.Sprintf(`{"kind":%q,"name":"tour"}`, kind)
		if kind == "server_token" {
			body = fmt.Sprintf(`{"kind":%q,"name":"tour","scopes":["leaderboards:read","leaderboards:write"]}`, kind)
		}
		r, err := g.call(ctx, request{method: "POST", path: s.place + "/keys", credential: g.SecretKey, body: body}, 201)
		if err != nil {
			return "", err
		}
		return r.text("token")
	}
	client, err := issue("publishable_key")
	if err != nil {
		return err
	}
	if s.server, err = issue("server_token"); err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "POST", path: "/v1/auth/guest", credential: client, body: `{}`}, 201)
	if err != nil {
		return err
	}
	if s.player, err = r.text("player_id"); err != nil {
		return err
	}
	s.access, err = r.text("access_token")
	return err
}

// playOn plays the season, and in an environment of the tour's own what comes after its end.
func (g *game) playOn(ctx context.Context, s stage) error {
	made := request{
		method: "POST", path: s.place + "/leaderboards", credential: g.SecretKey,
		body: fmt.Sprintf(`{"id":%q,"name":"Tour","rewards":[{"from_rank":1,"to_rank":3,"payload":{"coins":500}}]}`, s.board),
	}
	if _, err := g.call(ctx, made, 201); err != nil {
		return err
	}
	if err := g.submitAndRank(ctx, s); err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "POST", path: s.operated() + "/seasons", credential: g.SecretKey, body: `{"closes":1}`}, 201)
	if err != nil {
		return err
	}
	if err := r.hasAt("2", "current_season", "season"); err != nil {
		return err
	}
	if r, err = g.call(ctx, request{method: "GET", path: s.path() + "/standings?season=1", credential: s.access}, 200); err != nil {
		return err
	}
	if err := errors.Join(r.has("season", "1"), r.hasAt("9007199254740993", "items", 0, "score")); err != nil || !s.own {
		return err
	}
	return g.rehearse(ctx, s)
}

func (g *game) submitAndRank(ctx context.Context, s stage) error {
	submit := func(score, subscore string) request {
		return request{
			method: "POST", path: s.path() + "/scores?rank=true", credential: s.server,
			body: fmt.Sprintf(`{"player":%q,"score":%s,"subscore":%s}`, s.player, score, subscore),
		}
	}
	r, err := g.call(ctx, submit("9007199254740993", "5"), 200)
	if err != nil {
		return err
	}
	if err := errors.Join(r.has("accepted", true), r.has("rank", "1"), r.hasAt("9007199254740993", "current", "score")); err != nil {
		return err
	}
	if r, err = g.call(ctx, submit("90", "50"), 200); err != nil {
		return err
	}
	if err := errors.Join(r.has("accepted", false), r.has("reason", "not_better"), r.hasAt("5", "current", "subscore")); err != nil {
		return err
	}
	if r, err = g.call(ctx, request{method: "GET", path: s.path() + "/standings?around=me", credential: s.access}, 200); err != nil {
		return err
	}
	return errors.Join(r.has("count", "1"), r.hasAt(s.player, "items", 0, "player"), r.hasAt("1", "items", 0, "rank"))
}
