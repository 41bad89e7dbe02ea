package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

var medals = []ranking.Prize{
	{FromRank: 1, ToRank: 1, Payload: `{"medal":"gold"}`}, {FromRank: 2, ToRank: 3, Payload: `{"medal":"silver"}`}, {TopBasisPoints: 5000, Payload: `{"medal":"bronze"}`},
}

func (g *game) environment() tenancy.Environment {
	g.t.Helper()
	environment, err := g.Ports.Store.Environments().Get(context.Background(), g.server.Scope().Environment())
	g.must(err)
	return environment
}

// ends ends the season and gives what it has to give.
func (g *game) ends(board ranking.BoardID, season int) {
	g.t.Helper()
	_, err := g.Operators.CloseSeason(context.Background(), g.operator, here, board, season)
	g.must(err)
	g.Clock.Advance(grace)
	g.tend(g.World)
}

// won lists "rank medal" of each winner in a season, by place.
func (g *game) won(board ranking.BoardID, season int) string {
	g.t.Helper()
	found, err := g.Leaderboards.SeasonRewards(context.Background(), g.server, ranking.SeasonRef{Board: board, Number: season}, ranking.RewardQuery{Limit: 10_000}, 0)
	g.must(err)
	var words []string
	for _, r := range found {
		words = append(words, fmt.Sprintf("%d %s", r.Rank, r.Payload[10:len(r.Payload)-2]))
	}
	return strings.Join(words, ", ")
}

