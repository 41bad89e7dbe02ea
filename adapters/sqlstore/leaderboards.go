package sqlstore

import (
	"context"

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
		if err := changed(result, b.orphan(err, tenancy.ErrEnvironmentNotFound), ranking.ErrBoardExists); err != nil {
			return err
		}
		_, err = db.NewInsert().Model(&first).Exec(ctx)
		return err
	})
}

func (b boards) Get(ctx context.Context, scope tenancy.Scope, id ranking.BoardID) (ranking.Board, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Board{}, err
	}
	var row boardRow
	err = b.query(ctx, "read leaderboard", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where("environment_id = ? AND id = ?", environment, ident(id)).Scan(ctx), ranking.ErrBoardNotFound)
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
		q.Where("environment_id = ? AND id > ?", environment, ident(after)).OrderBy("id", bun.OrderAsc)
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
			Where("environment_id = ? AND id = ? AND version = ?", environment, row.ID, row.Version-1).Exec(ctx)
		return changed(result, err, ranking.ErrBoardStale)
	})
}

func (b boards) Delete(ctx context.Context, scope tenancy.Scope, id ranking.BoardID) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return b.atomically(ctx, "delete leaderboard", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*boardRow)(nil)).Where("environment_id = ? AND id = ?", environment, ident(id)).Exec(ctx)
		if err := changed(result, err, ranking.ErrBoardNotFound); err != nil {
			return err
		}
		_, err = db.NewDelete().Model((*quarantineRow)(nil)).Where("environment_id = ? AND board_id = ?", environment, ident(id)).Exec(ctx)
		return err
	})
}
