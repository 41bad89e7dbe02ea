package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// prizeJSON is a prize as it is kept.
type prizeJSON struct {
	FromRank       int64  `json:"from_rank,omitempty"`
	ToRank         int64  `json:"to_rank,omitempty"`
	TopBasisPoints int64  `json:"top_basis_points,omitempty"`
	Payload        string `json:"payload"`
}

// prizeList is what a board or an award has of them; NULL: none.
type prizeList = jsonText[[]prizeJSON]

func prizeListOf(prizes []ranking.Prize) (list prizeList) {
	for _, p := range prizes {
		list.Value = append(list.Value, prizeJSON(p))
	}
	return list
}

func prizesOf(list prizeList) (prizes []ranking.Prize) {
	for _, p := range list.Value {
		prizes = append(prizes, ranking.Prize(p))
	}
	return prizes
}

type awardRow struct {
	bun.BaseModel `bun:"table:awards,alias:awards"`
	EnvironmentID ident
	BoardID       ident
	Season        int
	Prizes        prizeList
	Entries       int64
	Place         int64
	Rank          int64
	RankKey       rankKey
	PlayerID      ident
	Finished      bool
}

func awardRowOf(environment ident, a ranking.Award) awardRow {
	return awardRow{
		EnvironmentID: environment, BoardID: ident(a.Board), Season: a.Season, Prizes: prizeListOf(a.Prizes), Entries: a.Count,
		Place: a.Place, Rank: a.Rank, RankKey: rankKey(a.After.Key), PlayerID: ident(a.After.Player), Finished: a.Finished,
	}
}

func (r awardRow) award() ranking.Award {
	return ranking.Award{
		Board: ranking.BoardID(r.BoardID), Season: r.Season, Prizes: prizesOf(r.Prizes), Count: r.Entries, Place: r.Place, Rank: r.Rank,
		After: ranking.Cursor{Key: r.RankKey, Player: identity.PlayerID(r.PlayerID)}, Finished: r.Finished,
	}
}

type rewardRow struct {
	bun.BaseModel `bun:"table:rewards,alias:rewards"`
	EnvironmentID ident
	PlayerID      ident
	BoardID       ident
	Season        int
	Place         int64
	Rank          int64
	Payload       prose
	CreatedAt     instant
	ClaimedAt     instant
}

func (r rewardRow) reward() ranking.Reward {
	return ranking.Reward{
		Board: ranking.BoardID(r.BoardID), Season: r.Season, Player: identity.PlayerID(r.PlayerID), Rank: r.Rank, Place: r.Place, Payload: string(r.Payload),
		CreatedAt: r.CreatedAt.Time, ClaimedAt: r.ClaimedAt.Time,
	}
}

type rewards struct{ conn }

var _ ranking.Rewards = rewards{}

func (r rewards) Begin(ctx context.Context, scope tenancy.Scope, award ranking.Award) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := awardRowOf(environment, award)
	return r.exec(ctx, "begin award", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return r.orphan(err, ranking.ErrSeasonNotFound)
	})
}

func (r rewards) Unfinished(ctx context.Context, scope tenancy.Scope, after ranking.SeasonRef, limit int) ([]ranking.SeasonRef, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, r.conn, "list unfinished awards", limit, func(row awardRow) ranking.SeasonRef {
		return ranking.SeasonRef{Board: ranking.BoardID(row.BoardID), Number: row.Season}
	}, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND NOT finished AND (board_id, season) > (?, ?)", environment, ident(after.Board), after.Number).
			OrderBy("board_id", bun.OrderAsc).OrderBy("season", bun.OrderAsc)
	})
}

func (r rewards) Award(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef) (ranking.Award, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Award{}, err
	}
	var row awardRow
	err = r.query(ctx, "read award", func(db bun.IDB) error {
		q := r.lock(db.NewSelect().Model(&row).Where(ofSeason, environment, ident(season.Board), season.Number))
		return missing(q.Scan(ctx), ranking.ErrAwardNotFound)
	})
	if err != nil {
		return ranking.Award{}, err
	}
	return row.award(), nil
}

var rewardsGiven = &bulk{
	columns: []column{
		{"player_id", texts}, {"board_id", texts}, {"season", integers}, {"place", integers}, {"rank", integers}, {"payload", texts}, {"created_at", moments},
	},
	text: `INSERT INTO rewards (environment_id, player_id, board_id, season, place, rank, payload, created_at)
		SELECT {environment}, player_id, board_id, season, place, rank, payload, created_at FROM given WHERE true
		ON CONFLICT (environment_id, player_id, board_id, season) DO NOTHING`,
}

