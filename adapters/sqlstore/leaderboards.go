package sqlstore

import (
	"context"
	"slices"

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
	Version       int64
	Season        int
	CreatedAt     instant
	UpdatedAt     instant
}

func boardRowOf(environment ident, b ranking.Board) boardRow {
	return boardRow{
		EnvironmentID: environment, ID: ident(b.ID), Name: prose(b.Name), rulesColumns: rulesColumnsOf(b.Rules), MinScore: b.MinScore, MaxScore: b.MaxScore,
		Submitters: ident(b.Submitters), MetadataBytes: b.MetadataBytes, Version: b.Version, Season: b.Season, CreatedAt: at(b.CreatedAt), UpdatedAt: at(b.UpdatedAt),
	}
}

func (r boardRow) board() ranking.Board {
	return ranking.Board{
		ID: ranking.BoardID(r.ID), Version: r.Version, Season: r.Season, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		Definition: ranking.Definition{
			Name: string(r.Name), Rules: r.rules(), MinScore: r.MinScore, MaxScore: r.MaxScore, Submitters: ranking.Submitters(r.Submitters), MetadataBytes: r.MetadataBytes,
		},
	}
}

type seasonRow struct {
	bun.BaseModel `bun:"table:leaderboard_seasons,alias:leaderboard_seasons"`
	EnvironmentID ident
	BoardID       ident
	Number        int
	rulesColumns
	StartedAt instant
	EndedAt   instant
	Epoch     int64
}

func seasonRowOf(environment ident, s ranking.Season) seasonRow {
	return seasonRow{
		EnvironmentID: environment, BoardID: ident(s.Board), Number: s.Number, rulesColumns: rulesColumnsOf(s.Rules),
		StartedAt: at(s.StartedAt), EndedAt: at(s.EndedAt), Epoch: s.Epoch,
	}
}

func (r seasonRow) season() ranking.Season {
	return ranking.Season{
		Board: ranking.BoardID(r.BoardID), Number: r.Number, Rules: r.rules(), StartedAt: r.StartedAt.Time, EndedAt: r.EndedAt.Time, Epoch: r.Epoch,
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
			Column("name", "sort", "operator", "tie_break", "attempts", "min_score", "max_score", "submitters", "metadata_bytes", "version", "updated_at").
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

func (b boards) Season(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, number int) (ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Season{}, err
	}
	var row seasonRow
	err = b.query(ctx, "read season", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where("environment_id = ? AND board_id = ? AND number = ?", environment, ident(id), number)
		return missing(q.Scan(ctx), ranking.ErrSeasonNotFound)
	})
	if err != nil {
		return ranking.Season{}, err
	}
	return row.season(), nil
}

func (b boards) Seasons(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, before, limit int) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list seasons", limit, seasonRow.season, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND board_id = ?", environment, ident(id))
		if before > 0 {
			q.Where("number < ?", before)
		}
		q.OrderBy("number", bun.OrderDesc)
	})
}

func (b boards) Hold(ctx context.Context, scope tenancy.Scope, ids []ranking.BoardID) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	seasons := []ranking.Season{}
	if len(ids) == 0 {
		return seasons, nil
	}
	names := make([]ident, len(ids))
	for i, id := range ids {
		names[i] = ident(id)
	}
	slices.Sort(names)
	var rows []seasonRow
	err = b.query(ctx, "hold seasons", func(db bun.IDB) error {
		rows = nil
		q := db.NewSelect().Model(&rows).Where("environment_id = ? AND board_id IN (?) AND ended_at IS NULL", environment, bun.List(names))
		if b.inTx && b.shared.engine.RowLocks {
			q.For("SHARE")
		}
		return q.Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		seasons = append(seasons, row.season())
	}
	return seasons, nil
}

func (b boards) Close(ctx context.Context, scope tenancy.Scope, ended, next ranking.Season) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := seasonRowOf(environment, next)
	return b.atomically(ctx, "close season", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*seasonRow)(nil)).Set("ended_at = ?", at(ended.EndedAt)).
			Where("environment_id = ? AND board_id = ? AND number = ? AND epoch = ? AND ended_at IS NULL", environment, ident(ended.Board), ended.Number, ended.Epoch).Exec(ctx)
		if err := changed(result, err, ranking.ErrSeasonNotFound); err != nil {
			return err
		}
		if _, err := db.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		result, err = db.NewUpdate().Model((*boardRow)(nil)).Set("season = ?", next.Number).
			Where("environment_id = ? AND id = ?", environment, ident(next.Board)).Exec(ctx)
		return changed(result, err, ranking.ErrBoardNotFound)
	})
}

func (b boards) Renew(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, number int) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return b.exec(ctx, "renew season", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*seasonRow)(nil)).Set("epoch = epoch + 1").
			Where("environment_id = ? AND board_id = ? AND number = ?", environment, ident(id), number).Exec(ctx)
		return changed(result, err, ranking.ErrSeasonNotFound)
	})
}
