package sqlstore

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/tenancy"
)

type credentialRow struct {
	bun.BaseModel `bun:"table:credentials,alias:credentials"`
	ID            ident
	Kind          ident
	ProjectID     ident
	EnvironmentID ident `bun:",nullzero"` // NULL: the whole project's
	Name          prose
	Scopes        jsonText[[]tenancy.Permission]
	Networks      jsonText[[]netip.Prefix]
	Hint          prose
	Hash          []byte
	CreatedAt     instant
	ExpiresAt     instant
	RevokedAt     instant
	LastUsedAt    instant
}

func (r credentialRow) credential() tenancy.Credential {
	kind, _ := tenancy.ParseKind(string(r.Kind)) // an unknown word is NoKind, which may do nothing
	c := tenancy.Credential{
		ID: string(r.ID), Kind: kind, Project: tenancy.ProjectID(r.ProjectID), Environment: tenancy.EnvironmentID(r.EnvironmentID),
		Name: string(r.Name), Scopes: r.Scopes.Value, Networks: r.Networks.Value, Hint: string(r.Hint),
		CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time, RevokedAt: r.RevokedAt.Time, LastUsedAt: r.LastUsedAt.Time,
	}
	copy(c.Hash[:], r.Hash)
	return c
}

type credentials struct{ conn }

var _ tenancy.Credentials = credentials{}

func (c credentials) Create(ctx context.Context, k tenancy.Credential) error {
	row := credentialRow{
		ID: ident(k.ID), Kind: ident(k.Kind.String()), ProjectID: ident(k.Project), EnvironmentID: ident(k.Environment), Name: prose(k.Name),
		Scopes:   jsonText[[]tenancy.Permission]{append([]tenancy.Permission{}, k.Scopes...)},
		Networks: jsonText[[]netip.Prefix]{append([]netip.Prefix{}, k.Networks...)},
		Hint:     prose(k.Hint), Hash: k.Hash[:],
		CreatedAt: at(k.CreatedAt), ExpiresAt: at(k.ExpiresAt), RevokedAt: at(k.RevokedAt), LastUsedAt: at(k.LastUsedAt),
	}
	owner, of, gone := any((*environmentRow)(nil)), row.EnvironmentID, tenancy.ErrEnvironmentNotFound
	if k.Environment == "" {
		owner, of, gone = (*projectRow)(nil), row.ProjectID, tenancy.ErrProjectNotFound
	}
	return c.atomically(ctx, "create credential", func(db bun.IDB) error {
		// What is being deleted is still there.
		if err := c.stands(ctx, db, owner, of, gone); err != nil {
			return err
		}
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return c.orphan(err, gone)
	})
}

func (c credentials) ByHash(ctx context.Context, hash [sha256.Size]byte) (tenancy.Credential, error) {
	return c.one(ctx, func(db bun.IDB, row *credentialRow) error {
		return c.first(ctx, db, credentialByHash, row, hash[:])
	})
}

func (c credentials) Get(ctx context.Context, owner tenancy.CredentialOwner, id string) (tenancy.Credential, error) {
	return c.one(ctx, func(db bun.IDB, row *credentialRow) error {
		q := db.NewSelect().Model(row)
		ownedBy(q.QueryBuilder(), owner).Where("id = ?", ident(id))
		return q.Scan(ctx)
	})
}

func (c credentials) one(ctx context.Context, read func(db bun.IDB, row *credentialRow) error) (tenancy.Credential, error) {
	var row credentialRow
	err := c.query(ctx, "read credential", func(db bun.IDB) error {
		return missing(read(db, &row), tenancy.ErrCredentialNotFound)
	})
	if err != nil {
		return tenancy.Credential{}, err
	}
	return row.credential(), nil
}

func (c credentials) List(ctx context.Context, owner tenancy.CredentialOwner, before string, limit int) ([]tenancy.Credential, error) {
	return list(ctx, c.conn, "list credentials", limit, credentialRow.credential, func(q *bun.SelectQuery) {
		ownedBy(q.QueryBuilder(), owner)
		if before != "" {
			q.Where("id < ?", ident(before))
		}
		q.OrderBy("id", bun.OrderDesc) // UUIDv7: the newest is the greatest
	})
}

func (c credentials) Revoke(ctx context.Context, owner tenancy.CredentialOwner, id string, when time.Time) error {
	return c.exec(ctx, "revoke credential", func(db bun.IDB) error {
		q := db.NewUpdate().Model((*credentialRow)(nil)).Set("revoked_at = COALESCE(revoked_at, ?)", at(when)).Where("id = ?", ident(id))
		ownedBy(q.QueryBuilder(), owner)
		result, err := q.Exec(ctx)
		return changed(result, err, tenancy.ErrCredentialNotFound)
	})
}

type touchRow struct {
	ID ident
	At instant `bun:",type:timestamptz"` // what PostgreSQL is told of a list of values
}

// touchBatch bounds the size of one statement.
const touchBatch = 500

// Touch never moves a time back, so that replicas can report in any order.
func (c credentials) Touch(ctx context.Context, used map[string]time.Time) error {
	// In the order of ids, so that two replicas lock rows in the same order.
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(used)), touchBatch) {
		var rows []touchRow
		for _, id := range ids {
			rows = append(rows, touchRow{ident(id), at(used[id])})
		}
		err := c.exec(ctx, "touch credentials", func(db bun.IDB) error {
			_, err := db.NewUpdate().With("used", db.NewValues(&rows)).Model((*credentialRow)(nil)).TableExpr("used").
				Set("last_used_at = used.at").
				Where("credentials.id = used.id AND (credentials.last_used_at IS NULL OR credentials.last_used_at < used.at)").Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ownedBy narrows a query to the credentials of one environment, or to those of the
// whole project.
func ownedBy(q bun.QueryBuilder, owner tenancy.CredentialOwner) bun.QueryBuilder {
	q = q.Where("project_id = ?", ident(owner.Project))
	if owner.Environment == "" {
		return q.Where("environment_id IS NULL")
	}
	return q.Where("environment_id = ?", ident(owner.Environment))
}