func (r rewards) Give(ctx context.Context, scope tenancy.Scope, award ranking.Award, given []ranking.Reward) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	given = slices.SortedFunc(slices.Values(given), func(a, b ranking.Reward) int { return strings.Compare(string(a.Player), string(b.Player)) })
	rows := make([][]any, len(given))
	for i, g := range given {
		rows[i] = []any{ident(g.Player), ident(g.Board), int64(g.Season), g.Place, g.Rank, prose(g.Payload), at(g.CreatedAt)}
	}
	progress := awardRowOf(environment, award)
	return r.atomically(ctx, "give rewards", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model(&progress).Column("entries", "place", "rank", "rank_key", "player_id", "finished").
			Where(ofSeason, environment, progress.BoardID, progress.Season).Exec(ctx)
		if err := changed(result, err, ranking.ErrAwardNotFound); err != nil || len(rows) == 0 {
			return err
		}
		_, err = r.spread(ctx, db, rewardsGiven, environment, rows)
		return r.orphan(err, identity.ErrPlayerNotFound)
	})
}

const (
	rewardOf = "environment_id = ? AND player_id = ? AND board_id = ? AND season = ?"
	// unretired leaves out the rewards of retired seasons.
	unretired = `(SELECT term.retired_at FROM leaderboard_seasons AS term WHERE term.environment_id = rewards.environment_id
		AND term.board_id = rewards.board_id AND term.number = rewards.season) IS NULL`
)

func (r rewards) Get(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, player identity.PlayerID) (ranking.Reward, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Reward{}, err
	}
	var row rewardRow
	err = r.query(ctx, "read reward", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where(rewardOf, environment, ident(player), ident(season.Board), season.Number).Where(unretired)
		return missing(q.Scan(ctx), ranking.ErrRewardNotFound)
	})
	if err != nil {
		return ranking.Reward{}, err
	}
	return row.reward(), nil
}

func (r rewards) Claim(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, player identity.PlayerID, when time.Time) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return r.exec(ctx, "claim reward", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*rewardRow)(nil)).Set("claimed_at = ?", at(when)).
			Where(rewardOf+" AND claimed_at IS NULL", environment, ident(player), ident(season.Board), season.Number).Where(unretired).Exec(ctx)
		return changed(result, err, ranking.ErrRewardNotFound)
	})
}

func (r rewards) Of(ctx context.Context, scope tenancy.Scope, player identity.PlayerID, query ranking.RewardQuery, after ranking.SeasonRef) ([]ranking.Reward, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, r.conn, "list a player's rewards", query.Limit, rewardRow.reward, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND player_id = ? AND (board_id, season) > (?, ?)", environment, ident(player), ident(after.Board), after.Number).Where(unretired)
		unclaimed(q, query).OrderBy("board_id", bun.OrderAsc).OrderBy("season", bun.OrderAsc)
	})
}

func (r rewards) In(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, query ranking.RewardQuery, after int64) ([]ranking.Reward, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, r.conn, "list a season's rewards", query.Limit, rewardRow.reward, func(q *bun.SelectQuery) {
		q.Where(ofSeason+" AND place > ?", environment, ident(season.Board), season.Number, after)
		unclaimed(q, query).OrderBy("place", bun.OrderAsc)
	})
}

func (r rewards) Purge(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, after int64, limit int) (int, int64, error) {
	page, err := r.In(ctx, scope, season, ranking.RewardQuery{Limit: limit}, after)
	if err != nil || len(page) == 0 {
		return 0, after, err
	}
	last := page[len(page)-1].Place
	err = r.purge(ctx, "purge rewards", scope, season, (*rewardRow)(nil), func(q *bun.DeleteQuery) { q.Where("place > ? AND place <= ?", after, last) })
	return len(page), last, err
}

// purge deletes rows of a season in a range of its index.
func (c conn) purge(ctx context.Context, what string, scope tenancy.Scope, season ranking.SeasonRef, model any, within func(q *bun.DeleteQuery)) error {
	return c.exec(ctx, what, func(db bun.IDB) error {
		q := db.NewDelete().Model(model).Where(ofSeason, ident(scope.Environment()), ident(season.Board), season.Number)
		within(q)
		_, err := q.Exec(ctx)
		return err
	})
}

func unclaimed(q *bun.SelectQuery, query ranking.RewardQuery) *bun.SelectQuery {
	if query.Unclaimed {
		q.Where("claimed_at IS NULL")
	}
	return q
}
