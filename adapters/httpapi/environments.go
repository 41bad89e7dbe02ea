package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// environmentPath is the environment that a path names. Embed it in the route's input.
type environmentPath struct {
	projectPath
	Environment string `path:"environment" doc:"The environment's slug."`
}

func (p environmentPath) place() operators.Place {
	return operators.Place{Project: p.Project, Environment: p.Environment}
}

type environment struct {
	ID         string    `json:"id" doc:"Is aud of its access tokens."`
	Slug       string    `json:"slug" doc:"Names the environment in paths."`
	Name       string    `json:"name"`
	Production bool      `json:"production"`
	Settings   settings  `json:"settings"`
	Version    int64     `json:"version" doc:"Counts the edits. It is the ETag."`
	CreatedAt  time.Time `json:"created_at"`
}

type settings struct {
	GuestSignIn          bool     `json:"guest_sign_in"`
	EmailSignIn          bool     `json:"email_sign_in"`
	AccessTokenLifetime  int64    `json:"access_token_lifetime_seconds"`
	RefreshTokenLifetime int64    `json:"refresh_token_lifetime_seconds"`
	ClockOffset          int64    `json:"clock_offset_seconds"`
	CORSOrigins          []string `json:"cors_origins"`
	ServerBrowsing       string   `json:"server_browsing" enum:"players,publishable,servers"`
}

