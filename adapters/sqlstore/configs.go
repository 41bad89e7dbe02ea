package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type configRow struct {
	bun.BaseModel `bun:"table:configs,alias:configs"`
	EnvironmentID ident
	Name          ident
	Version       int64
	JSONSchema    *ident `bun:"json_schema"` // NULL: any bytes
	Readers       ident
	Release       int
	CreatedAt     instant
	UpdatedAt     instant
}

func configRowOf(environment ident, c configuration.Config) configRow {
	row := configRow{
		EnvironmentID: environment, Name: ident(c.Name), Version: c.Version, Readers: ident(c.Readers), Release: c.Release,
		CreatedAt: at(c.CreatedAt), UpdatedAt: at(c.UpdatedAt),
	}
	if c.Schema != nil {
		text := ident(c.Schema)
		row.JSONSchema = &text
	}
	return row
}

func (r configRow) config() configuration.Config {
	c := configuration.Config{
		Name: string(r.Name), Version: r.Version, Release: r.Release, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		Declaration: configuration.Declaration{Readers: configuration.Readers(r.Readers)},
	}
	if r.JSONSchema != nil {
		c.Schema = []byte(*r.JSONSchema)
	}
	return c
}

type releaseRow struct {
	bun.BaseModel   `bun:"table:config_releases,alias:config_releases"`
	EnvironmentID   ident
	Config          ident
	Number          int
	Rules           jsonText[[]ruleJSON]
	Restores        int
	PromotedFrom    ident // empty: from nowhere
	PromotedRelease int
	Note            prose
	CreatedBy       prose
	CreatedAt       instant
}

// ruleJSON is how a rule is stored. A member is added with a meaning for its
// absence, since older rows lack it.
type ruleJSON struct {
	Bundle       string     `json:"bundle"`
	BasisPoints  int        `json:"basis_points,omitempty"`
	Salt         string     `json:"salt,omitempty"`
	Platforms    []string   `json:"platforms,omitempty"`
	Regions      []string   `json:"regions,omitempty"`
	Tags         []string   `json:"tags,omitempty"`
	Callers      []string   `json:"callers,omitempty"`
	MinVersion   []int32    `json:"min_version,omitempty"`
	BelowVersion []int32    `json:"below_version,omitempty"`
	From         *time.Time `json:"from,omitempty"`
	Until        *time.Time `json:"until,omitempty"`
}

func ruleJSONOf(r configuration.Rule) ruleJSON {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC().Truncate(time.Microsecond)
		return &t
	}
	row := ruleJSON{
		Bundle: r.Bundle.String(), BasisPoints: r.BasisPoints, Salt: r.Salt, Platforms: r.Platforms, Regions: r.Regions, Tags: r.Tags,
		MinVersion: r.MinVersion, BelowVersion: r.BelowVersion, From: moment(r.From), Until: moment(r.Until),
	}
	for _, caller := range r.Callers {
		row.Callers = append(row.Callers, string(caller))
	}
	return row
}

func (r ruleJSON) rule() (configuration.Rule, error) {
	hash, ok := configuration.ParseHash(r.Bundle)
	if !ok {
		return configuration.Rule{}, fmt.Errorf("%q is stored as a hash", r.Bundle)
	}
	moment := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.UTC()
	}
	rule := configuration.Rule{
		Bundle: hash, BasisPoints: r.BasisPoints, Salt: r.Salt, Platforms: r.Platforms, Regions: r.Regions, Tags: r.Tags,
		MinVersion: r.MinVersion, BelowVersion: r.BelowVersion, From: moment(r.From), Until: moment(r.Until),
	}
	for _, caller := range r.Callers {
		rule.Callers = append(rule.Callers, configuration.Caller(caller))
	}
	return rule, nil
}

func releaseRowOf(environment ident, r configuration.Release) releaseRow {
	row := releaseRow{
		EnvironmentID: environment, Config: ident(r.Config), Number: r.Number, Rules: jsonText[[]ruleJSON]{[]ruleJSON{}}, Restores: r.Restores,
		PromotedFrom: ident(r.PromotedFrom), PromotedRelease: r.PromotedRelease, Note: prose(r.Note), CreatedBy: prose(r.CreatedBy), CreatedAt: at(r.CreatedAt),
	}
	for _, rule := range r.Rules {
		row.Rules.Value = append(row.Rules.Value, ruleJSONOf(rule))
	}
	return row
}

func (r releaseRow) release() (configuration.Release, error) {
	release := configuration.Release{
		Config: string(r.Config), Number: r.Number, Rules: []configuration.Rule{}, Restores: r.Restores,
		PromotedFrom: string(r.PromotedFrom), PromotedRelease: r.PromotedRelease, Note: string(r.Note), CreatedBy: string(r.CreatedBy), CreatedAt: r.CreatedAt.Time,
	}
	for _, stored := range r.Rules.Value {
		rule, err := stored.rule()
		if err != nil {
			return release, err
		}
		release.Rules = append(release.Rules, rule)
	}
	return release, nil
}

