package httpapi

import (
	"context"
	"net/http"
)

type health struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version" doc:"Of the server's build."`
}

type readiness struct {
	Status string `json:"status" enum:"ok,degraded,unavailable,stopping"`
	Parts  []part `json:"parts"`
}

type part struct {
	Name   string `json:"name"`
	Status string `json:"status" enum:"ok,degraded,unavailable"`
	Detail string `json:"detail,omitempty"`
}

func healthRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/healthz", ID: "getHealth", Tag: "About", Page: true, Vital: true,
			Summary: "Tell whether the process is alive",
		}, public(), func(context.Context, *call, *nothing) (*health, error) {
			return &health{Status: "ok", Version: o.Version}, nil
		}),
		define(route{
			Method: http.MethodGet, Path: "/readyz", ID: "getReadiness", Tag: "About", Page: true, Vital: true,
			Statuses: []int{http.StatusOK, http.StatusServiceUnavailable}, Summary: "Tell whether the process should be sent requests",
			Description: "503 while the database is away, and once the process has been asked to stop: it still serves what comes, for a while. Degraded is still 200: requests are served.",
		}, public(), func(ctx context.Context, c *call, _ *nothing) (*readiness, error) {
			state := o.Ready(ctx)
			reply := &readiness{Status: "ok"}
			switch {
			case state.Stopping:
				reply.Status = "stopping"
			case !state.Ready:
				reply.Status = "unavailable"
			case state.Degraded:
				reply.Status = "degraded"
			}
			if state.Stopping || !state.Ready {
				c.status = http.StatusServiceUnavailable
				c.header().Set("Retry-After", "1")
			}
			for _, p := range state.Parts {
				reply.Parts = append(reply.Parts, part(p))
			}
			return reply, nil
		}),
	}
}
