package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
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
	taken, err := r.SaveMany(ctx, []idempotency.Record{record}, now)
	if err == nil && len(taken) > 0 {
		return idempotency.ErrTaken
	}
	return err
}

func (r records) SaveMany(ctx context.Context, all []idempotency.Record, now time.Time) ([]idempotency.Key, error) {
	taken := []idempotency.Key{}
	if len(all) == 0 {
		return taken, nil
	}
	rows := make([]recordRow, len(all))
	for i, one := range all {
		rows[i] = recordRow{
			Holder: ident(one.Key.Holder), Name: ident(one.Key.Name), Fingerprint: one.Fingerprint[:], Reply: one.Reply, ExpiresAt: at(one.ExpiresAt),
		}
	}
	// Writers meet at the index, and must do so in one order.
	slices.SortFunc(rows, func(a, b recordRow) int { return cmp.Or(cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.Name, b.Name)) })
	var saved []struct{ Holder, Name ident }
	err := r.exec(ctx, "save idempotency records", func(db bun.IDB) error {
		saved = nil
		return db.NewInsert().Model(&rows).
			On("CONFLICT (holder, name) DO UPDATE").
			Set("fingerprint = EXCLUDED.fingerprint").Set("reply = EXCLUDED.reply").Set("expires_at = EXCLUDED.expires_at").
			Where("idempotency_records.expires_at <= ?", at(now)).
			Returning("holder, name").Scan(ctx, &saved)
	})
	if err != nil {
		return nil, err
	}
	stored := make(map[idempotency.Key]bool, len(saved))
	for _, one := range saved {
		stored[idempotency.Key{Holder: string(one.Holder), Name: string(one.Name)}] = true
	}
	for _, one := range all {
		if !stored[one.Key] {
			taken = append(taken, one.Key)
		}
	}
	return taken, nil
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
