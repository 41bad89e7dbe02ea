package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit_events,alias:audit_events"`
	ProjectID     ident
	EnvironmentID ident // '' for the project's own events
	At            instant
	ID            ident
	ActorKind     prose
	ActorID       prose
	ActorName     prose
	Action        ident
	TargetKind    prose
	TargetID      prose
	StateBefore   jsonText[map[string]string]
	StateAfter    jsonText[map[string]string]
	RequestID     prose
	Address       prose
}

func (r auditRow) event() audit.Event {
	return audit.Event{
		ID: string(r.ID), Project: tenancy.ProjectID(r.ProjectID), Environment: tenancy.EnvironmentID(r.EnvironmentID), At: r.At.Time,
		Actor:  audit.Actor{Kind: string(r.ActorKind), ID: string(r.ActorID), Name: string(r.ActorName)},
		Action: audit.Action(r.Action), Target: audit.Target{Kind: string(r.TargetKind), ID: string(r.TargetID)},
		Before: r.StateBefore.Value, After: r.StateAfter.Value, RequestID: string(r.RequestID), Address: string(r.Address),
	}
}

type auditLog struct{ conn }

var _ audit.Log = auditLog{}

func (a auditLog) Append(ctx context.Context, e audit.Event) error {
	row := auditRow{
		ProjectID: ident(e.Project), EnvironmentID: ident(e.Environment), At: at(e.At), ID: ident(e.ID),
		ActorKind: prose(e.Actor.Kind), ActorID: prose(e.Actor.ID), ActorName: prose(e.Actor.Name),
		Action: ident(e.Action), TargetKind: prose(e.Target.Kind), TargetID: prose(e.Target.ID),
		StateBefore: jsonText[map[string]string]{e.Before}, StateAfter: jsonText[map[string]string]{e.After},
		RequestID: prose(e.RequestID), Address: prose(e.Address),
	}
	return a.exec(ctx, "append audit event", func(db bun.IDB) error {
		_, err := db.NewInsert().Model(&row).Exec(ctx)
		return err
	})
}

func (a auditLog) List(ctx context.Context, query audit.Query) ([]audit.Event, error) {
	return list(ctx, a.conn, "list audit events", query.Limit, auditRow.event, func(q *bun.SelectQuery) {
		q.Where("project_id = ?", ident(query.Project))
		if query.Environment != "" {
			q.Where("environment_id = ?", ident(query.Environment))
		}
		if query.Action != "" {
			q.Where("action = ?", ident(query.Action))
		}
		if !query.Before.At.IsZero() {
			q.Where("(at, id) < (?, ?)", at(query.Before.At), ident(query.Before.ID))
		}
		q.OrderBy("at", bun.OrderDesc).OrderBy("id", bun.OrderDesc)
	})
}