func TestASeasonGivesWhatItsPrizesWereWhenItEnded(t *testing.T) {
	g := newGame(t, "", "", 7)
	g.board("laps", ranking.Definition{Rules: ranking.Rules{TieBreak: ranking.Shared}, Prizes: medals[:1]})
	for i, score := range []int64{50, 40, 40, 30, 20, 99, 98} {
		_, err := g.submit("laps", i, score, 0)
		g.must(err)
	}
	g.sequester(g.World, "laps", g.player(5), "a wallhack")
	g.must(g.Leaderboards.Remove(t.Context(), g.operator, "laps", g.player(6)))
	define := func(prizes []ranking.Prize) {
		t.Helper()
		edit := operators.LeaderboardEdit{Change: func(d *ranking.Definition) { d.Prizes = prizes }}
		_, err := g.Operators.EditLeaderboard(t.Context(), g.operator, here, "laps", edit)
		g.must(err)
	}
	define(medals)
	g.tend(g.World)
	if got := g.won("laps", 1); got != "" {
		t.Errorf("before it ended: %s", got)
	}
	g.ends("laps", 1)
	define(nil)
	g.sequester(g.World, "laps", g.player(5), "")
	g.tend(g.World)
	// Half of the five who had a place is three; two share the second rank.
	if got := g.won("laps", 1); got != "1 gold, 2 silver, 2 silver" {
		t.Errorf("won: %s", got)
	}
	_, err := g.submit("laps", 1, 1, 0)
	g.must(err)
	g.ends("laps", 2)
	if got := g.won("laps", 2); got != "" {
		t.Errorf("without prizes: %s", got)
	}
	mine, err := g.Leaderboards.Rewards(t.Context(), g.players[1], g.player(1), ranking.RewardQuery{Limit: 9}, ranking.SeasonRef{})
	if err != nil || len(mine) != 1 || mine[0].Rank != 2 || mine[0].Place < 2 {
		t.Errorf("mine: %+v, %v", mine, err)
	}
	for what, err := range map[string]error{
		"list":  second(g.Leaderboards.Rewards(t.Context(), g.players[0], g.player(1), ranking.RewardQuery{Limit: 9}, ranking.SeasonRef{})),
		"claim": second(g.Leaderboards.Claim(t.Context(), g.players[0], ranking.SeasonRef{Board: "laps", Number: 1}, g.player(1))),
	} {
		if !errors.Is(err, ranking.ErrRewardsDenied) {
			t.Errorf("another's: %s: %v", what, err)
		}
	}
	if err := second(g.Leaderboards.Claim(t.Context(), g.players[4], ranking.SeasonRef{Board: "laps", Number: 1}, g.player(4))); !errors.Is(err, ranking.ErrRewardNotFound) {
		t.Errorf("one who won nothing: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// errKilled is what a process sees of its own end: nothing after it happens.
var errKilled = errors.New("killed")

// mortal runs so many transactions, of which the last commits without anybody learning of
// it, and none after it.
func mortal(store datastore.Datastore, lives int) leaderboards.InTx {
	return func(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
		if lives == 0 {
			return errKilled
		}
		err := store.InTx(ctx, fn)
		if lives--; lives == 0 {
			return errKilled
		}
		return err
	}
}

// Wherever the freezing and giving is cut off, and whoever goes on with it, everyone who won has one reward,
// that of the place he has in the frozen standings.
func TestRewardsAreGivenOnce(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const winners, players = 1203, 1250 // more than two batches
			g := newGame(t, database(t), "", 0)
			g.board("laps", ranking.Definition{Prizes: []ranking.Prize{{FromRank: 1, ToRank: winners, Payload: `{"medal":"gold"}`}}})
			g.populate("laps", players)
			other := g.Replica(nil)
			_, err := g.Operators.CloseSeason(t.Context(), g.operator, here, "laps", 1)
			g.must(err)
			g.tend(g.World)
			if got := g.won("laps", 1); got != "" {
				t.Fatalf("while it is closing: %s", got)
			}
			g.Clock.Advance(grace)
			environment := g.environment()
			for lives := 1; ; lives++ {
				var all sync.WaitGroup
				errs := make([]error, 2)
				for i, w := range []*composetest.World{g.World, other} {
					all.Go(func() {
						errs[i] = w.Leaderboards.Tend(context.Background(), environment, mortal(w.Ports.Store, lives))
					})
				}
				all.Wait()
				if errs[0] == nil && errs[1] == nil {
					break
				}
				if lives > 10 {
					t.Fatalf("not given: %v", errs)
				}
			}
			ref := ranking.SeasonRef{Board: "laps", Number: 1}
			given, err := g.Leaderboards.SeasonRewards(t.Context(), g.server, ref, ranking.RewardQuery{Limit: 10_000}, 0)
			g.must(err)
			frozen, err := g.Ports.Store.Entries().Top(t.Context(), g.server.Scope(), ref, winners)
			g.must(err)
			if len(given) != winners {
				t.Fatalf("%d rewards for %d winners", len(given), winners)
			}
			for i, r := range given {
				if r.Player != frozen[i].Player || r.Rank != int64(i)+1 || r.Place != int64(i)+1 {
					t.Fatalf("place %d: %+v, who stands there is %s", i+1, r, frozen[i].Player)
				}
			}
		})
	}
}

// A season with many winners doesn't keep those of others waiting: it goes on with the next turn.
func TestATurnGivesSoMuchOfASeason(t *testing.T) {
	const winners = 10_300 // more than a turn gives
	g := newGame(t, "", "", 1)
	for _, id := range []ranking.BoardID{"large", "small"} {
		g.board(id, ranking.Definition{Prizes: []ranking.Prize{{FromRank: 1, ToRank: winners, Payload: `{"medal":"gold"}`}}})
		_, err := g.submit(id, 0, 1, 0)
		g.must(err)
	}
	g.populate("large", winners)
	for _, id := range []ranking.BoardID{"large", "small"} {
		_, err := g.Operators.CloseSeason(t.Context(), g.operator, here, id, 1)
		g.must(err)
	}
	g.Clock.Advance(grace)
	given := func(id ranking.BoardID) int {
		t.Helper()
		found, err := g.Leaderboards.SeasonRewards(t.Context(), g.server, ranking.SeasonRef{Board: id, Number: 1}, ranking.RewardQuery{Limit: 20_000}, 0)
		g.must(err)
		return len(found)
	}
	g.tend(g.World)
	if large, small := given("large"), given("small"); large != 10_000 || small != 1 {
		t.Errorf("after one turn: %d of %d, and %d of the other", large, winners, small)
	}
	g.tend(g.World)
	if large := given("large"); large != winners {
		t.Errorf("after two turns: %d of %d", large, winners)
	}
}

