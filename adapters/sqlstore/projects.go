package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/tenancy"
)

type projectRow struct {
	bun.BaseModel `bun:"table:projects,alias:projects"`
	ID            ident
	Slug          ident
	Name          prose
	CreatedAt     instant
}

func (r projectRow) project() tenancy.Project {
	return tenancy.Project{ID: tenancy.ProjectID(r.ID), Slug: string(r.Slug), Name: string(r.Name), CreatedAt: r.CreatedAt.Time}
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
	return p.one(ctx, "slug = ?", ident(slug))
}

func (p projects) Get(ctx context.Context, id tenancy.ProjectID) (tenancy.Project, error) {
	return p.one(ctx, "id = ?", ident(id))
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
		q.Where("slug > ?", ident(after)).OrderBy("slug", bun.OrderAsc)
	})
}

func (p projects) Delete(ctx context.Context, id tenancy.ProjectID) error {
	return p.atomically(ctx, "delete project", func(db bun.IDB) error {
		var row projectRow
		q := db.NewSelect().Model(&row).Where("id = ?", ident(id))
		if p.shared.engine.RowLocks {
			q.For("UPDATE") // keeps out who would make another environment
		}
		if err := q.Scan(ctx); err != nil {
			return missing(err, tenancy.ErrProjectNotFound)
		}
		var environments []ident
		inside := db.NewSelect().Model((*environmentRow)(nil)).Column("id").Where("project_id = ?", ident(id)).OrderBy("slug", bun.OrderAsc)
		if p.shared.engine.RowLocks {
			inside.For("UPDATE")
		}
		if err := inside.Scan(ctx, &environments); err != nil {
			return err
		}
		if err := unreleased(ctx, db, environments); err != nil {
			return err
		}
		if _, err := db.NewDelete().Model((*projectRow)(nil)).Where("id = ?", ident(id)).Exec(ctx); err != nil {
			return err
		}
		return orphaned(ctx, db, environments)
	})
}
