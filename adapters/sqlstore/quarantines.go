package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type quarantineRow struct {
	bun.BaseModel `bun:"table:quarantines,alias:quarantines"`
	EnvironmentID ident
	PlayerID      ident
	BoardID       ident // empty: every board
	Reason        prose
	At            instant
}

func (r quarantineRow) quarantine() ranking.Quarantine {
	return ranking.Quarantine{Board: ranking.BoardID(r.BoardID), Player: identity.PlayerID(r.PlayerID), Reason: string(r.Reason), At: r.At.Time}
}

type quarantines struct{ conn }

var _ ranking.Quarantines = quarantines{}

func (q quarantines) Save(ctx context.Context, scope tenancy.Scope, quarantine ranking.Quarantine) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := quarantineRow{
		EnvironmentID: environment, PlayerID: ident(quarantine.Player), BoardID: ident(quarantine.Board), Reason: prose(quarantine.Reason), At: at(quarantine.At),
	}
	return q.exec(ctx, "save quarantine", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).On("CONFLICT (environment_id, player_id, board_id) DO UPDATE").
			Set("reason = excluded.reason").Set("at = excluded.at").Exec(ctx)
		return q.orphan(err, identity.ErrPlayerNotFound)
	})
}

func (q quarantines) Lift(ctx context.Context, scope tenancy.Scope, board ranking.BoardID, player identity.PlayerID) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return q.exec(ctx, "lift quarantine", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*quarantineRow)(nil)).
			Where("environment_id = ? AND player_id = ? AND board_id = ?", environment, ident(player), ident(board)).Exec(ctx)
		return changed(result, err, ranking.ErrNotQuarantined)
	})
}

func (q quarantines) Of(ctx context.Context, scope tenancy.Scope, players []identity.PlayerID) ([]ranking.Quarantine, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	if len(players) == 0 {
		return []ranking.Quarantine{}, nil
	}
	names := make([]ident, len(players))
	for i, player := range players {
		names[i] = ident(player)
	}
	return list(ctx, q.conn, "read quarantines", unbounded, quarantineRow.quarantine, func(s *bun.SelectQuery) {
		s.Where("environment_id = ? AND player_id IN (?)", environment, bun.List(names))
	})
}

func (q quarantines) List(ctx context.Context, scope tenancy.Scope, board ranking.BoardID, after identity.PlayerID, limit int) ([]ranking.Quarantine, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, q.conn, "list quarantines", limit, quarantineRow.quarantine, func(s *bun.SelectQuery) {
		s.Where("environment_id = ? AND board_id = ? AND player_id > ?", environment, ident(board), ident(after)).OrderBy("player_id", bun.OrderAsc)
	})
}

func (q quarantines) Purge(ctx context.Context, scope tenancy.Scope, board ranking.BoardID, limit int) (int, error) {
	page, err := q.List(ctx, scope, board, "", limit)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	err = q.exec(ctx, "purge quarantines", func(db bun.IDB) error {
		_, err := db.NewDelete().Model((*quarantineRow)(nil)).
			Where("environment_id = ? AND board_id = ? AND player_id <= ?", ident(scope.Environment()), ident(board), ident(page[len(page)-1].Player)).Exec(ctx)
		return err
	})
	return len(page), err
}
