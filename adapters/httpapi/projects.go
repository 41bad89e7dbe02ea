package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// projectPath is the project that a path names. Embed it in the route's input.
type projectPath struct {
	Project string `path:"project" doc:"The project's slug."`
}

func (p projectPath) place() operators.Place { return operators.Place{Project: p.Project} }

// confirmation is what deleting takes. Embed it in the route's input.
type confirmation struct {
	Confirm    string `query:"confirm" doc:"The slug of what is deleted, once more."`
	Production bool   `query:"production" doc:"true: destroy production data too."`
}

func (c confirmation) given() operators.Confirmation {
	return operators.Confirmation{Slug: c.Confirm, Production: c.Production}
}

type (
	pageInput    struct{ paging }
	projectInput struct{ projectPath }
	projectList  struct {
		projectPath
		paging
	}
	projectDelete struct {
		projectPath
		confirmation
	}
)

type project struct {
	ID        string    `json:"id"`
	Slug      string    `json:"slug" doc:"Names the project in paths."`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func projectOf(p tenancy.Project) *project {
	return &project{ID: string(p.ID), Slug: p.Slug, Name: p.Name, CreatedAt: p.CreatedAt}
}

func projectRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/projects", ID: "listProjects", Tag: "Projects", Class: limits.Operate,
			Summary: "List the projects of the key", Description: "A key belongs to one project, so there is one.",
		}, operator(tenancy.ProjectsRead), func(ctx context.Context, c *call, in *pageInput) (*list[*project], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Projects(ctx, c.principal, after[0], limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, projectOf, func(p tenancy.Project) []string { return []string{p.Slug} }), nil
		}),
		define(route{
			Method: http.MethodGet, Path: "/v1/projects/{project}", ID: "getProject", Tag: "Projects", Class: limits.Operate,
			Summary: "Read a project",
		}, operator(tenancy.ProjectsRead), func(ctx context.Context, c *call, in *projectInput) (*project, error) {
			p, err := o.Operators.Project(ctx, c.principal, in.Project)
			return projectOf(p), err
		}),
		change(route{
			Method: http.MethodDelete, Path: "/v1/projects/{project}", ID: "deleteProject", Tag: "Projects", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Delete a project with all that is in it",
			Description: "Environments, players, documents, keys: everything but the audit log goes, for good. Needs a key of the whole project.",
		}, operator(tenancy.ProjectsWrite), done, func(ctx context.Context, c *call, in *projectDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.DeleteProject(ctx, c.principal, in.Project, in.given(), tell)
		}),
	}
}
