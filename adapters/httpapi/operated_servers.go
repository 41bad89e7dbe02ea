package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// operatedServer is a server's record as operators see it.
type operatedServer struct {
	gameServer
	Alive        bool      `json:"alive" doc:"false: its lease has ended, or its registration was. The record goes some minutes later."`
	Deregistered bool      `json:"deregistered,omitzero"`
	Hidden       bool      `json:"hidden,omitzero"`
	ExpiresAt    time.Time `json:"expires_at" doc:"The end of its lease."`
}

func operatedServerOf(s registry.Server, now time.Time) *operatedServer {
	return &operatedServer{gameServer: *gameServerOf(registry.Show(s, now)), Alive: s.Alive(now), Deregistered: s.Ended, Hidden: s.Hidden, ExpiresAt: s.ExpiresAt}
}

type (
	operatedServerList struct {
		environmentPath
		paging
	}
	operatedServerInput struct {
		environmentPath
		serverPath
	}
	operatedServerDrain struct {
		operatedServerInput
		Body struct {
			Hidden bool `json:"hidden,omitempty" doc:"true: lists don't show it any more."`
		}
	}
)

func operatedServerRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/servers"
	shown := func(_ *call, s registry.Server) *operatedServer { return operatedServerOf(s, o.Clock.Now()) }
	return []route{
		define(route{
			Method: http.MethodGet, Path: all, ID: "listServers", Tag: "Servers", Class: limits.Operate,
			Summary: "List an environment's servers", Description: "By id, all that there are: those that start, hide or are dead too.",
		}, operator(tenancy.RegistryRead), func(ctx context.Context, c *call, in *operatedServerList) (*list[*operatedServer], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Servers(ctx, c.principal, in.place(), registry.ServerID(after[0]), limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, func(s registry.Server) *operatedServer { return shown(c, s) }, func(s registry.Server) []string { return []string{string(s.ID)} }), nil
		}),
		change(route{
			Method: http.MethodPost, Path: all + "/{server}/drain", ID: "forceServerDrain", Tag: "Servers", Class: limits.Operate,
			Summary: "Drain a server", Description: "Whatever its heartbeats say, it takes nobody in any more; the next one tells it so. Who is on it stays.",
		}, operator(tenancy.RegistryWrite), shown, func(ctx context.Context, c *call, in *operatedServerDrain, tell once.Effect[registry.Server]) (none registry.Server, _ error) {
			id, err := in.server()
			if err != nil {
				return none, err
			}
			return o.Operators.DrainServer(ctx, c.principal, in.place(), id, in.Body.Hidden, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: all + "/{server}", ID: "forceServerDeregistration", Tag: "Servers", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "End a server's registration",
			Description: "It is listed no more, and its seats are free. Its heartbeats are refused with registry.deregistered, but it may register again.",
		}, operator(tenancy.RegistryWrite), done, func(ctx context.Context, c *call, in *operatedServerInput, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			id, err := in.server()
			if err != nil {
				return none, err
			}
			return none, o.Operators.DeregisterServer(ctx, c.principal, in.place(), id, tell)
		}),
	}
}
