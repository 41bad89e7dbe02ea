package sqlstore

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// rankKey is the bytes of a key; none when the entry has no place. In a list of
// values PostgreSQL must be told what they are.
type rankKey []byte

var _ schema.QueryAppender = rankKey{}

func (k rankKey) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if gen.Dialect().Name() == dialect.SQLite {
		return fmt.Appendf(b, "X'%x'", []byte(k)), nil
	}
	b = append(b, `'\x`...)
	return append(hex.AppendEncode(b, k), `'::bytea`...), nil
}

type entryRow struct {
	bun.BaseModel `bun:"table:leaderboard_entries,alias:leaderboard_entries"`
	EnvironmentID ident
	PlayerID      ident
	BoardID       ident
	Season        int
	RankKey       rankKey
	Score         int64
	Subscore      int64
	AchievedAt    instant
	Metadata      ident
	Submissions   int
	RemovedAt     instant
	Hidden        bool
	Revision      int64
	CreatedAt     instant
	UpdatedAt     instant
}

func entryRowOf(environment ident, season ranking.SeasonRef, w ranking.EntryWrite) entryRow {
	e := w.Entry
	row := entryRow{
		EnvironmentID: environment, PlayerID: ident(e.Player), BoardID: ident(season.Board), Season: season.Number, RankKey: w.Key[:],
		Score: e.Run.Score, Subscore: e.Run.Subscore, AchievedAt: at(e.AchievedAt), Metadata: ident(e.Metadata), Submissions: e.Submissions,
		RemovedAt: at(e.RemovedAt), Hidden: e.Hidden, Revision: e.Revision, CreatedAt: at(e.CreatedAt), UpdatedAt: at(e.UpdatedAt),
	}
	if !e.Listed() {
		row.RankKey = rankKey{}
	}
	return row
}

func (r entryRow) entry() ranking.Entry {
	return ranking.Entry{
		Player: identity.PlayerID(r.PlayerID), Run: ranking.Run{Score: r.Score, Subscore: r.Subscore}, AchievedAt: r.AchievedAt.Time, Metadata: string(r.Metadata),
		Submissions: r.Submissions, RemovedAt: r.RemovedAt.Time, Hidden: r.Hidden, Revision: r.Revision, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

type entries struct{ conn }

var _ ranking.Entries = entries{}

const ofSeason = "environment_id = ? AND board_id = ? AND season = ?"

func (e entries) LockMany(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, players []identity.PlayerID) ([]ranking.Entry, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := []ranking.Entry{}
	if len(players) == 0 {
		return found, nil
	}
	given := make([][]any, len(players))
	for i, player := range slices.Sorted(slices.Values(players)) {
		given[i] = []any{ident(player), ident(season.Board), int64(season.Number)}
	}
	var rows []entryRow
	err = e.query(ctx, "lock entries", func(db bun.IDB) error {
		rows = nil
		return e.gather(ctx, db, entriesLocked, environment, given, &rows)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, row.entry())
	}
	return found, nil
}

var (
	entryKey      = []column{{"player_id", texts}, {"board_id", texts}, {"season", integers}}
	entriesLocked = &search{columns: entryKey, lock: forUpdate}
	// entriesWritten does with entries what documentsWritten does with documents.
	entriesWritten = &bulk{
		columns: append(slices.Clip(entryKey),
			column{"rank_key", octets}, column{"score", integers}, column{"subscore", integers}, column{"achieved_at", moments}, column{"metadata", texts},
			column{"submissions", integers}, column{"removed_at", moments}, column{"hidden", truths}, column{"revision", integers}, column{"created_at", moments}, column{"updated_at", moments}, column{"stored", integers}),
		text: `INSERT INTO leaderboard_entries (environment_id, player_id, board_id, season,
				rank_key, score, subscore, achieved_at, metadata, submissions, removed_at, hidden, revision, created_at, updated_at)
			SELECT {environment}, player_id, board_id, season, rank_key, score, subscore, achieved_at, metadata, submissions, removed_at, hidden, revision, created_at, updated_at FROM given
			WHERE given.stored = COALESCE((SELECT entry.revision FROM leaderboard_entries AS entry WHERE entry.environment_id = {environment}
				AND entry.player_id = given.player_id AND entry.board_id = given.board_id AND entry.season = given.season), 0)
			ON CONFLICT (environment_id, player_id, board_id, season) DO UPDATE SET
				rank_key = excluded.rank_key, score = excluded.score, subscore = excluded.subscore, achieved_at = excluded.achieved_at, metadata = excluded.metadata,
				submissions = excluded.submissions, removed_at = excluded.removed_at, hidden = excluded.hidden, revision = excluded.revision, updated_at = excluded.updated_at
			WHERE leaderboard_entries.revision = (SELECT given.stored FROM given WHERE given.player_id = excluded.player_id)`,
	}
)

func (e entries) WriteMany(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, writes []ranking.EntryWrite) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	if len(writes) == 0 {
		return nil
	}
	// Rows are locked, and those that are not there yet met at the index, in one order.
	writes = slices.SortedFunc(slices.Values(writes), func(a, b ranking.EntryWrite) int {
		return strings.Compare(string(a.Entry.Player), string(b.Entry.Player))
	})
	given := make([][]any, len(writes))
	for i, w := range writes {
		if w.Before < 0 || w.Entry.Revision <= w.Before {
			return fmt.Errorf("write entries: revision %d can't follow %d", w.Entry.Revision, w.Before)
		}
		r := entryRowOf(environment, season, w)
		given[i] = []any{
			r.PlayerID, r.BoardID, int64(r.Season), r.RankKey, r.Score, r.Subscore, r.AchievedAt, r.Metadata,
			int64(r.Submissions), r.RemovedAt, r.Hidden, r.Revision, r.CreatedAt, r.UpdatedAt, w.Before,
		}
	}
	return e.atomically(ctx, "write entries", func(db bun.IDB) error {
		result, err := e.spread(ctx, db, entriesWritten, environment, given)
		return changedAll(len(writes), result, e.orphan(err, identity.ErrPlayerNotFound), ranking.ErrEntryStale)
	})
}

func (e entries) All(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, after ranking.Cursor, limit int) ([]ranking.Entry, ranking.Cursor, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, after, err
	}
	found, err := list(ctx, e.conn, "read entries", limit, func(r entryRow) ranking.Entry {
		after = ranking.Cursor{Key: r.RankKey, Player: identity.PlayerID(r.PlayerID)}
		return r.entry()
	}, func(q *bun.SelectQuery) {
		q.Where(ofSeason, environment, ident(season.Board), season.Number).
			Where("(rank_key, player_id) > (?, ?)", rankKey(after.Key), ident(after.Player)).
			OrderBy("rank_key", bun.OrderAsc).OrderBy("player_id", bun.OrderAsc)
	})
	return found, after, err
}

