package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// signingKeyRow has no column for a private key: only its sealed form is stored.
type signingKeyRow struct {
	bun.BaseModel `bun:"table:signing_keys,alias:signing_keys"`
	EnvironmentID ident
	ID            ident
	Public        []byte
	Sealed        []byte
	CreatedAt     instant
	SignsFrom     instant
	GoneAt        instant
}

func (r signingKeyRow) key() identity.SealedKey {
	return identity.SealedKey{
		SigningKey: identity.SigningKey{
			ID: string(r.ID), Public: r.Public,
			CreatedAt: r.CreatedAt.Time, SignsFrom: r.SignsFrom.Time, GoneAt: r.GoneAt.Time,
		},
		Sealed: r.Sealed,
	}
}

type signingKeys struct{ conn }

var _ identity.SigningKeys = signingKeys{}

func (k signingKeys) List(ctx context.Context, scope tenancy.Scope) ([]identity.SealedKey, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, k.conn, "list signing keys", unbounded, signingKeyRow.key, func(q *bun.SelectQuery) {
		q.Where("environment_id = ?", environment).OrderBy("created_at", bun.OrderAsc).OrderBy("id", bun.OrderAsc)
	})
}

func (k signingKeys) Save(ctx context.Context, scope tenancy.Scope, keys []identity.SealedKey) error {
	environment, err := within(scope)
	if err != nil || len(keys) == 0 {
		return err
	}
	rows := make([]signingKeyRow, len(keys))
	for i, key := range keys {
		rows[i] = signingKeyRow{
			EnvironmentID: environment, ID: ident(key.ID), Public: key.Public, Sealed: key.Sealed,
			CreatedAt: at(key.CreatedAt), SignsFrom: at(key.SignsFrom), GoneAt: at(key.GoneAt),
		}
	}
	return k.exec(ctx, "save signing keys", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&rows).
			On("CONFLICT (environment_id, id) DO UPDATE").Set("signs_from = EXCLUDED.signs_from").
			Set("gone_at = CASE WHEN signing_keys.gone_at IS NULL OR EXCLUDED.gone_at < signing_keys.gone_at THEN EXCLUDED.gone_at ELSE signing_keys.gone_at END").Exec(ctx)
		return k.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
}

func (k signingKeys) Purge(ctx context.Context, scope tenancy.Scope, before time.Time) (int, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var purged int64
	err = k.exec(ctx, "purge signing keys", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*signingKeyRow)(nil)).Where("environment_id = ? AND gone_at < ?", environment, at(before)).Exec(ctx)
		if err != nil {
			return err
		}
		purged, err = result.RowsAffected()
		return err
	})
	return int(purged), err
}
