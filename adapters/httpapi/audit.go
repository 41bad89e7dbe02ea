package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// event is one thing that was done.
type event struct {
	ID            string            `json:"id"`
	At            time.Time         `json:"at"`
	EnvironmentID string            `json:"environment_id,omitempty" doc:"Absent for what concerns the project itself."`
	Actor         eventActor        `json:"actor"`
	Action        string            `json:"action" doc:"What was done, such as credential.created."`
	Target        eventTarget       `json:"target"`
	Before        map[string]string `json:"before,omitempty"`
	After         map[string]string `json:"after,omitempty"`
	RequestID     string            `json:"request_id,omitempty"`
	Address       string            `json:"address,omitempty"`
}

type eventActor struct {
	Kind string `json:"kind" enum:"secret_key,publishable_key,server_token,player,local_operator,none"`
	ID   string `json:"id,omitempty" doc:"Of the key, token or player."`
	Name string `json:"name,omitempty"`
}

type eventTarget struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

func eventOf(e audit.Event) *event {
	return &event{
		ID: e.ID, At: e.At, EnvironmentID: string(e.Environment), Action: string(e.Action),
		Actor: eventActor{Kind: e.Actor.Kind, ID: e.Actor.ID, Name: e.Actor.Name}, Target: eventTarget{Kind: e.Target.Kind, ID: e.Target.ID},
		Before: e.Before, After: e.After, RequestID: e.RequestID, Address: e.Address,
	}
}

// auditQuery is what both audit lists take. Embed it in the route's input.
type auditQuery struct {
	paging
	Action string `query:"action" doc:"Only this action."`
}

type (
	environmentAudit struct {
		environmentPath
		auditQuery
	}
	projectAudit struct {
		projectPath
		auditQuery
	}
)

func auditRoutes(o Options) []route {
	events := func(ctx context.Context, c *call, at placed, in auditQuery) (*list[*event], error) {
		limit, before, err := c.page(in.paging, 2)
		if err != nil {
			return nil, err
		}
		query := audit.Query{Action: audit.Action(in.Action), Limit: limit}
		if before[0] != "" {
			micros, err := strconv.ParseInt(before[0], 10, 64)
			if err != nil {
				return nil, errCursor
			}
			query.Before.At, query.Before.ID = time.UnixMicro(micros).UTC(), before[1]
		}
		found, err := o.Operators.Audit(ctx, c.principal, at.place(), query)
		if err != nil {
			return nil, err
		}
		return pageOf(c, limit, found, eventOf, func(e audit.Event) []string {
			return []string{strconv.FormatInt(e.At.UnixMicro(), 10), e.ID}
		}), nil
	}
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/projects/{project}/environments/{environment}/audit", ID: "listAudit", Tag: "Audit", Class: limits.Operate,
			Summary: "List what was done in an environment", Description: "Newest first.",
		}, operator(tenancy.AuditRead), func(ctx context.Context, c *call, in *environmentAudit) (*list[*event], error) {
			return events(ctx, c, in, in.auditQuery)
		}),
		define(route{
			Method: http.MethodGet, Path: "/v1/projects/{project}/audit", ID: "listProjectAudit", Tag: "Audit", Class: limits.Operate,
			Summary: "List what was done in a project and all its environments", Description: "Newest first. Needs a key of the whole project.",
		}, operator(tenancy.AuditRead), func(ctx context.Context, c *call, in *projectAudit) (*list[*event], error) {
			return events(ctx, c, in, in.auditQuery)
		}),
	}
}