func (e entries) Top(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, limit int) ([]ranking.Entry, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, e.conn, "read top entries", limit, entryRow.entry, func(q *bun.SelectQuery) {
		q.Where(ofSeason, environment, ident(season.Board), season.Number).Where("rank_key > ?", rankKey{}).
			OrderBy("rank_key", bun.OrderAsc).OrderBy("player_id", bun.OrderAsc)
	})
}

func (e entries) Standing(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, player identity.PlayerID, bound int, shared bool) (ranking.Counted, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Counted{}, err
	}
	ahead := "(other.rank_key, other.player_id) < (leaderboard_entries.rank_key, leaderboard_entries.player_id)"
	if shared {
		ahead = fmt.Sprintf("other.rank_key < substr(leaderboard_entries.rank_key, 1, %d)", ranking.Prefix)
	}
	// The order is of no matter to the count. It keeps the engine from reading the whole
	// table where it believes that most of it is ahead.
	var row struct {
		entryRow `bun:",extend"`
		Ahead    int64
	}
	err = e.query(ctx, "read standing", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).ColumnExpr("leaderboard_entries.*").
			ColumnExpr(`(SELECT count(*) FROM (SELECT 1 FROM leaderboard_entries AS other WHERE other.environment_id = ? AND other.board_id = ? AND other.season = ?
				AND other.rank_key > ? AND `+ahead+` ORDER BY other.rank_key, other.player_id LIMIT ?) AS found) AS ahead`, environment, ident(season.Board), season.Number, rankKey{}, bound).
			Where("environment_id = ? AND player_id = ? AND board_id = ? AND season = ? AND rank_key > ?", environment, ident(player), ident(season.Board), season.Number, rankKey{})
		return missing(q.Scan(ctx), ranking.ErrNotRanked)
	})
	if err != nil {
		return ranking.Counted{}, err
	}
	return ranking.Counted{Entry: row.entry(), Ahead: row.Ahead}, nil
}

func (e entries) OpenOf(ctx context.Context, scope tenancy.Scope, player identity.PlayerID) ([]ranking.BoardID, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	boards := []ranking.BoardID{}
	var names []ident
	err = e.query(ctx, "list a player's leaderboards", func(db bun.IDB) error {
		names = nil
		return db.NewSelect().TableExpr("leaderboard_entries AS entry").ColumnExpr("entry.board_id").
			Join("JOIN leaderboard_seasons AS season ON season.environment_id = entry.environment_id AND season.board_id = entry.board_id AND season.number = entry.season").
			Where("entry.environment_id = ? AND entry.player_id = ? AND season.ended_at IS NULL AND season.retired_at IS NULL", environment, ident(player)).
			OrderExpr("entry.board_id").Scan(ctx, &names)
	})
	for _, name := range names {
		boards = append(boards, ranking.BoardID(name))
	}
	return boards, err
}

func (e entries) Purge(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, after ranking.Cursor, limit int) (int, ranking.Cursor, error) {
	page, last, err := e.All(ctx, scope, season, after, limit)
	if err != nil || len(page) == 0 {
		return 0, after, err
	}
	err = e.purge(ctx, "purge entries", scope, season, (*entryRow)(nil), func(q *bun.DeleteQuery) {
		const position = "(rank_key, player_id)"
		q.Where(position+" > (?, ?)", rankKey(after.Key), ident(after.Player)).Where(position+" <= (?, ?)", rankKey(last.Key), ident(last.Player))
	})
	return len(page), last, err
}

func (e entries) Count(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, bound int) (int64, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var n int64
	err = e.query(ctx, "count entries", func(db bun.IDB) error {
		return db.NewRaw("SELECT count(*) FROM (SELECT 1 FROM leaderboard_entries WHERE "+ofSeason+" AND rank_key > ? ORDER BY rank_key, player_id LIMIT ?) AS found",
			environment, ident(season.Board), season.Number, rankKey{}, bound).Scan(ctx, &n)
	})
	return n, err
}
