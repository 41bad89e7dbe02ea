package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// prize is what some places of a season win, as operators define it.
type prize struct {
	FromRank       int64          `json:"from_rank,omitzero" doc:"The first rank that wins it, from 1. Either ranks or top_basis_points."`
	ToRank         int64          `json:"to_rank,omitzero" doc:"The last rank that wins it."`
	TopBasisPoints int64          `json:"top_basis_points,omitzero" doc:"The best so many hundredths of a percent win it, rounded up to whole places: 100 is 1 %, 10000 is everyone."`
	Payload        jsontext.Value `json:"payload" doc:"What is won, in the game's own words: a JSON object of up to 4096 bytes."`
}

func prizesOf(bodies []prize) []ranking.Prize {
	var prizes []ranking.Prize
	for _, b := range bodies {
		prizes = append(prizes, ranking.Prize{FromRank: b.FromRank, ToRank: b.ToRank, TopBasisPoints: b.TopBasisPoints, Payload: string(b.Payload)})
	}
	return prizes
}

func prizeListOf(prizes []ranking.Prize) []prize {
	shown := make([]prize, len(prizes))
	for i, p := range prizes {
		shown[i] = prize{p.FromRank, p.ToRank, p.TopBasisPoints, jsontext.Value(p.Payload)}
	}
	return shown
}

// reward is what a player won in a season.
type reward struct {
	Player      string         `json:"player"`
	Leaderboard string         `json:"leaderboard"`
	Season      int            `json:"season"`
	Rank        int64          `json:"rank" doc:"In the frozen standings."`
	Payload     jsontext.Value `json:"payload"`
	CreatedAt   time.Time      `json:"created_at"`
	ClaimedAt   time.Time      `json:"claimed_at,omitzero" doc:"Absent until it is claimed."`
}

func rewardOf(r ranking.Reward) *reward {
	return &reward{
		Player: string(r.Player), Leaderboard: string(r.Board), Season: r.Season, Rank: r.Rank, Payload: jsontext.Value(r.Payload),
		CreatedAt: r.CreatedAt, ClaimedAt: r.ClaimedAt,
	}
}

type (
	rewardQuery struct {
		paging
		Unclaimed bool `query:"unclaimed" doc:"true: only those that have not been claimed."`
	}
	playerRewards struct {
		playerPath
		rewardQuery
	}
	seasonRewards struct {
		boardPath
		seasonPath
		rewardQuery
	}
	rewardClaim struct {
		playerPath
		boardPath
		seasonPath
	}
)

// seasonPath is the season that a path names. Embed it in the route's input.
type seasonPath struct {
	Season int `path:"season" doc:"The season's number."`
}

// of names the season of a board that the path names.
func (p seasonPath) of(board boardPath) (ranking.SeasonRef, error) {
	id, err := board.board()
	if err == nil && p.Season < 1 {
		err = ranking.ErrSeasonNotFound
	}
	return ranking.SeasonRef{Board: id, Number: p.Season}, err
}

type rewardHandlers struct{ Options }

func rewardRoutes(o Options) []route {
	h := rewardHandlers{o}
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/players/{player}/rewards", ID: "listPlayerRewards", Tag: "Leaderboards", Class: limits.Read,
			Summary: "List what a player won", Description: "In seasons that ended, by leaderboard and season. Players see their own.",
		}, runtime(player(), serverToken(tenancy.LeaderboardsRead), secretKey(tenancy.LeaderboardsRead)), h.ofPlayer),
		change(route{
			Method: http.MethodPost, Path: "/v1/players/{player}/rewards/{leaderboard}/{season}/claim", ID: "claimReward", Tag: "Leaderboards", Class: limits.Write,
			Summary: "Claim a reward",
			Description: "Once: whoever gets 200 is the one to hand out what was won. Everyone after gets 409 ranking.reward_claimed, with the same reward under current. " +
				"With an Idempotency-Key a repeated request gets the 200 again. Players claim their own; servers and operators anyone's.",
		}, runtime(player(), serverToken(tenancy.LeaderboardsWrite), secretKey(tenancy.LeaderboardsWrite)), func(_ *call, r ranking.Reward) *reward { return rewardOf(r) }, h.claim),
		define(route{
			Method: http.MethodGet, Path: "/v1/leaderboards/{leaderboard}/seasons/{season}/rewards", ID: "listSeasonRewards", Tag: "Leaderboards", Class: limits.Read,
			Summary: "List what was won in a season", Description: "By place. With unclaimed=true it is what is left to hand out.",
		}, runtime(serverToken(tenancy.LeaderboardsRead), secretKey(tenancy.LeaderboardsRead)), h.ofSeason),
	}
}

func (h rewardHandlers) ofPlayer(ctx context.Context, c *call, in *playerRewards) (*list[*reward], error) {
	who, err := in.id(c)
	if err != nil {
		return nil, err
	}
	limit, after, err := c.page(in.paging, 2)
	if err != nil {
		return nil, err
	}
	from := ranking.SeasonRef{Board: ranking.BoardID(after[0])}
	if after[1] != "" {
		if from.Number, err = strconv.Atoi(after[1]); err != nil {
			return nil, errCursor
		}
	}
	found, err := h.Leaderboards.Rewards(ctx, c.principal, who, ranking.RewardQuery{Unclaimed: in.Unclaimed, Limit: limit}, from)
	if err != nil {
		return nil, err
	}
	return pageOf(c, limit, found, rewardOf, func(r ranking.Reward) []string { return []string{string(r.Board), strconv.Itoa(r.Season)} }), nil
}

func (h rewardHandlers) ofSeason(ctx context.Context, c *call, in *seasonRewards) (*list[*reward], error) {
	of, err := in.of(in.boardPath)
	if err != nil {
		return nil, err
	}
	limit, after, err := c.page(in.paging, 1)
	if err != nil {
		return nil, err
	}
	var from int64
	if after[0] != "" {
		if from, err = strconv.ParseInt(after[0], 10, 64); err != nil {
			return nil, errCursor
		}
	}
	found, err := h.Leaderboards.SeasonRewards(ctx, c.principal, of, ranking.RewardQuery{Unclaimed: in.Unclaimed, Limit: limit}, from)
	if err != nil {
		return nil, err
	}
	return pageOf(c, limit, found, rewardOf, func(r ranking.Reward) []string { return []string{strconv.FormatInt(r.Place, 10)} }), nil
}

func (h rewardHandlers) claim(ctx context.Context, c *call, in *rewardClaim, tell once.Effect[ranking.Reward]) (none ranking.Reward, _ error) {
	var who identity.PlayerID
	who, err := in.id(c)
	if err != nil {
		return none, err
	}
	of, err := in.of(in.boardPath)
	if err != nil {
		return none, err
	}
	return h.Leaderboards.Claim(ctx, c.principal, of, who, tell)
}
