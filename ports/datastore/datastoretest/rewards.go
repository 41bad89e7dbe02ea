package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var someAward = ranking.RewardQuery{Limit: 10}

func award(season ranking.SeasonRef) ranking.Award {
	a, _ := ranking.NewAward(ranking.Board{ID: season.Board, Definition: ranking.Definition{Prizes: []ranking.Prize{{FromRank: 1, ToRank: 3, Payload: `{"é":"'?"}`}}}}, season.Number)
	return a
}

func reward(season ranking.SeasonRef, player identity.PlayerID, place int64) ranking.Reward {
	return ranking.Reward{Board: season.Board, Season: season.Number, Player: player, Rank: place, Place: place, Payload: `{"é":"'?"}`, CreatedAt: start}
}

// award stores that of a season, and gives rewards of it.
func (w *world) award(t *testing.T, scope tenancy.Scope, season ranking.SeasonRef, rewards ...ranking.Reward) {
	t.Helper()
	must(t, w.Rewards().Begin(w.ctx, scope, award(season)))
	must(t, w.Rewards().Give(w.ctx, scope, award(season), rewards))
}

func rewardKeys(rewards []ranking.Reward) string {
	return joined(rewards, func(r ranking.Reward) string { return fmt.Sprintf("%s/%d/%d", r.Board, r.Season, r.Place) })
}

