package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// awardsAtOnce is how many seasons with something to give are listed at a time.
	awardsAtOnce = 100
	// rewardPage is how many entries one transaction looks at, and at most gives rewards.
	rewardPage = 500
	// rewardPages is how many of those are looked at for one season in a turn: a season with a million
	// winners doesn't keep those of the others waiting.
	rewardPages = 20
)

// BeginAward notes what a season gives, within the transaction that ends it: what the board's
// prizes are now.
func BeginAward(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, board ranking.Board, season int) error {
	award, gives := ranking.NewAward(board, season)
	if !gives {
		return nil
	}
	if err := tx.Rewards().Begin(ctx, scope, award); err != nil {
		return fmt.Errorf("begin award: %w", err)
	}
	return nil
}

// reward goes on with what the frozen seasons of an environment have to give, in batches each of
// which may be cut off and done again. A season at which it fails doesn't keep it from the
// others; the error is that of all of them.
func (u *UseCases) reward(ctx context.Context, environment tenancy.Environment, inTx InTx) (failed error) {
	after := ranking.SeasonRef{}
	for {
		pending, err := u.parts.Store.Rewards().Unfinished(ctx, environment.Scope(), after, awardsAtOnce)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list unfinished awards: %w", err))
		}
		for _, season := range pending {
			after = season
			if err := u.give(ctx, environment, season, inTx); err != nil && fault.KindOf(err) != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("rewards of season %d of %s in %s: %w", season.Number, season.Board, environment.ID, err))
				if stop(ctx, err) {
					return failed
				}
			}
		}
		if len(pending) < awardsAtOnce {
			return failed
		}
	}
}

// give goes on with what a season has to give, if it is frozen.
func (u *UseCases) give(ctx context.Context, environment tenancy.Environment, of ranking.SeasonRef, inTx InTx) error {
	over := false
	for pages := 0; !over && pages < rewardPages; pages++ {
		given := 0
		err := inTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
			given, over, err = u.giveSome(ctx, tx, environment, of)
			return err
		})
		switch {
		case errors.Is(err, identity.ErrPlayerNotFound):
			over = false // one of them was deleted meanwhile, and his entry with him
		case err != nil:
			return err
		}
		u.counters.rewards.Add(uint64(given))
	}
	return nil
}

// giveSome goes on with an award, and tells how many rewards it gave and whether there
// is nothing more to do now.
func (u *UseCases) giveSome(ctx context.Context, tx datastore.Repos, environment tenancy.Environment, of ranking.SeasonRef) (given int, over bool, err error) {
	scope := environment.Scope()
	award, err := tx.Rewards().Award(ctx, scope, of)
	if err != nil || award.Finished {
		return 0, true, err
	}
	season, err := tx.Boards().Season(ctx, scope, of.Board, of.Number)
	if err != nil {
		return 0, true, fmt.Errorf("find season: %w", err)
	}
	if !season.Frozen() {
		return 0, true, nil // it is not frozen yet
	}
	if award.Count < 0 {
		if award.Count, err = tx.Entries().Count(ctx, scope, of, math.MaxInt32); err != nil {
			return 0, true, fmt.Errorf("count entries: %w", err)
		}
	}
	page, _, err := tx.Entries().All(ctx, scope, of, award.After, rewardPage)
	if err != nil {
		return 0, true, fmt.Errorf("read entries: %w", err)
	}
	rewards, next := award.Give(season.Rules, page, environment.Now(u.parts.Clock.Now()))
	if err := tx.Rewards().Give(ctx, scope, next, rewards); err != nil {
		return 0, true, fmt.Errorf("give rewards: %w", err)
	}
	return len(rewards), next.Finished, nil
}

// Rewards gives up to query.Limit rewards of a player, by board and season, after one of
// them. Players see their own only.
func (u *UseCases) Rewards(ctx context.Context, p tenancy.Principal, player identity.PlayerID, query ranking.RewardQuery, after ranking.SeasonRef) ([]ranking.Reward, error) {
	if !ownRewards(p, player) {
		return nil, ranking.ErrRewardsDenied
	}
	found, err := u.parts.Store.Rewards().Of(ctx, p.Scope(), player, query, after)
	if err != nil {
		return nil, fmt.Errorf("list rewards: %w", err)
	}
	return found, nil
}

// SeasonRewards gives up to query.Limit rewards of a season, by place, after a place.
func (u *UseCases) SeasonRewards(ctx context.Context, p tenancy.Principal, of ranking.SeasonRef, query ranking.RewardQuery, after int64) ([]ranking.Reward, error) {
	if _, err := u.season(ctx, place{p.Scope(), of.Board}, of.Number); err != nil {
		return nil, err
	}
	found, err := u.parts.Store.Rewards().In(ctx, p.Scope(), of, query, after)
	if err != nil {
		return nil, fmt.Errorf("list rewards: %w", err)
	}
	return found, nil
}

// Claim claims a player's reward, once: ErrRewardClaimed, with the reward as the current
// one, when it was claimed before.
func (u *UseCases) Claim(ctx context.Context, p tenancy.Principal, of ranking.SeasonRef, player identity.PlayerID, effects ...once.Effect[ranking.Reward]) (reward ranking.Reward, _ error) {
	if !ownRewards(p, player) {
		return reward, ranking.ErrRewardsDenied
	}
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return reward, err
	}
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		now := u.parts.Clock.Now()
		claim := tx.Rewards().Claim(ctx, p.Scope(), of, player, environment.Now(now))
		if claim != nil && !errors.Is(claim, ranking.ErrRewardNotFound) {
			return fmt.Errorf("claim reward: %w", claim)
		}
		var err error
		if reward, err = tx.Rewards().Get(ctx, p.Scope(), of, player); err != nil {
			return fmt.Errorf("read reward: %w", err)
		}
		if claim != nil {
			return ranking.ErrRewardClaimed.WithCurrent(reward)
		}
		if p.Kind() == tenancy.SecretKey {
			event := audit.By(p, audit.RewardClaimed, now).On("leaderboard", string(of.Board))
			event.ID = u.parts.IDs.New()
			event.After = map[string]string{"player": string(player), "season": strconv.Itoa(of.Number), "rank": strconv.FormatInt(reward.Rank, 10)}
			if err := tx.Audit().Append(ctx, event); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
		}
		return once.Tell(ctx, tx, reward, effects)
	})
	if err != nil {
		return ranking.Reward{}, err
	}
	u.counters.claims.Add(1)
	return reward, nil
}

// ownRewards tells whether a caller may see and claim a player's rewards.
func ownRewards(p tenancy.Principal, player identity.PlayerID) bool {
	caller, isPlayer := identity.Caller(p)
	return !isPlayer || caller == player
}
