package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// rulesColumns are those that boards and seasons have in common.
type rulesColumns struct {
	Sort     ident
	Operator ident
	TieBreak ident
	Attempts int
}

func rulesColumnsOf(r ranking.Rules) rulesColumns {
	return rulesColumns{Sort: ident(r.Sort), Operator: ident(r.Operator), TieBreak: ident(r.TieBreak), Attempts: r.Attempts}
}

func (r rulesColumns) rules() ranking.Rules {
	return ranking.Rules{Sort: ranking.Sort(r.Sort), Operator: ranking.Operator(r.Operator), TieBreak: ranking.TieBreak(r.TieBreak), Attempts: r.Attempts}
}

type boardRow struct {
	bun.BaseModel `bun:"table:leaderboards,alias:leaderboards"`
	EnvironmentID ident
	ID            ident
	Name          prose
	rulesColumns
	MinScore      *int64
	MaxScore      *int64
	Submitters    ident
	MetadataBytes int
	Cron          ident
	TimeZone      ident
	Prizes        prizeList
	KeepSeasons   int
	Version       int64
	Season        int
	CreatedAt     instant
	UpdatedAt     instant
	DeletedAt     instant
}

func boardRowOf(environment ident, b ranking.Board) boardRow {
	return boardRow{
		EnvironmentID: environment, ID: ident(b.ID), Name: prose(b.Name), rulesColumns: rulesColumnsOf(b.Rules), MinScore: b.MinScore, MaxScore: b.MaxScore,
		Submitters: ident(b.Submitters), MetadataBytes: b.MetadataBytes, Cron: ident(b.Schedule.Cron), TimeZone: ident(b.Schedule.Zone), Prizes: prizeListOf(b.Prizes), KeepSeasons: b.KeepSeasons, Version: b.Version, Season: b.Season, CreatedAt: at(b.CreatedAt), UpdatedAt: at(b.UpdatedAt),
	}
}

func (r boardRow) board() ranking.Board {
	return ranking.Board{
		ID: ranking.BoardID(r.ID), Version: r.Version, Season: r.Season, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		Definition: ranking.Definition{
			Name: string(r.Name), Rules: r.rules(), MinScore: r.MinScore, MaxScore: r.MaxScore, Submitters: ranking.Submitters(r.Submitters), MetadataBytes: r.MetadataBytes,
			Schedule: ranking.Schedule{Cron: string(r.Cron), Zone: string(r.TimeZone)},
			Prizes:   prizesOf(r.Prizes), KeepSeasons: r.KeepSeasons,
		},
	}
}

type boards struct{ conn }

var _ ranking.Boards = boards{}

func (b boards) Create(ctx context.Context, scope tenancy.Scope, board ranking.Board, season ranking.Season) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row, first := boardRowOf(environment, board), seasonRowOf(environment, season)
	return b.atomically(ctx, "create leaderboard", func(db bun.IDB) error {
		result, err := db.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx)
		err = changed(result, b.orphan(err, tenancy.ErrEnvironmentNotFound), ranking.ErrBoardExists)
		if errors.Is(err, ranking.ErrBoardExists) {
			return b.taken(ctx, db, environment, row.ID)
		}
		if err != nil {
			return err
		}
		_, err = db.NewInsert().Model(&first).Exec(ctx)
		return err
	})
}

// taken tells by what a board's id is taken.
func (b boards) taken(ctx context.Context, db bun.IDB, environment, id ident) error {
	var row boardRow
	err := db.NewSelect().Model(&row).Column("deleted_at").Where("environment_id = ? AND id = ?", environment, id).Scan(ctx)
	if err := missing(err, ranking.ErrBoardGoing); err != nil { // just now
		return err
	}
	if row.DeletedAt.IsZero() {
		return ranking.ErrBoardExists
	}
	return ranking.ErrBoardGoing
}

func (b boards) Get(ctx context.Context, scope tenancy.Scope, id ranking.BoardID) (ranking.Board, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Board{}, err
	}
	var row boardRow
	err = b.query(ctx, "read leaderboard", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where("environment_id = ? AND id = ? AND deleted_at IS NULL", environment, ident(id)).Scan(ctx), ranking.ErrBoardNotFound)
	})
	if err != nil {
		return ranking.Board{}, err
	}
	return row.board(), nil
}

