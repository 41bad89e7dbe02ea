package sqlstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/ports/idempotency"
)

type recordRow struct {
	bun.BaseModel `bun:"table:idempotency_records,alias:idempotency_records"`
	Holder        ident
	Name          ident
	Fingerprint   []byte
	Reply         []byte
	ExpiresAt     instant
}

type records struct{ conn }

var _ idempotency.Records = records{}

func (r records) Find(ctx context.Context, key idempotency.Key, now time.Time) (idempotency.Record, error) {
	var row recordRow
	err := r.query(ctx, "find idempotency record", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).
			Where("holder = ? AND name = ? AND expires_at > ?", ident(key.Holder), ident(key.Name), at(now))
		return missing(q.Scan(ctx), idempotency.ErrNotFound)
	})
	if err != nil {
		return idempotency.Record{}, err
	}
	if len(row.Fingerprint) != sha256.Size {
		return idempotency.Record{}, fmt.Errorf("find idempotency record: a fingerprint of %d bytes", len(row.Fingerprint))
	}
	return idempotency.Record{Key: key, Fingerprint: [sha256.Size]byte(row.Fingerprint), Reply: row.Reply, ExpiresAt: row.ExpiresAt.Time}, nil
}

// Save runs into the key's row if there is one, committed or not, and takes it
// over only when it has expired.
func (r records) Save(ctx context.Context, record idempotency.Record, now time.Time) error {
	row := recordRow{
		Holder: ident(record.Key.Holder), Name: ident(record.Key.Name), Fingerprint: record.Fingerprint[:], Reply: record.Reply, ExpiresAt: at(record.ExpiresAt),
	}
	return r.exec(ctx, "save idempotency record", func(db bun.IDB) error {
		result, err := db.NewInsert().Model(&row).
			On("CONFLICT (holder, name) DO UPDATE").
			Set("fingerprint = EXCLUDED.fingerprint").Set("reply = EXCLUDED.reply").Set("expires_at = EXCLUDED.expires_at").
			Where("idempotency_records.expires_at <= ?", at(now)).Exec(ctx)
		return changed(result, err, idempotency.ErrTaken)
	})
}

// Purge asks once more before it deletes, because an expired record may have
// been taken over since it was found.
func (r records) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	var purged int64
	err := r.exec(ctx, "purge idempotency records", func(db bun.IDB) error {
		expired := db.NewSelect().Model((*recordRow)(nil)).Column("holder", "name").
			Where("expires_at < ?", at(before)).OrderBy("expires_at", bun.OrderAsc).Limit(int64(limit))
		result, err := db.NewDelete().Model((*recordRow)(nil)).
			Where("(holder, name) IN (?) AND expires_at < ?", expired, at(before)).Exec(ctx)
		if err != nil {
			return err
		}
		purged, err = result.RowsAffected()
		return err
	})
	return int(purged), err
}
