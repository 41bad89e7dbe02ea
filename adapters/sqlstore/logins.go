package sqlstore

import (
	"context"
	"crypto/sha256"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func (p players) Login(ctx context.Context, scope tenancy.Scope, method identity.Method, subject [sha256.Size]byte) (identity.Login, error) {
	environment, err := within(scope)
	if err != nil {
		return identity.Login{}, err
	}
	var row loginRow
	err = p.query(ctx, "read login", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where("environment_id = ? AND method = ? AND subject = ?", environment, ident(method), subject[:])
		return missing(q.Scan(ctx), identity.ErrLoginNotFound)
	})
	if err != nil {
		return identity.Login{}, err
	}
	return row.login(), nil
}

func (p players) Link(ctx context.Context, scope tenancy.Scope, login identity.Login) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	given := [][]any{loginRowOf(environment, login).given()}
	return p.exec(ctx, "link login", func(db bun.IDB) error {
		// A conflict that the statement itself tells of leaves the transaction usable.
		result, err := p.spread(ctx, db, loginsMade, environment, given)
		return changed(result, p.orphan(err, identity.ErrPlayerNotFound), identity.ErrLoginTaken)
	})
}

func (p players) SetSecret(ctx context.Context, scope tenancy.Scope, method identity.Method, subject [sha256.Size]byte, secret string) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return p.exec(ctx, "set secret", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*loginRow)(nil)).Set("secret = ?", prose(secret)).
			Where("environment_id = ? AND method = ? AND subject = ?", environment, ident(method), subject[:]).Exec(ctx)
		return changed(result, err, identity.ErrLoginNotFound)
	})
}
