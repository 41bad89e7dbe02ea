package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/ports/lease"
)

// leaseRow stays when a lease is released, so that its token keeps growing.
type leaseRow struct {
	bun.BaseModel `bun:"table:leases,alias:leases"`
	Name          ident
	Holder        ident
	Token         int64
	ExpiresAt     instant // NULL: released
}

func (r leaseRow) lease() lease.Lease {
	return lease.Lease{Name: string(r.Name), Holder: string(r.Holder), Token: r.Token, ExpiresAt: r.ExpiresAt.Time}
}

type leases struct{ conn }

var _ lease.Leases = leases{}

// Acquire is one statement, which decides and takes at once.
func (l leases) Acquire(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (taken lease.Lease, held bool, err error) {
	err = l.atomically(ctx, "acquire lease", func(db bun.IDB) error {
		row := leaseRow{Name: ident(name), Holder: ident(holder), Token: 1, ExpiresAt: at(now.Add(ttl))}
		err := db.NewInsert().Model(&row).
			On("CONFLICT (name) DO UPDATE").
			Set("token = leases.token + CASE WHEN leases.holder = EXCLUDED.holder AND leases.expires_at > ? THEN 0 ELSE 1 END", at(now)).
			Set("holder = EXCLUDED.holder").
			Set("expires_at = EXCLUDED.expires_at").
			Where("leases.holder = EXCLUDED.holder OR leases.expires_at IS NULL OR leases.expires_at <= ?", at(now)).
			Returning("*").Scan(ctx)
		if held = err == nil; !held && errors.Is(err, sql.ErrNoRows) {
			// The conflicting row is locked on PostgreSQL, and all is on
			// SQLite, so this is still the holder that was in the way.
			row = leaseRow{}
			err = db.NewSelect().Model(&row).Where("name = ?", ident(name)).Scan(ctx)
		}
		taken = row.lease()
		return err
	})
	if err != nil {
		return lease.Lease{}, false, err
	}
	return taken, held, nil
}

func (l leases) Extend(ctx context.Context, held lease.Lease, now time.Time, ttl time.Duration) (lease.Lease, error) {
	err := l.exec(ctx, "extend lease", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*leaseRow)(nil)).Set("expires_at = ?", at(now.Add(ttl))).
			Where("name = ? AND token = ? AND expires_at > ?", ident(held.Name), held.Token, at(now)).Exec(ctx)
		return changed(result, err, lease.ErrLost)
	})
	if err != nil {
		return lease.Lease{}, err
	}
	held.ExpiresAt = now.Add(ttl)
	return held, nil
}

func (l leases) Release(ctx context.Context, held lease.Lease) error {
	return l.exec(ctx, "release lease", func(db bun.IDB) error {
		_, err := db.NewUpdate().Model((*leaseRow)(nil)).Set("expires_at = NULL").
			Where("name = ? AND token = ?", ident(held.Name), held.Token).Exec(ctx)
		return err
	})
}

// Guard locks the lease's row, so that Acquire's update waits for the transaction.
func (l leases) Guard(ctx context.Context, held lease.Lease) error {
	return l.query(ctx, "guard lease", func(db bun.IDB) error {
		var row leaseRow
		q := db.NewSelect().Model(&row).
			Where("name = ? AND token = ? AND expires_at IS NOT NULL", ident(held.Name), held.Token)
		return missing(l.lock(q).Scan(ctx), lease.ErrLost)
	})
}

func (l leases) Forget(ctx context.Context, prefix string, before time.Time) error {
	return l.exec(ctx, "forget leases", func(db bun.IDB) error {
		q := db.NewDelete().Model((*leaseRow)(nil)).Where("name >= ?", ident(prefix)).Where("expires_at IS NULL OR expires_at < ?", at(before))
		if end, ok := successor(prefix); ok {
			q.Where("name < ?", ident(end))
		}
		_, err := q.Exec(ctx)
		return err
	})
}

func (l leases) List(ctx context.Context, prefix string) ([]lease.Lease, error) {
	return list(ctx, l.conn, "list leases", unbounded, leaseRow.lease, func(q *bun.SelectQuery) {
		begins(q, "name", prefix)
		q.OrderBy("name", bun.OrderAsc)
	})
}
