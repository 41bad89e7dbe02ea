package sqlstore

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type seasonRow struct {
	bun.BaseModel `bun:"table:leaderboard_seasons,alias:leaderboard_seasons"`
	EnvironmentID ident
	BoardID       ident
	Number        int
	rulesColumns
	State          ident
	StartedAt      instant
	PlannedEnd     instant
	EndedAt        instant
	FreezesAt      instant
	Epoch          int64
	ArchivedAt     instant
	ArchiveSHA256  ident `bun:"archive_sha256"`
	ArchiveBytes   int64
	ArchiveEntries int64
	RetiredAt      instant
}

// seasonRowOf is a season that has no archive: those get one by Archive.
func seasonRowOf(environment ident, s ranking.Season) seasonRow {
	return seasonRow{
		EnvironmentID: environment, BoardID: ident(s.Board), Number: s.Number, rulesColumns: rulesColumnsOf(s.Rules), State: ident(s.State),
		StartedAt: at(s.StartedAt), PlannedEnd: at(s.PlannedEnd), EndedAt: at(s.EndedAt), FreezesAt: at(s.FreezesAt), Epoch: s.Epoch,
	}
}

func (r seasonRow) season() ranking.Season {
	s := ranking.Season{
		Board: ranking.BoardID(r.BoardID), Number: r.Number, State: ranking.State(r.State), Rules: r.rules(),
		StartedAt: r.StartedAt.Time, PlannedEnd: r.PlannedEnd.Time, EndedAt: r.EndedAt.Time, FreezesAt: r.FreezesAt.Time, Epoch: r.Epoch,
		Archive: ranking.Archive{At: r.ArchivedAt.Time, Bytes: r.ArchiveBytes, Entries: r.ArchiveEntries},
	}
	_, _ = hex.Decode(s.Archive.Hash[:], []byte(r.ArchiveSHA256)) // empty while there is none
	return s
}

func (b boards) Season(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, number int) (ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return ranking.Season{}, err
	}
	var row seasonRow
	err = b.query(ctx, "read season", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where("environment_id = ? AND board_id = ? AND number = ? AND retired_at IS NULL", environment, ident(id), number)
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
		q.Where("environment_id = ? AND board_id = ? AND retired_at IS NULL", environment, ident(id))
		if before > 0 {
			q.Where("number < ?", before)
		}
		q.OrderBy("number", bun.OrderDesc)
	})
}

func (b boards) Hold(ctx context.Context, scope tenancy.Scope, wanted []ranking.SeasonRef) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	seasons := []ranking.Season{}
	if len(wanted) == 0 {
		return seasons, nil
	}
	// By the whole of their key each, so that nothing else is locked.
	keys := make([]string, len(wanted))
	values := []any{environment}
	for i, one := range wanted {
		keys[i] = "(?, ?)"
		values = append(values, ident(one.Board), one.Number)
	}
	var rows []seasonRow
	err = b.query(ctx, "hold seasons", func(db bun.IDB) error {
		rows = nil
		q := db.NewSelect().Model(&rows).
			Where("environment_id = ? AND (board_id, number) IN (VALUES "+strings.Join(keys, ", ")+")", values...).
			Where("state IN (?, ?) AND retired_at IS NULL", ident(ranking.Open), ident(ranking.Closing))
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

func (b boards) Plan(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, end time.Time) error {
	return b.changeSeason(ctx, "plan season", scope, season, func(q *bun.UpdateQuery) {
		q.Set("planned_end = ?", at(end)).Where("ended_at IS NULL")
	})
}

func (b boards) Advance(ctx context.Context, scope tenancy.Scope, season ranking.Season, from ranking.State) error {
	return b.changeSeason(ctx, "advance season", scope, season.Ref(), func(q *bun.UpdateQuery) {
		q.Set("state = ?", ident(season.State)).Where("state = ?", ident(from))
	})
}

func (b boards) Archive(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, archive ranking.Archive) error {
	return b.changeSeason(ctx, "archive season", scope, season, func(q *bun.UpdateQuery) {
		q.Set("state = ?", ident(ranking.Archived)).Set("archived_at = ?", at(archive.At)).
			Set("archive_sha256 = ?", ident(archive.SHA256())).Set("archive_bytes = ?", archive.Bytes).Set("archive_entries = ?", archive.Entries).
			Where("state = ?", ident(ranking.Closed))
	})
}

func (b boards) Renew(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, number int) error {
	return b.changeSeason(ctx, "renew season", scope, ranking.SeasonRef{Board: id, Number: number}, func(q *bun.UpdateQuery) {
		q.Set("epoch = epoch + 1")
	})
}

func (b boards) Retire(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef, now time.Time) error {
	return b.changeSeason(ctx, "retire season", scope, season, func(q *bun.UpdateQuery) {
		q.Set("retired_at = ?", at(now)).Where("state = ?", ident(ranking.Archived))
	})
}

func (b boards) Retired(ctx context.Context, scope tenancy.Scope, before time.Time, after ranking.SeasonRef, limit int) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list retired seasons", limit, seasonRow.season, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND retired_at IS NOT NULL AND retired_at < ?", environment, at(before)).
			Where("(board_id, number) > (?, ?)", ident(after.Board), after.Number).
			OrderBy("board_id", bun.OrderAsc).OrderBy("number", bun.OrderAsc)
	})
}