func releasesOf(rows []releaseRow) ([]configuration.Release, error) {
	all := make([]configuration.Release, len(rows))
	var errs []error
	for i, row := range rows {
		var err error
		all[i], err = row.release()
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

type releasedBundleRow struct {
	bun.BaseModel `bun:"table:config_release_bundles,alias:config_release_bundles"`
	EnvironmentID ident
	Hash          ident
	Config        ident
	Number        int
}

// configuredRow is what of an environment's row counts the changes to its configs.
type configuredRow struct {
	bun.BaseModel  `bun:"table:environments,alias:environments"`
	ConfigsVersion int64
}

type configs struct{ conn }

var _ configuration.Configs = configs{}

func (c configs) Version(ctx context.Context, scope tenancy.Scope) (int64, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var row configuredRow
	err = c.query(ctx, "read configs' version", func(db bun.IDB) error {
		return missing(c.first(ctx, db, configuredVersion, &row, environment), tenancy.ErrEnvironmentNotFound)
	})
	return row.ConfigsVersion, err
}

func (c configs) NextVersion(ctx context.Context, scope tenancy.Scope) (int64, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var version int64
	err = c.exec(ctx, "take configs' version", func(db bun.IDB) error {
		err := db.NewRaw(`UPDATE environments SET configs_version = configs_version + 1 WHERE id = ? AND deleted_at IS NULL RETURNING configs_version`, environment).Scan(ctx, &version)
		return missing(err, tenancy.ErrEnvironmentNotFound)
	})
	return version, err
}

func (c configs) Get(ctx context.Context, scope tenancy.Scope, name string) (configuration.Config, error) {
	environment, err := within(scope)
	if err != nil {
		return configuration.Config{}, err
	}
	var row configRow
	err = c.query(ctx, "read config", func(db bun.IDB) error {
		return missing(db.NewSelect().Model(&row).Where("environment_id = ? AND name = ?", environment, ident(name)).Scan(ctx), configuration.ErrConfigNotFound)
	})
	if err != nil {
		return configuration.Config{}, err
	}
	return row.config(), nil
}

func (c configs) List(ctx context.Context, scope tenancy.Scope, after string, limit int) ([]configuration.Config, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, c.conn, "list configs", limit, configRow.config, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND name > ?", environment, ident(after)).OrderBy("name", bun.OrderAsc)
	})
}

func (c configs) Save(ctx context.Context, scope tenancy.Scope, config configuration.Config) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := configRowOf(environment, config)
	return c.exec(ctx, "save config", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).On("CONFLICT (environment_id, name) DO UPDATE").
			Set("version = EXCLUDED.version, json_schema = EXCLUDED.json_schema, readers = EXCLUDED.readers, release = EXCLUDED.release").
			Set("created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at").Exec(ctx)
		return c.orphan(err, tenancy.ErrEnvironmentNotFound)
	})
}

func (c configs) Delete(ctx context.Context, scope tenancy.Scope, name string) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return c.exec(ctx, "delete config", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*configRow)(nil)).Where("environment_id = ? AND name = ?", environment, ident(name)).Exec(ctx)
		return changed(result, err, configuration.ErrConfigNotFound)
	})
}

func (c configs) Release(ctx context.Context, scope tenancy.Scope, release configuration.Release) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := releaseRowOf(environment, release)
	var named []releasedBundleRow
	for _, hash := range release.Bundles() {
		named = append(named, releasedBundleRow{EnvironmentID: environment, Hash: ident(hash.String()), Config: row.Config, Number: row.Number})
	}
	return c.atomically(ctx, "store release", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		if err := c.orphan(err, configuration.ErrConfigNotFound); err != nil || len(named) == 0 {
			return err
		}
		_, err = db.NewInsert().Model(&named).Exec(ctx)
		return c.orphan(err, configuration.ErrBundleMissing)
	})
}

func (c configs) GetRelease(ctx context.Context, scope tenancy.Scope, config string, number int) (configuration.Release, error) {
	environment, err := within(scope)
	if err != nil {
		return configuration.Release{}, err
	}
	var row releaseRow
	err = c.query(ctx, "read release", func(db bun.IDB) error {
		q := db.NewSelect().Model(&row).Where("environment_id = ? AND config = ? AND number = ?", environment, ident(config), number)
		return missing(q.Scan(ctx), configuration.ErrReleaseNotFound)
	})
	if err != nil {
		return configuration.Release{}, err
	}
	return row.release()
}

func (c configs) Releases(ctx context.Context, scope tenancy.Scope, config string, before, limit int) ([]configuration.Release, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	rows, err := list(ctx, c.conn, "list releases", limit, func(r releaseRow) releaseRow { return r }, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND config = ?", environment, ident(config))
		if before > 0 {
			q.Where("number < ?", before)
		}
		q.OrderBy("number", bun.OrderDesc)
	})
	if err != nil {
		return nil, err
	}
	return releasesOf(rows)
}

func (c configs) Current(ctx context.Context, scope tenancy.Scope) ([]configuration.Release, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	var rows []releaseRow
	err = c.query(ctx, "read current releases", func(db bun.IDB) error {
		rows = nil
		return db.NewSelect().Model(&rows).
			Join("JOIN configs ON configs.environment_id = config_releases.environment_id AND configs.name = config_releases.config AND configs.release = config_releases.number").
			Where("configs.environment_id = ?", environment).OrderBy("configs.name", bun.OrderAsc).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return releasesOf(rows)
}

func (c configs) Forget(ctx context.Context, scope tenancy.Scope, config string, upTo int) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return c.exec(ctx, "forget releases", func(db bun.IDB) error {
		_, err := db.NewDelete().Model((*releaseRow)(nil)).Where("environment_id = ? AND config = ? AND number <= ?", environment, ident(config), upTo).Exec(ctx)
		return err
	})
}

func (c configs) Names(ctx context.Context, scope tenancy.Scope, config string, hash configuration.Hash) (bool, error) {
	environment, err := within(scope)
	if err != nil {
		return false, err
	}
	var there bool
	err = c.query(ctx, "find releases of bundle", func(db bun.IDB) (err error) {
		there, err = db.NewSelect().Model((*releasedBundleRow)(nil)).
			Where("environment_id = ? AND hash = ? AND config = ?", environment, ident(hash.String()), ident(config)).Exists(ctx)
		return err
	})
	return there, err
}