func environmentOf(e tenancy.Environment) *environment {
	s := e.Settings
	return &environment{
		ID: string(e.ID), Slug: e.Slug, Name: e.Name, Production: e.Production, Version: e.Version, CreatedAt: e.CreatedAt,
		Settings: settings{
			GuestSignIn: s.GuestSignIn, EmailSignIn: s.EmailSignIn, AccessTokenLifetime: wholeSeconds(s.AccessTokenLifetime),
			RefreshTokenLifetime: wholeSeconds(s.RefreshTokenLifetime), ClockOffset: wholeSeconds(s.ClockOffset), CORSOrigins: s.CORSOrigins,
			ServerBrowsing: string(s.ServerBrowsing),
		},
	}
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// duration gives n seconds, or the longest duration there is; the domain then
// refuses what would otherwise have wrapped into its range.
func duration(n int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	return time.Duration(max(-most, min(n, most))) * time.Second
}

type (
	environmentInput  struct{ environmentPath }
	environmentDelete struct {
		environmentPath
		confirmation
	}
	environmentCreate struct {
		projectPath
		Body struct {
			Slug       string `json:"slug" doc:"1 to 40 lower-case letters, digits and single hyphens, beginning with a letter."`
			Name       string `json:"name,omitempty" doc:"1 to 80 characters; the slug if absent."`
			Production bool   `json:"production,omitempty" doc:"Its clock can't be moved, and deleting it takes a second switch."`
		}
	}
	environmentEdit struct {
		environmentPath
		ifMatch
		Body struct {
			Name     *string         `json:"name,omitempty"`
			Settings *settingsChange `json:"settings,omitempty"`
		}
	}
	settingsChange struct {
		GuestSignIn          *bool     `json:"guest_sign_in,omitempty" doc:"Players may enter with nothing but a device secret."`
		EmailSignIn          *bool     `json:"email_sign_in,omitempty" doc:"Players may register and sign in with an e-mail address and a password."`
		AccessTokenLifetime  *int64    `json:"access_token_lifetime_seconds,omitempty" doc:"60 to 86400."`
		RefreshTokenLifetime *int64    `json:"refresh_token_lifetime_seconds,omitempty" doc:"3600 to 34560000."`
		ClockOffset          *int64    `json:"clock_offset_seconds,omitempty" doc:"Moves the environment's clock, to rehearse; not in production."`
		CORSOrigins          *[]string `json:"cors_origins,omitempty" doc:"Web origins that may call from a browser, or *."`
		ServerBrowsing       *string   `json:"server_browsing,omitempty" enum:"players,publishable,servers" doc:"Who, besides servers and operators, may look for game servers: signed-in players, who may then take seats; publishable keys too; or neither."`
	}
)

func (s *settingsChange) apply(to *tenancy.Settings) {
	if s.GuestSignIn != nil {
		to.GuestSignIn = *s.GuestSignIn
	}
	if s.EmailSignIn != nil {
		to.EmailSignIn = *s.EmailSignIn
	}
	if s.AccessTokenLifetime != nil {
		to.AccessTokenLifetime = duration(*s.AccessTokenLifetime)
	}
	if s.RefreshTokenLifetime != nil {
		to.RefreshTokenLifetime = duration(*s.RefreshTokenLifetime)
	}
	if s.ClockOffset != nil {
		to.ClockOffset = duration(*s.ClockOffset)
	}
	if s.CORSOrigins != nil {
		to.CORSOrigins = *s.CORSOrigins
	}
	if s.ServerBrowsing != nil {
		to.ServerBrowsing = tenancy.Browsing(*s.ServerBrowsing)
	}
}

func environmentRoutes(o Options) []route {
	const all, one = "/v1/projects/{project}/environments", "/v1/projects/{project}/environments/{environment}"
	shown := func(c *call, e tenancy.Environment) *environment {
		c.tag = versionTag(e.Version)
		return environmentOf(e)
	}
	return []route{
		define(route{
			Method: http.MethodGet, Path: all, ID: "listEnvironments", Tag: "Environments", Class: limits.Operate,
			Summary: "List a project's environments", Description: "By slug. A key of one environment sees only that one.",
		}, operator(tenancy.ProjectsRead), func(ctx context.Context, c *call, in *projectList) (*list[*environment], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Environments(ctx, c.principal, in.Project, after[0], limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, environmentOf, func(e tenancy.Environment) []string { return []string{e.Slug} }), nil
		}),
		change(route{
			Method: http.MethodPost, Path: all, ID: "createEnvironment", Tag: "Environments", Class: limits.Operate,
			Statuses: []int{http.StatusCreated}, Tagged: true, Summary: "Add an environment", Description: "Needs a key of the whole project.",
		}, operator(tenancy.ProjectsWrite), shown, func(ctx context.Context, c *call, in *environmentCreate, tell once.Effect[tenancy.Environment]) (tenancy.Environment, error) {
			return o.Operators.CreateEnvironment(ctx, c.principal, in.Project, tenancy.EnvironmentSpec{Slug: in.Body.Slug, Name: in.Body.Name, Production: in.Body.Production}, tell)
		}),
		define(route{
			Method: http.MethodGet, Path: one, ID: "getEnvironment", Tag: "Environments", Class: limits.Operate, Tagged: true,
			Summary: "Read an environment",
		}, operator(tenancy.ProjectsRead), func(ctx context.Context, c *call, in *environmentInput) (*environment, error) {
			e, err := o.Operators.Environment(ctx, c.principal, in.Project, in.Environment)
			return shown(c, e), err
		}),
		change(route{
			Method: http.MethodPatch, Path: one, ID: "editEnvironment", Tag: "Environments", Class: limits.Operate, Tagged: true,
			Summary:     "Edit an environment's name and settings",
			Description: "Members that are absent stay as they are. Without If-Match the change goes on top of whatever is there.",
		}, operator(tenancy.ProjectsWrite), shown, func(ctx context.Context, c *call, in *environmentEdit, tell once.Effect[tenancy.Environment]) (tenancy.Environment, error) {
			pre, err := c.precondition()
			if err != nil {
				return tenancy.Environment{}, err
			}
			edit := operators.Edit{Name: in.Body.Name, Versions: pre.Versions}
			if in.Body.Settings != nil {
				edit.Settings = in.Body.Settings.apply
			}
			return o.Operators.EditEnvironment(ctx, c.principal, in.Project, in.Environment, edit, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: one, ID: "deleteEnvironment", Tag: "Environments", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Delete an environment with all that is in it",
			Description: "Everything but the audit log goes, for good. Needs a key of the whole project.",
		}, operator(tenancy.ProjectsWrite), done, func(ctx context.Context, c *call, in *environmentDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.DeleteEnvironment(ctx, c.principal, in.Project, in.Environment, in.given(), tell)
		}),
	}
}
