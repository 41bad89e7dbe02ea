package datastoretest

import (
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func event(e tenancy.Environment, action audit.Action, at time.Time) audit.Event {
	return audit.Event{
		ID: newID(), Project: e.ProjectID, Environment: e.ID, At: at, Actor: audit.Actor{Kind: "secret_key", ID: newID(), Name: "CI 😀"},
		Action: action, Target: audit.Target{Kind: "environment", ID: string(e.ID)},
		Before: map[string]string{"name": "old '?'"}, After: map[string]string{"name": "new", "é": ""}, RequestID: "r-1", Address: "192.0.2.1",
	}
}

var auditTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		full := event(w.home, audit.EnvironmentUpdated, start)
		bare := audit.Event{ID: newID(), Project: w.home.ProjectID, At: later(time.Second), Action: audit.ProjectCreated}
		empty := event(w.home, audit.EnvironmentUpdated, later(time.Minute))
		empty.Before, empty.After = map[string]string{}, nil
		for _, e := range []audit.Event{full, bare, empty} {
			must(t, w.Audit().Append(w.ctx, e))
		}
		same(t, "list", events(t, w, audit.Query{Project: w.home.ProjectID, Limit: 10}), []audit.Event{empty, bare, full})
	},
	"an environment that is not there is no hindrance": func(t *testing.T, w *world) {
		e := event(tenancy.Environment{ID: "gone", ProjectID: "gone"}, audit.EnvironmentDeleted, start)
		must(t, w.Audit().Append(w.ctx, e))
		same(t, "list", events(t, w, audit.Query{Project: "gone", Environment: "gone", Limit: 10}), []audit.Event{e})
	},
	"filters": func(t *testing.T, w *world) {
		whole := event(w.home, audit.EnvironmentCreated, start)
		whole.Environment = ""
		home, away := event(w.home, audit.CredentialCreated, later(1)), event(w.away, audit.CredentialCreated, later(2*time.Microsecond))
		home.At = later(time.Microsecond)
		abroad := event(w.abroad, audit.CredentialCreated, later(3*time.Microsecond))
		for _, e := range []audit.Event{whole, home, away, abroad} {
			must(t, w.Audit().Append(w.ctx, e))
		}
		for name, c := range map[string]struct {
			query audit.Query
			want  []audit.Event
		}{
			"project":                 {audit.Query{Project: w.home.ProjectID, Limit: 10}, []audit.Event{away, home, whole}},
			"environment":             {audit.Query{Project: w.home.ProjectID, Environment: w.home.ID, Limit: 10}, []audit.Event{home}},
			"action":                  {audit.Query{Project: w.home.ProjectID, Action: audit.CredentialCreated, Limit: 10}, []audit.Event{away, home}},
			"both":                    {audit.Query{Project: w.home.ProjectID, Environment: w.away.ID, Action: audit.CredentialCreated, Limit: 10}, []audit.Event{away}},
			"another project's":       {audit.Query{Project: w.home.ProjectID, Environment: w.abroad.ID, Limit: 10}, []audit.Event{}},
			"an action nobody did":    {audit.Query{Project: w.home.ProjectID, Action: audit.ProjectDeleted, Limit: 10}, []audit.Event{}},
			"limit":                   {audit.Query{Project: w.home.ProjectID, Limit: 1}, []audit.Event{away}},
			"limit 0":                 {audit.Query{Project: w.home.ProjectID}, []audit.Event{}},
			"no project is not a key": {audit.Query{Limit: 10}, []audit.Event{}},
		} {
			same(t, name, events(t, w, c.query), c.want)
		}
	},
	"pages hold still while events come": func(t *testing.T, w *world) {
		var want []audit.Event
		for i := range 9 {
			e := event(w.home, audit.DocumentWritten, later(time.Duration(i/3)*time.Second)) // three at each time
			must(t, w.Audit().Append(w.ctx, e))
			want = append([]audit.Event{e}, want...)
		}
		var got []audit.Event
		query := audit.Query{Project: w.home.ProjectID, Environment: w.home.ID, Action: audit.DocumentWritten, Limit: 2}
		for n := 0; ; n++ {
			page := events(t, w, query)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			query.Before.At, query.Before.ID = page[len(page)-1].At, page[len(page)-1].ID
			must(t, w.Audit().Append(w.ctx, event(w.home, audit.DocumentWritten, later(time.Duration(n+10)*time.Second))))
		}
		same(t, "all pages", got, want)
	},
	"many at once": func(t *testing.T, w *world) {
		errs := make([]error, 16)
		together(len(errs), func(i int) { errs[i] = w.Audit().Append(w.ctx, event(w.home, audit.DocumentWritten, start)) })
		for _, err := range errs {
			must(t, err)
		}
		if got := events(t, w, audit.Query{Project: w.home.ProjectID, Limit: 100}); len(got) != len(errs) {
			t.Errorf("%d of %d", len(got), len(errs))
		}
	},
}

func events(t *testing.T, w *world, query audit.Query) []audit.Event {
	t.Helper()
	return get[[]audit.Event](t)(w.Audit().List(w.ctx, query))
}
