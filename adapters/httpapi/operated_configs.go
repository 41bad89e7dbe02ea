package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// config is one as operators see it.
type config struct {
	Config    string         `json:"config"`
	Readers   string         `json:"readers" enum:"public,player,server" doc:"Who reads it: anyone with the game's publishable key; signed-in players and servers; servers alone."`
	Schema    jsontext.Value `json:"schema,omitzero" doc:"The JSON Schema that every bundle of a release satisfies; absent: any bytes."`
	Version   int64          `json:"version" doc:"Grows with each change of any config of the environment, and is never used again. It is the ETag."`
	Release   int            `json:"release" doc:"The number of the current release; 0: there is none yet."`
	Current   *release       `json:"current,omitempty" doc:"The current release; absent in lists."`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

func listedConfig(c configuration.Config) *config {
	return &config{
		Config: c.Name, Readers: string(c.Readers), Schema: c.Schema, Version: c.Version, Release: c.Release, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func configOf(c operators.Configured) *config {
	shown := listedConfig(c.Config)
	if c.Release != nil {
		shown.Current = releaseOf(*c.Release)
	}
	return shown
}

// showConfig tags the reply with the config's version.
func showConfig(c *call, found operators.Configured) *config {
	c.tag = versionTag(found.Config.Version)
	return configOf(found)
}

// configPath is a config of an environment. Embed it in the route's input.
type configPath struct {
	environmentPath
	Config string `path:"config" doc:"1 to 64 lower-case letters, digits and single hyphens, beginning with a letter."`
}

type (
	configList struct {
		environmentPath
		paging
	}
	configInput struct{ configPath }
	configPut   struct {
		configPath
		ifMatch
		ifNoneMatch
		Body struct {
			Readers string         `json:"readers,omitempty" enum:"public,player,server" doc:"player if absent."`
			Schema  jsontext.Value `json:"schema,omitempty" doc:"A JSON Schema of draft 2020-12 that stands for itself: references out of it are refused. Absent: any bytes."`
		}
	}
	configDelete struct {
		configPath
		Confirm string `query:"confirm" doc:"The config's name, once more."`
	}
)

const (
	configsPath   = "/v1/projects/{project}/environments/{environment}/configs"
	oneConfigPath = configsPath + "/{config}"
)

func operatedConfigRoutes(o Options) []route {
	at := func(r route) route {
		r.Tag, r.Class = "Configuration", limits.Operate
		return r
	}
	declared := func(c *call, done operators.Configured) *config {
		if done.Created {
			c.created()
		}
		return showConfig(c, done)
	}
	return []route{
		define(at(route{
			Method: http.MethodGet, Path: configsPath, ID: "listConfigs", Summary: "List an environment's configs", Description: "By name.",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *configList) (*list[*config], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Configs(ctx, c.principal, in.place(), after[0], limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, listedConfig, func(one configuration.Config) []string { return []string{one.Name} }), nil
		}),
		define(at(route{
			Method: http.MethodGet, Path: oneConfigPath, ID: "inspectConfig", Tagged: true,
			Summary: "Read a config as an operator", Description: "What is declared of it, and its current release.",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *configInput) (*config, error) {
			found, err := o.Operators.Config(ctx, c.principal, in.place(), in.Config)
			if err != nil {
				return nil, err
			}
			return showConfig(c, found), nil
		}),
		change(at(route{
			Method: http.MethodPut, Path: oneConfigPath, ID: "putConfig", Tagged: true, Statuses: []int{http.StatusOK, http.StatusCreated},
			Summary: "Declare who reads a config, and its schema",
			Description: "Replaces the whole declaration, and takes effect as a release does. The bundles of the current release must satisfy the schema already. " +
				"A config that nobody declared is made by its first release, for players and servers.",
		}), operator(tenancy.ConfigsWrite), declared, func(ctx context.Context, c *call, in *configPut, tell once.Effect[operators.Configured]) (none operators.Configured, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			declaration := configuration.Declaration{Readers: configuration.Readers(in.Body.Readers), Schema: in.Body.Schema}
			return o.Operators.DeclareConfig(ctx, c.principal, in.place(), in.Config, declaration, pre, tell)
		}),
		change(at(route{
			Method: http.MethodDelete, Path: oneConfigPath, ID: "deleteConfig", Statuses: []int{http.StatusNoContent},
			Summary: "Delete a config", Description: "With all its releases, for good: nobody gets it any more. Its bundles stay, as any that no release names.",
		}), operator(tenancy.ConfigsWrite), done, func(ctx context.Context, c *call, in *configDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.DeleteConfig(ctx, c.principal, in.place(), in.Config, in.Confirm, tell)
		}),
	}
}