func (b boards) Erase(ctx context.Context, scope tenancy.Scope, season ranking.SeasonRef) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return b.exec(ctx, "erase season", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*seasonRow)(nil)).
			Where("environment_id = ? AND board_id = ? AND number = ? AND retired_at IS NOT NULL", environment, ident(season.Board), season.Number).Exec(ctx)
		return changed(result, err, ranking.ErrSeasonNotFound)
	})
}

// changeSeason updates a season, and is ErrSeasonNotFound when change leaves it out.
func (b boards) changeSeason(ctx context.Context, what string, scope tenancy.Scope, season ranking.SeasonRef, change func(q *bun.UpdateQuery)) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return b.exec(ctx, what, func(db bun.IDB) error {
		q := db.NewUpdate().Model((*seasonRow)(nil)).
			Where("environment_id = ? AND board_id = ? AND number = ? AND retired_at IS NULL", environment, ident(season.Board), season.Number)
		change(q)
		result, err := q.Exec(ctx)
		return changed(result, err, ranking.ErrSeasonNotFound)
	})
}

func (b boards) Due(ctx context.Context, scope tenancy.Scope, now time.Time, limit int) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list due seasons", limit, seasonRow.season, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND ended_at IS NULL AND planned_end <= ? AND retired_at IS NULL", environment, at(now)).OrderBy("planned_end", bun.OrderAsc)
	})
}

func (b boards) Unfinished(ctx context.Context, scope tenancy.Scope, after ranking.SeasonRef, limit int) ([]ranking.Season, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, b.conn, "list unfinished seasons", limit, seasonRow.season, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND ended_at IS NOT NULL AND archived_at IS NULL AND retired_at IS NULL", environment).
			Where("(board_id, number) > (?, ?)", ident(after.Board), after.Number).
			OrderBy("board_id", bun.OrderAsc).OrderBy("number", bun.OrderAsc)
	})
}

func (b boards) Close(ctx context.Context, scope tenancy.Scope, version int64, ended, next ranking.Season) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := seasonRowOf(environment, next)
	return b.atomically(ctx, "close season", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*seasonRow)(nil)).
			Set("state = ?", ident(ended.State)).Set("ended_at = ?", at(ended.EndedAt)).Set("freezes_at = ?", at(ended.FreezesAt)).
			Where("environment_id = ? AND board_id = ? AND number = ? AND epoch = ? AND ended_at IS NULL AND retired_at IS NULL", environment, ident(ended.Board), ended.Number, ended.Epoch).Exec(ctx)
		if err := changed(result, err, ranking.ErrSeasonNotFound); err != nil {
			return err
		}
		if _, err := db.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		result, err = db.NewUpdate().Model((*boardRow)(nil)).Set("season = ?", next.Number).
			Where("environment_id = ? AND id = ? AND version = ?", environment, ident(next.Board), version).Exec(ctx)
		return changed(result, err, ranking.ErrSeasonNotFound)
	})
}
