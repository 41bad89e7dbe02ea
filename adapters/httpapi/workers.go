package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// worker is the state of a background job over all replicas.
type worker struct {
	Job          string    `json:"job"`
	Every        int64     `json:"every_seconds"`
	Holder       string    `json:"holder,omitempty" doc:"The replica whose turn it is; absent when it is nobody's."`
	HeldUntil    time.Time `json:"held_until,omitzero"`
	Token        int64     `json:"fencing_token" doc:"Grows each time the job changes hands."`
	LastHolder   string    `json:"last_holder,omitempty" doc:"The replica that ran it last."`
	StartedAt    time.Time `json:"started_at,omitzero" doc:"Of the last run."`
	FinishedAt   time.Time `json:"finished_at,omitzero"`
	SucceededAt  time.Time `json:"succeeded_at,omitzero" doc:"The last success; absent when there was none."`
	Failing      bool      `json:"failing" doc:"The last run failed; the logs of last_holder say why."`
	LagInSeconds int64     `json:"lag_seconds" doc:"How far the last success lies beyond the interval; 0 while on time."`
	Runs         int64     `json:"runs"`
	Failures     int64     `json:"failures"`
}

func workerOf(s operators.WorkerStatus) worker {
	return worker{
		Job: s.Job, Every: wholeSeconds(s.Every), Holder: s.LeaseHolder, HeldUntil: s.LeaseExpires, Token: s.LeaseToken, LastHolder: s.Holder,
		StartedAt: s.StartedAt, FinishedAt: s.FinishedAt, SucceededAt: s.SucceededAt, Failing: s.LastError != "",
		LagInSeconds: wholeSeconds(s.Lag), Runs: s.Runs, Failures: s.Failures,
	}
}

func workerRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/workers", ID: "listWorkers", Tag: "Workers", Class: limits.Operate,
			Summary: "See how the background jobs are doing", Description: "They are the installation's: every project's operators see the same, all on one page.",
		}, operator(tenancy.WorkersRead), func(ctx context.Context, _ *call, _ *nothing) (*list[worker], error) {
			states, err := o.Operators.Workers(ctx, o.Jobs)
			if err != nil {
				return nil, err
			}
			reply := &list[worker]{}
			for _, s := range states {
				reply.Items = append(reply.Items, workerOf(s))
			}
			return reply, nil
		}),
	}
}
