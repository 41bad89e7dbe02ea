package tour

import (
	"context"
	"errors"
	"fmt"
)

func needsServerAndOperator(o Options) string {
	if flag := needsServer(o); flag != "" {
		return flag
	}
	return needsOperator(o)
}

// playSeason plays one on a leaderboard of its own.
func playSeason(ctx context.Context, g *game) error {
	place, err := g.environment(ctx)
	if err != nil {
		return err
	}
	id := "tour-" + g.player[len(g.player)-12:]
	made := request{method: "POST", path: place + "/leaderboards", credential: g.SecretKey, body: fmt.Sprintf(`{"id":%q,"name":"Tour","metadata_bytes":100}`, id)}
	if _, err := g.call(ctx, made, 201); err != nil {
		return err
	}
	played := g.playSeason(ctx, place+"/leaderboards/"+id, "/v1/leaderboards/"+id)
	// Whatever came of it, the leaderboard must not stay behind.
	_, removed := g.call(ctx, request{method: "DELETE", path: place + "/leaderboards/" + id + "?confirm=" + id, credential: g.SecretKey}, 204)
	return errors.Join(played, removed)
}

func (g *game) playSeason(ctx context.Context, operated, board string) error {
	submit := func(score, subscore string) request {
		return request{
			method: "POST", path: board + "/scores?rank=true", credential: g.ServerToken,
			body: fmt.Sprintf(`{"player":%q,"score":%s,"subscore":%s}`, g.player, score, subscore),
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
	if r, err = g.call(ctx, request{method: "GET", path: board + "/standings?around=me", credential: g.session.access}, 200); err != nil {
		return err
	}
	if err := errors.Join(r.has("count", "1"), r.hasAt(g.player, "items", 0, "player"), r.hasAt("1", "items", 0, "rank")); err != nil {
		return err
	}
	if r, err = g.call(ctx, request{method: "POST", path: operated + "/seasons", credential: g.SecretKey, body: `{"closes":1}`}, 201); err != nil {
		return err
	}
	if err := r.hasAt("2", "current_season", "season"); err != nil {
		return err
	}
	if r, err = g.call(ctx, request{method: "GET", path: board + "/standings?season=1", credential: g.session.access}, 200); err != nil {
		return err
	}
	return errors.Join(r.has("season", "1"), r.hasAt("9007199254740993", "items", 0, "score"))
}
