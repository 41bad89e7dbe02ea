package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/ports/lease"
)

type runRow struct {
	bun.BaseModel `bun:"table:job_runs,alias:job_runs"`
	Job           ident
	Holder        prose
	StartedAt     instant
	FinishedAt    instant
	SucceededAt   instant
	Runs          int64
	Failures      int64
	LastError     prose
}

func (r runRow) run() lease.Run {
	return lease.Run{
		Job: string(r.Job), Holder: string(r.Holder), StartedAt: r.StartedAt.Time, FinishedAt: r.FinishedAt.Time,
		SucceededAt: r.SucceededAt.Time, Runs: r.Runs, Failures: r.Failures, LastError: string(r.LastError),
	}
}

type runs struct{ conn }

var _ lease.Runs = runs{}

func (r runs) Record(ctx context.Context, job, holder string, started, finished time.Time, failure string) error {
	row := runRow{Job: ident(job), Holder: prose(holder), StartedAt: at(started), FinishedAt: at(finished), Runs: 1, LastError: prose(failure)}
	if failure == "" {
		row.SucceededAt = row.FinishedAt
	} else {
		row.Failures = 1
	}
	return r.exec(ctx, "record run", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).
			On("CONFLICT (job) DO UPDATE").
			Set("holder = EXCLUDED.holder").Set("started_at = EXCLUDED.started_at").Set("finished_at = EXCLUDED.finished_at").
			Set("succeeded_at = COALESCE(EXCLUDED.succeeded_at, job_runs.succeeded_at)").
			Set("runs = job_runs.runs + 1").Set("failures = job_runs.failures + EXCLUDED.failures").
			Set("last_error = EXCLUDED.last_error").Exec(ctx)
		return err
	})
}

func (r runs) List(ctx context.Context) ([]lease.Run, error) {
	return list(ctx, r.conn, "list runs", unbounded, runRow.run, func(q *bun.SelectQuery) { q.OrderBy("job", bun.OrderAsc) })
}