func (b boards) List(ctx context.Context, scope tenancy.Scope, after ranking.BoardID, limit int) ([]ranking.Board, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list leaderboards", limit, boardRow.board, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND id > ? AND deleted_at IS NULL", environment, ident(after)).OrderBy("id", bun.OrderAsc)
	})
}

func (b boards) Update(ctx context.Context, scope tenancy.Scope, board ranking.Board) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := boardRowOf(environment, board)
	return b.exec(ctx, "update leaderboard", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model(&row).
			Column("name", "sort", "operator", "tie_break", "attempts", "min_score", "max_score", "submitters", "metadata_bytes", "cron", "time_zone", "prizes", "keep_seasons", "version", "updated_at").
			Where("environment_id = ? AND id = ? AND version = ? AND deleted_at IS NULL", environment, row.ID, row.Version-1).Exec(ctx)
		return changed(result, err, ranking.ErrBoardStale)
	})
}

func (b boards) Delete(ctx context.Context, scope tenancy.Scope, open ranking.SeasonRef, now time.Time) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return b.atomically(ctx, "delete leaderboard", func(db bun.IDB) error {
		// It waits for those who hold a season, and from then on nobody closes the open one.
		_, err := db.NewUpdate().Model((*seasonRow)(nil)).Set("retired_at = ?", at(now)).
			Where("environment_id = ? AND board_id = ? AND retired_at IS NULL", environment, ident(open.Board)).Exec(ctx)
		if err != nil {
			return err
		}
		result, err := db.NewUpdate().Model((*boardRow)(nil)).Set("deleted_at = ?", at(now)).
			Where("environment_id = ? AND id = ? AND season = ? AND deleted_at IS NULL", environment, ident(open.Board), open.Number).Exec(ctx)
		return changed(result, err, ranking.ErrSeasonNotFound)
	})
}

func (b boards) Deleted(ctx context.Context, scope tenancy.Scope, after ranking.BoardID, limit int) ([]ranking.BoardID, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list deleted leaderboards", limit, func(r boardRow) ranking.BoardID { return ranking.BoardID(r.ID) }, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND id > ? AND deleted_at IS NOT NULL", environment, ident(after)).OrderBy("id", bun.OrderAsc)
	})
}

// ofBoard are the tables of what a board has, each in the order of an index that begins with the environment and the
// board, so that no plan made on what a table was before reads it whole.
var ofBoard = []struct{ table, order string }{
	{"leaderboard_seasons", "number"},
	{"leaderboard_entries", "season, rank_key, player_id"},
	{"rewards", "season, place"},
	{"quarantines", "player_id"},
}

func (b boards) EraseBoard(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, rows int) (erased bool, err error) {
	environment, err := within(scope)
	if err != nil {
		return false, err
	}
	err = b.atomically(ctx, "erase leaderboard", func(db bun.IDB) error {
		erased = false
		found := 0
		for _, of := range ofBoard {
			n := 0
			text := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE environment_id = ? AND board_id = ? ORDER BY %s LIMIT ?) AS found", of.table, of.order)
			if err := db.NewRaw(text, environment, ident(id), rows+1).Scan(ctx, &n); err != nil {
				return fmt.Errorf("count %s: %w", of.table, err)
			}
			if found += n; found > rows {
				return nil
			}
		}
		// The database deletes with it what is left in its seasons.
		result, err := db.NewDelete().Model((*boardRow)(nil)).Where("environment_id = ? AND id = ? AND deleted_at IS NOT NULL", environment, ident(id)).Exec(ctx)
		if err := changed(result, err, ranking.ErrBoardNotFound); err != nil {
			return err
		}
		_, err = db.NewDelete().Model((*quarantineRow)(nil)).Where("environment_id = ? AND board_id = ?", environment, ident(id)).Exec(ctx)
		erased = err == nil
		return err
	})
	return erased, err
}