// populate stores players with a run each.
func (g *game) populate(board ranking.BoardID, players int) {
	g.t.Helper()
	ctx, scope, now := context.Background(), g.server.Scope(), g.Clock.Now()
	season, err := g.Ports.Store.Boards().Season(ctx, scope, board, 1)
	g.must(err)
	var newcomers []identity.Newcomer
	var writes []ranking.EntryWrite
	for i := range players {
		p := identity.NewPlayer(identity.PlayerID(g.Ports.IDs.New()), now)
		l := identity.Login{Method: identity.Guest, Player: p.ID, CreatedAt: now}
		copy(l.Subject[:], p.ID)
		newcomers = append(newcomers, identity.Newcomer{Player: p, Login: l})
		e := ranking.Entry{Player: p.ID, Run: ranking.Run{Score: int64(i % 97)}, AchievedAt: now, Revision: 1, CreatedAt: now, UpdatedAt: now}
		writes = append(writes, ranking.EntryWrite{Entry: e, Key: season.Rules.Key(e.Run, now)})
	}
	g.must(g.Ports.Store.Players().Create(ctx, scope, newcomers...))
	g.must(g.Ports.Store.Entries().WriteMany(ctx, scope, ranking.SeasonRef{Board: board, Number: 1}, writes))
}

func TestAHundredClaimsHaveOneEffect(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, database(t), "", 1)
			g.board("laps", ranking.Definition{Prizes: medals})
			_, err := g.submit("laps", 0, 1, 0)
			g.must(err)
			g.ends("laps", 1)
			other := g.Replica(nil)
			ref := ranking.SeasonRef{Board: "laps", Number: 1}
			const claims = 100
			errs := make([]error, claims)
			told := make([]int, claims)
			var all sync.WaitGroup
			for i := range claims {
				all.Go(func() {
					w, p := g.World, g.players[0]
					if i%2 == 1 {
						w, p = other, g.operator
					}
					_, errs[i] = w.Leaderboards.Claim(context.Background(), p, ref, g.player(0), func(context.Context, datastore.Repos, ranking.Reward) error {
						told[i]++
						return nil
					})
				})
			}
			all.Wait()
			claimed := 0
			for i, err := range errs {
				var f *fault.Fault
				switch {
				case err == nil:
					claimed++
					if told[i] == 0 {
						t.Error("nobody was told")
					}
				case !errors.As(err, &f) || !errors.Is(err, ranking.ErrRewardClaimed) || f.Current.(ranking.Reward).ClaimedAt.IsZero():
					t.Errorf("claim: %v", err)
				}
			}
			if claimed != 1 {
				t.Errorf("%d claims succeeded", claimed)
			}
			events, err := g.Operators.Audit(t.Context(), g.operator, here, audit.Query{Action: audit.RewardClaimed, Limit: 9})
			g.must(err)
			if byOperator := slices.Index(errs, nil)%2 == 1; byOperator != (len(events) == 1) {
				t.Errorf("audited: %+v", events)
			}
		})
	}
}

// A claim whose answer can't be kept is no claim.
func TestAClaimIsUndoneWithItsAnswer(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{Prizes: medals})
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	g.ends("laps", 1)
	ref := ranking.SeasonRef{Board: "laps", Number: 1}
	lost := errors.New("lost")
	if _, err := g.Leaderboards.Claim(t.Context(), g.server, ref, g.player(0), func(context.Context, datastore.Repos, ranking.Reward) error { return lost }); !errors.Is(err, lost) {
		t.Errorf("claim: %v", err)
	}
	if r, err := g.Leaderboards.Claim(t.Context(), g.server, ref, g.player(0)); err != nil || r.ClaimedAt.IsZero() {
		t.Errorf("claim: %+v, %v", r, err)
	}
}
