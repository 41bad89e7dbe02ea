package sqlstore

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type ticketRow struct {
	bun.BaseModel `bun:"table:tickets,alias:tickets"`
	EnvironmentID ident
	Hash          []byte
	Purpose       ident
	Address       prose
	Secret        prose
	PlayerID      ident
	Tries         int64
	CreatedAt     instant
	ExpiresAt     instant
}

func (r ticketRow) ticket() identity.Ticket {
	t := identity.Ticket{
		Purpose: identity.Purpose(r.Purpose), Address: identity.Address(r.Address), Secret: string(r.Secret), Player: identity.PlayerID(r.PlayerID),
		Tries: int(r.Tries), CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}
	copy(t.Hash[:], r.Hash)
	return t
}

type tickets struct{ conn }

var _ identity.Tickets = tickets{}

func (s tickets) Create(ctx context.Context, scope tenancy.Scope, t identity.Ticket) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := ticketRow{
		EnvironmentID: environment, Hash: t.Hash[:], Purpose: ident(t.Purpose), Address: prose(t.Address), Secret: prose(t.Secret),
		PlayerID: ident(t.Player), Tries: int64(t.Tries), CreatedAt: at(t.CreatedAt), ExpiresAt: at(t.ExpiresAt),
	}
	return s.exec(ctx, "create ticket", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return s.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
}

func (s tickets) Get(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) (identity.Ticket, error) {
	return s.one(ctx, scope, hash, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
}

func (s tickets) Lock(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) (identity.Ticket, error) {
	return s.one(ctx, scope, hash, s.lock)
}

func (s tickets) one(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte, as func(q *bun.SelectQuery) *bun.SelectQuery) (identity.Ticket, error) {
	environment, err := within(scope)
	if err != nil {
		return identity.Ticket{}, err
	}
	var row ticketRow
	err = s.query(ctx, "read ticket", func(db bun.IDB) error {
		return missing(as(db.NewSelect().Model(&row).Where("environment_id = ? AND hash = ?", environment, hash[:])).Scan(ctx), identity.ErrTicketNotFound)
	})
	if err != nil {
		return identity.Ticket{}, err
	}
	return row.ticket(), nil
}

func (s tickets) Update(ctx context.Context, scope tenancy.Scope, t identity.Ticket) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return s.exec(ctx, "update ticket", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*ticketRow)(nil)).Set("tries = ?", t.Tries).
			Where("environment_id = ? AND hash = ?", environment, t.Hash[:]).Exec(ctx)
		return changed(result, err, identity.ErrTicketNotFound)
	})
}

func (s tickets) Delete(ctx context.Context, scope tenancy.Scope, hash [sha256.Size]byte) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return s.exec(ctx, "delete ticket", func(db bun.IDB) error {
		_, err := db.NewDelete().Model((*ticketRow)(nil)).Where("environment_id = ? AND hash = ?", environment, hash[:]).Exec(ctx)
		return err
	})
}

// Purge need not ask again before it deletes, because no ticket's end moves.
func (s tickets) Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (int, error) {
	environment, err := within(scope)
	if err != nil || limit <= 0 {
		return 0, err
	}
	var purged int64
	err = s.exec(ctx, "purge tickets", func(db bun.IDB) error {
		expired := db.NewSelect().Model((*ticketRow)(nil)).Column("hash").
			Where("environment_id = ? AND expires_at < ?", environment, at(before)).OrderBy("expires_at", bun.OrderAsc).Limit(int64(limit))
		result, err := db.NewDelete().Model((*ticketRow)(nil)).Where("environment_id = ? AND hash IN (?)", environment, expired).Exec(ctx)
		if err != nil {
			return err
		}
		purged, err = result.RowsAffected()
		return err
	})
	return int(purged), err
}
