package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type environmentRow struct {
	bun.BaseModel `bun:"table:environments,alias:environments"`
	ID            ident
	ProjectID     ident
	Slug          ident
	Name          prose
	Production    bool
	Settings      jsonText[settingsJSON]
	Version       int64
	CreatedAt     instant
	DeletedAt     instant
}

// settingsJSON is how tenancy.Settings are stored. A member is added with a
// meaning for its absence, since older rows lack it.
type settingsJSON struct {
	GuestSignIn                 bool     `json:"guest_sign_in"`
	EmailSignIn                 *bool    `json:"email_sign_in"` // absent: true
	AccessTokenLifetimeSeconds  int64    `json:"access_token_lifetime_seconds"`
	RefreshTokenLifetimeSeconds int64    `json:"refresh_token_lifetime_seconds"`
	ClockOffsetSeconds          int64    `json:"clock_offset_seconds"`
	CORSOrigins                 []string `json:"cors_origins"`
	ServerBrowsing              string   `json:"server_browsing"` // absent: players
}

func environmentRowOf(e tenancy.Environment) environmentRow {
	s := e.Settings
	return environmentRow{
		ID: ident(e.ID), ProjectID: ident(e.ProjectID), Slug: ident(e.Slug), Name: prose(e.Name), Production: e.Production,
		Settings: jsonText[settingsJSON]{settingsJSON{
			GuestSignIn:                 s.GuestSignIn,
			EmailSignIn:                 &s.EmailSignIn,
			AccessTokenLifetimeSeconds:  int64(s.AccessTokenLifetime / time.Second),
			RefreshTokenLifetimeSeconds: int64(s.RefreshTokenLifetime / time.Second),
			ClockOffsetSeconds:          int64(s.ClockOffset / time.Second),
			CORSOrigins:                 append([]string{}, s.CORSOrigins...),
			ServerBrowsing:              string(s.ServerBrowsing),
		}},
		Version: e.Version, CreatedAt: at(e.CreatedAt),
	}
}

func (r environmentRow) environment() tenancy.Environment {
	s := r.Settings.Value
	slug, _, _ := strings.Cut(string(r.Slug), beyond)
	return tenancy.Environment{
		ID: tenancy.EnvironmentID(r.ID), ProjectID: tenancy.ProjectID(r.ProjectID), Slug: slug, Name: string(r.Name), Production: r.Production,
		Settings: tenancy.Settings{
			GuestSignIn:          s.GuestSignIn,
			EmailSignIn:          s.EmailSignIn == nil || *s.EmailSignIn,
			AccessTokenLifetime:  time.Duration(s.AccessTokenLifetimeSeconds) * time.Second,
			RefreshTokenLifetime: time.Duration(s.RefreshTokenLifetimeSeconds) * time.Second,
			ClockOffset:          time.Duration(s.ClockOffsetSeconds) * time.Second,
			CORSOrigins:          append([]string{}, s.CORSOrigins...),
			ServerBrowsing:       cmp.Or(tenancy.Browsing(s.ServerBrowsing), tenancy.BrowsedByPlayers),
		},
		Version: r.Version, CreatedAt: r.CreatedAt.Time, DeletedAt: r.DeletedAt.Time,
	}
}

// beyond is between the slug that something had before it was deleted and its id. No slug has one.
const beyond = "~"

// stands gives the fault unless there is a project, or an environment, that was not deleted. In a transaction nobody deletes it
// until that ends.
func (c conn) stands(ctx context.Context, db bun.IDB, model any, id ident, gone *fault.Fault) error {
	q := db.NewSelect().Model(model).Column("id").Where("id = ? AND deleted_at IS NULL", id)
	if c.shared.engine.RowLocks {
		q.For("KEY SHARE")
	}
	var found ident
	return missing(q.Scan(ctx, &found), gone)
}

type environments struct{ conn }

var _ tenancy.Environments = environments{}

func (e environments) Create(ctx context.Context, environment tenancy.Environment) error {
	row := environmentRowOf(environment)
	return e.atomically(ctx, "create environment", func(db bun.IDB) error {
		if err := e.stands(ctx, db, (*projectRow)(nil), row.ProjectID, tenancy.ErrProjectNotFound); err != nil {
			return err
		}
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		err = e.duplicate(err, "environments_project_id_slug_key", tenancy.ErrSlugTaken)
		return e.orphan(err, tenancy.ErrProjectNotFound)
	})
}

func (e environments) BySlug(ctx context.Context, project tenancy.ProjectID, slug string) (tenancy.Environment, error) {
	return e.one(ctx, "project_id = ? AND slug = ? AND deleted_at IS NULL", ident(project), ident(slug))
}

func (e environments) Get(ctx context.Context, id tenancy.EnvironmentID) (tenancy.Environment, error) {
	return e.one(ctx, "id = ? AND deleted_at IS NULL", ident(id))
}

func (e environments) one(ctx context.Context, where string, values ...any) (tenancy.Environment, error) {
	var row environmentRow
	err := e.query(ctx, "read environment", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where(where, values...).Scan(ctx), tenancy.ErrEnvironmentNotFound)
	})
	if err != nil {
		return tenancy.Environment{}, err
	}
	return row.environment(), nil
}

func (e environments) List(ctx context.Context, project tenancy.ProjectID, after string, limit int) ([]tenancy.Environment, error) {
	return list(ctx, e.conn, "list environments", limit, environmentRow.environment, func(q *bun.SelectQuery) {
		q.Where("project_id = ? AND slug > ? AND deleted_at IS NULL", ident(project), ident(after)).OrderBy("slug", bun.OrderAsc)
	})
}

func (e environments) All(ctx context.Context, after tenancy.EnvironmentID, limit int) ([]tenancy.Environment, error) {
	return list(ctx, e.conn, "list all environments", limit, environmentRow.environment, func(q *bun.SelectQuery) {
		q.Where("id > ? AND deleted_at IS NULL", ident(after)).OrderBy("id", bun.OrderAsc)
	})
}

func (e environments) Update(ctx context.Context, environment tenancy.Environment) error {
	row := environmentRowOf(environment)
	return e.atomically(ctx, "update environment", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model(&row).Column("name", "settings", "version").
			Where("id = ? AND version = ? AND deleted_at IS NULL", row.ID, row.Version-1).Exec(ctx)
		if err := changed(result, err, tenancy.ErrEnvironmentStale); !errors.Is(err, tenancy.ErrEnvironmentStale) {
			return err
		}
		var current environmentRow
		if err := db.NewSelect().Model(&current).Where("id = ? AND deleted_at IS NULL", row.ID).Scan(ctx); err != nil {
			return missing(err, tenancy.ErrEnvironmentNotFound)
		}
		return tenancy.ErrEnvironmentStale.WithCurrent(current.environment())
	})
}

func (e environments) Delete(ctx context.Context, id tenancy.EnvironmentID, now time.Time) error {
	return e.exec(ctx, "delete environment", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*environmentRow)(nil)).Set("deleted_at = ?", at(now)).Set("slug = slug || ? || id", beyond).
			Where("id = ? AND deleted_at IS NULL", ident(id)).Exec(ctx)
		return changed(result, err, tenancy.ErrEnvironmentNotFound)
	})
}

func (e environments) Deleted(ctx context.Context, after tenancy.EnvironmentID, limit int) ([]tenancy.Environment, error) {
	return list(ctx, e.conn, "list deleted environments", limit, environmentRow.environment, func(q *bun.SelectQuery) {
		q.Where("id > ? AND deleted_at IS NOT NULL", ident(after)).OrderBy("id", bun.OrderAsc)
	})
}
