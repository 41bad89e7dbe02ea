package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/tenancy"
)

type projectRow struct {
	bun.BaseModel `bun:"table:projects,alias:projects"`
	ID            ident
	Slug          ident
	Name          prose
	CreatedAt     instant
	DeletedAt     instant
}

func (r projectRow) project() tenancy.Project {
	slug, _, _ := strings.Cut(string(r.Slug), beyond)
	return tenancy.Project{ID: tenancy.ProjectID(r.ID), Slug: slug, Name: string(r.Name), CreatedAt: r.CreatedAt.Time, DeletedAt: r.DeletedAt.Time}
}

type projects struct{ conn }

var _ tenancy.Projects = projects{}

func (p projects) Create(ctx context.Context, project tenancy.Project) error {
	row := projectRow{ID: ident(project.ID), Slug: ident(project.Slug), Name: prose(project.Name), CreatedAt: at(project.CreatedAt)}
	return p.exec(ctx, "create project", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return p.duplicate(err, "projects_slug_key", tenancy.ErrSlugTaken)
	})
}

func (p projects) BySlug(ctx context.Context, slug string) (tenancy.Project, error) {
	return p.one(ctx, "slug = ? AND deleted_at IS NULL", ident(slug))
}

func (p projects) Get(ctx context.Context, id tenancy.ProjectID) (tenancy.Project, error) {
	return p.one(ctx, "id = ? AND deleted_at IS NULL", ident(id))
}

func (p projects) one(ctx context.Context, where string, value ident) (tenancy.Project, error) {
	var row projectRow
	err := p.query(ctx, "read project", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where(where, value).Scan(ctx), tenancy.ErrProjectNotFound)
	})
	if err != nil {
		return tenancy.Project{}, err
	}
	return row.project(), nil
}

func (p projects) List(ctx context.Context, after string, limit int) ([]tenancy.Project, error) {
	return list(ctx, p.conn, "list projects", limit, projectRow.project, func(q *bun.SelectQuery) {
		q.Where("slug > ? AND deleted_at IS NULL", ident(after)).OrderBy("slug", bun.OrderAsc)
	})
}

func (p projects) Delete(ctx context.Context, id tenancy.ProjectID, now time.Time) error {
	return p.atomically(ctx, "delete project", func(db bun.IDB) error {
		// The project first, which keeps out who would make another environment.
		result, err := db.NewUpdate().Model((*projectRow)(nil)).Set("deleted_at = ?", at(now)).Set("slug = slug || ? || id", beyond).
			Where("id = ? AND deleted_at IS NULL", ident(id)).Exec(ctx)
		if err := changed(result, err, tenancy.ErrProjectNotFound); err != nil {
			return err
		}
		_, err = db.NewUpdate().Model((*environmentRow)(nil)).Set("deleted_at = ?", at(now)).Set("slug = slug || ? || id", beyond).
			Where("project_id = ? AND deleted_at IS NULL", ident(id)).Exec(ctx)
		return err
	})
}

func (p projects) Deleted(ctx context.Context, after tenancy.ProjectID, limit int) ([]tenancy.Project, error) {
	return list(ctx, p.conn, "list deleted projects", limit, projectRow.project, func(q *bun.SelectQuery) {
		q.Where("id > ? AND deleted_at IS NOT NULL", ident(after)).OrderBy("id", bun.OrderAsc)
	})
}

func (p projects) Purge(ctx context.Context, id tenancy.ProjectID, limit int) (deleted int, err error) {
	if limit <= 0 {
		return 0, nil
	}
	err = p.atomically(ctx, "purge project", func(db bun.IDB) error {
		deleted = 0
		var row projectRow
		q := db.NewSelect().Model(&row).Where("id = ? AND deleted_at IS NOT NULL", ident(id))
		if p.shared.engine.RowLocks {
			q.For("UPDATE")
		}
		if err := q.Scan(ctx); err != nil {
			return missing(err, tenancy.ErrProjectNotFound)
		}
		var inside []ident
		err := db.NewSelect().Model((*environmentRow)(nil)).Column("id").Where("project_id = ?", ident(id)).OrderBy("slug", bun.OrderAsc).Limit(1).Scan(ctx, &inside)
		if err != nil || len(inside) > 0 {
			return err
		}
		some := db.NewSelect().Model((*credentialRow)(nil)).Column("id").Where("project_id = ? AND environment_id IS NULL", ident(id)).OrderBy("id", bun.OrderAsc).Limit(int64(limit))
		result, err := db.NewDelete().Model((*credentialRow)(nil)).Where("id IN (?)", some).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if deleted = int(n); err != nil || deleted == limit {
			return err
		}
		_, err = db.NewDelete().Model((*projectRow)(nil)).Where("id = ?", ident(id)).Exec(ctx)
		return err
	})
	return deleted, err
}