var rewardTests = map[string]func(*testing.T, *world){
	"an award goes on where it was": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		fails(t, "none", second(w.Rewards().Award(w.ctx, w.here(), ref)), ranking.ErrAwardNotFound)
		fails(t, "no season", w.Rewards().Begin(w.ctx, w.here(), award(ranking.SeasonRef{Board: "laps", Number: 2})), ranking.ErrSeasonNotFound)
		fails(t, "giving none", w.Rewards().Give(w.ctx, w.here(), award(ref), nil), ranking.ErrAwardNotFound)
		a := award(ref)
		must(t, w.Rewards().Begin(w.ctx, w.here(), a))
		same(t, "begun", get[ranking.Award](t)(w.Rewards().Award(w.ctx, w.here(), ref)), a)
		key := boardRules.Key(ranking.Run{Score: 7}, start)
		a.Count, a.Place, a.Rank, a.After = 9, 5, 4, ranking.Cursor{Key: key[:], Player: "p"}
		must(t, w.Rewards().Give(w.ctx, w.here(), a, nil))
		same(t, "gone on", get[ranking.Award](t)(w.Rewards().Award(w.ctx, w.here(), ref)), a)
		same(t, "unfinished", get[[]ranking.SeasonRef](t)(w.Rewards().Unfinished(w.ctx, w.here(), ranking.SeasonRef{}, 10)), []ranking.SeasonRef{ref})
		a.Finished = true
		must(t, w.Rewards().Give(w.ctx, w.here(), a, nil))
		same(t, "finished", get[[]ranking.SeasonRef](t)(w.Rewards().Unfinished(w.ctx, w.here(), ranking.SeasonRef{}, 10)), []ranking.SeasonRef{})
	},
	"unfinished awards by board and season": func(t *testing.T, w *world) {
		for _, id := range []ranking.BoardID{"b", "a"} {
			b, s := board(id)
			must(t, w.Boards().Create(w.ctx, w.here(), b, s))
			ended, next := s.Close(b, later(time.Hour), later(time.Hour))
			must(t, w.Boards().Close(w.ctx, w.here(), 1, ended, next))
			for n := range 2 {
				must(t, w.Rewards().Begin(w.ctx, w.here(), award(ranking.SeasonRef{Board: id, Number: n + 1})))
			}
		}
		list := func(after ranking.SeasonRef, limit int) string {
			t.Helper()
			return joined(get[[]ranking.SeasonRef](t)(w.Rewards().Unfinished(w.ctx, w.here(), after, limit)), func(r ranking.SeasonRef) string { return fmt.Sprint(r.Board, r.Number) })
		}
		same(t, "three", list(ranking.SeasonRef{}, 3), "a1 a2 b1")
		same(t, "the rest", list(ranking.SeasonRef{Board: "a", Number: 2}, 3), "b1 b2")
	},
	"given once, with how far it has come": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		a, b := w.player(t, w.here()).ID, w.player(t, w.here()).ID
		w.award(t, w.here(), ref, reward(ref, b, 1), reward(ref, a, 2))
		again := reward(ref, a, 9)
		must(t, w.Rewards().Give(w.ctx, w.here(), award(ref), []ranking.Reward{again}))
		same(t, "kept", get[ranking.Reward](t)(w.Rewards().Get(w.ctx, w.here(), ref, a)), reward(ref, a, 2))
		fails(t, "none", second(w.Rewards().Get(w.ctx, w.here(), ref, "nobody")), ranking.ErrRewardNotFound)
		on := award(ref)
		on.Place = 5
		fails(t, "to nobody", w.Rewards().Give(w.ctx, w.here(), on, []ranking.Reward{reward(ref, identity.PlayerID(newID()), 3)}), identity.ErrPlayerNotFound)
		same(t, "not gone on", get[ranking.Award](t)(w.Rewards().Award(w.ctx, w.here(), ref)).Place, 0)
		same(t, "by place", get[[]ranking.Reward](t)(w.Rewards().In(w.ctx, w.here(), ref, someAward, 0)), []ranking.Reward{reward(ref, b, 1), reward(ref, a, 2)})
		same(t, "after the first", rewardKeys(get[[]ranking.Reward](t)(w.Rewards().In(w.ctx, w.here(), ref, ranking.RewardQuery{Limit: 1}, 1))), "laps/1/2")
	},
	"claimed once": func(t *testing.T, w *world) {
		ref := w.board(t, w.here(), "laps")
		p := w.player(t, w.here()).ID
		w.award(t, w.here(), ref, reward(ref, p, 1))
		const claimers = 10
		errs := make([]error, claimers)
		together(claimers, func(i int) {
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				return tx.Rewards().Claim(ctx, w.here(), ref, p, later(time.Hour))
			})
		})
		claimed := 0
		for _, err := range errs {
			if err == nil {
				claimed++
			} else if !errors.Is(err, ranking.ErrRewardNotFound) {
				t.Errorf("claim: %v", err)
			}
		}
		same(t, "claimed", claimed, 1)
		same(t, "when", get[ranking.Reward](t)(w.Rewards().Get(w.ctx, w.here(), ref, p)).ClaimedAt, later(time.Hour))
		fails(t, "none", w.Rewards().Claim(w.ctx, w.here(), ref, "nobody", start), ranking.ErrRewardNotFound)
		open := ranking.RewardQuery{Unclaimed: true, Limit: 10}
		same(t, "left of the player's", get[[]ranking.Reward](t)(w.Rewards().Of(w.ctx, w.here(), p, open, ranking.SeasonRef{})), []ranking.Reward{})
		same(t, "left of the season's", get[[]ranking.Reward](t)(w.Rewards().In(w.ctx, w.here(), ref, open, 0)), []ranking.Reward{})
	},
	"a player's by board and season": func(t *testing.T, w *world) {
		p := w.player(t, w.here()).ID
		for _, id := range []ranking.BoardID{"b", "a"} {
			ref := w.board(t, w.here(), id)
			w.award(t, w.here(), ref, reward(ref, p, 1))
		}
		of := func(after ranking.SeasonRef, query ranking.RewardQuery) string {
			t.Helper()
			return rewardKeys(get[[]ranking.Reward](t)(w.Rewards().Of(w.ctx, w.here(), p, query, after)))
		}
		same(t, "all", of(ranking.SeasonRef{}, someAward), "a/1/1 b/1/1")
		same(t, "the second", of(ranking.SeasonRef{Board: "a", Number: 1}, someAward), "b/1/1")
		must(t, w.Rewards().Claim(w.ctx, w.here(), ranking.SeasonRef{Board: "a", Number: 1}, p, start))
		same(t, "unclaimed", of(ranking.SeasonRef{}, ranking.RewardQuery{Unclaimed: true, Limit: 10}), "b/1/1")
	},
	"nobody's once their season is retired": func(t *testing.T, w *world) {
		ref, other := w.board(t, w.here(), "laps"), w.board(t, w.here(), "other")
		p := w.player(t, w.here()).ID
		w.award(t, w.here(), ref, reward(ref, p, 1))
		w.award(t, w.here(), other, reward(other, p, 1))
		must(t, w.Boards().Delete(w.ctx, w.here(), ref, start))
		fails(t, "reward", second(w.Rewards().Get(w.ctx, w.here(), ref, p)), ranking.ErrRewardNotFound)
		fails(t, "claim", w.Rewards().Claim(w.ctx, w.here(), ref, p, start), ranking.ErrRewardNotFound)
		same(t, "the player's", rewardKeys(get[[]ranking.Reward](t)(w.Rewards().Of(w.ctx, w.here(), p, someAward, ranking.SeasonRef{}))), "other/1/1")
		must(t, w.Rewards().Claim(w.ctx, w.here(), other, p, start))
	},
}
