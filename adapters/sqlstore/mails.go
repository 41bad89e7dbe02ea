package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/mail"
)

type mailRow struct {
	bun.BaseModel `bun:"table:mails,alias:mails"`
	EnvironmentID ident
	ID            ident
	Kind          ident
	Address       prose
	Ticket        []byte
	Attempts      int64
	CreatedAt     instant
	DueAt         instant
	ExpiresAt     instant
}

func (r mailRow) entry() mail.Entry {
	e := mail.Entry{
		ID: string(r.ID), Environment: tenancy.EnvironmentID(r.EnvironmentID), Kind: string(r.Kind), Address: identity.Address(r.Address),
		Attempts: int(r.Attempts), CreatedAt: r.CreatedAt.Time, DueAt: r.DueAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}
	copy(e.Ticket[:], r.Ticket)
	return e
}

type outbox struct{ conn }

var _ mail.Outbox = outbox{}

func (o outbox) Put(ctx context.Context, scope tenancy.Scope, e mail.Entry) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := mailRow{
		EnvironmentID: environment, ID: ident(e.ID), Kind: ident(e.Kind), Address: prose(e.Address), Ticket: e.Ticket[:],
		Attempts: int64(e.Attempts), CreatedAt: at(e.CreatedAt), DueAt: at(e.DueAt), ExpiresAt: at(e.ExpiresAt),
	}
	return o.exec(ctx, "put mail", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return o.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
}

func (o outbox) Due(ctx context.Context, now time.Time, limit int) ([]mail.Entry, error) {
	return list(ctx, o.conn, "list due mail", limit, mailRow.entry, func(q *bun.SelectQuery) {
		q.Where("due_at <= ?", at(now)).OrderBy("due_at", bun.OrderAsc)
	})
}

func (o outbox) Claim(ctx context.Context, e mail.Entry, until time.Time) error {
	return o.exec(ctx, "claim mail", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*mailRow)(nil)).Set("due_at = ?", at(until)).Set("attempts = attempts + 1").
			Where("environment_id = ? AND id = ? AND due_at = ?", ident(e.Environment), ident(e.ID), at(e.DueAt)).Exec(ctx)
		return changed(result, err, mail.ErrClaimed)
	})
}

func (o outbox) Remove(ctx context.Context, e mail.Entry) error {
	return o.exec(ctx, "remove mail", func(db bun.IDB) error {
		_, err := db.NewDelete().Model((*mailRow)(nil)).Where("environment_id = ? AND id = ?", ident(e.Environment), ident(e.ID)).Exec(ctx)
		return err
	})
}
