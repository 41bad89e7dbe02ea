package sqlstore

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type playerRow struct {
	bun.BaseModel `bun:"table:players,alias:players"`
	EnvironmentID ident
	ID            ident
	DisplayName   prose
	CreatedAt     instant
	LastSeenAt    instant
}

func (r playerRow) player() identity.Player {
	return identity.Player{ID: identity.PlayerID(r.ID), DisplayName: string(r.DisplayName), CreatedAt: r.CreatedAt.Time, LastSeenAt: r.LastSeenAt.Time}
}

type loginRow struct {
	bun.BaseModel `bun:"table:logins,alias:logins"`
	EnvironmentID ident
	Method        ident
	Subject       []byte
	PlayerID      ident
	CreatedAt     instant
}

type players struct{ conn }

var _ identity.Players = players{}

func (p players) Create(ctx context.Context, scope tenancy.Scope, player identity.Player, login identity.Login) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := playerRow{
		EnvironmentID: environment, ID: ident(player.ID), DisplayName: prose(player.DisplayName),
		CreatedAt: at(player.CreatedAt), LastSeenAt: at(player.LastSeenAt),
	}
	way := loginRow{EnvironmentID: environment, Method: ident(login.Method), Subject: login.Subject[:], PlayerID: row.ID, CreatedAt: at(login.CreatedAt)}
	return p.atomically(ctx, "create player", func(db bun.IDB) error {
		if _, err := db.NewInsert().Model(&row).Exec(ctx); err != nil {
			return p.orphan(err, tenancy.ErrEnvironmentNotFound)
		}
		// A conflict that the statement itself tells of leaves the transaction
		// usable, so the caller can go on with the player who has the login.
		result, err := db.NewInsert().Model(&way).On("CONFLICT DO NOTHING").Exec(ctx)
		err = changed(result, err, identity.ErrLoginTaken)
		if err != nil && p.inTx {
			if _, undo := db.NewDelete().Model((*playerRow)(nil)).Where("environment_id = ? AND id = ?", environment, row.ID).Exec(ctx); undo != nil {
				return undo
			}
		}
		return err
	})
}

func (p players) Get(ctx context.Context, scope tenancy.Scope, id identity.PlayerID) (identity.Player, error) {
	return p.one(ctx, scope, playerByID, ident(id))
}

func (p players) ByLogin(ctx context.Context, scope tenancy.Scope, method identity.Method, subject [sha256.Size]byte) (identity.Player, error) {
	return p.one(ctx, scope, playerByLogin, ident(method), subject[:])
}

func (p players) one(ctx context.Context, scope tenancy.Scope, r *repeated, arguments ...any) (identity.Player, error) {
	environment, err := within(scope)
	if err != nil {
		return identity.Player{}, err
	}
	var row playerRow
	err = p.query(ctx, "read player", func(db bun.IDB) error {
		return missing(p.first(ctx, db, r, &row, append([]any{environment}, arguments...)...), identity.ErrPlayerNotFound)
	})
	if err != nil {
		return identity.Player{}, err
	}
	return row.player(), nil
}

func (p players) Seen(ctx context.Context, scope tenancy.Scope, id identity.PlayerID, when time.Time) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return p.exec(ctx, "note player as seen", func(db bun.IDB) error {
		_, err := db.NewUpdate().Model((*playerRow)(nil)).Set("last_seen_at = ?", at(when)).
			Where("environment_id = ? AND id = ? AND last_seen_at < ?", environment, ident(id), at(when)).Exec(ctx)
		return err
	})
}
