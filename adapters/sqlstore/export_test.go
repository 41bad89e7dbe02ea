package sqlstore

import (
	"context"

	"github.com/uptrace/bun"
)

// OnQuery calls note with the text of every statement, for tests. Arguments are
// written into all of them from then on.
func (s *Store) OnQuery(note func(query string)) {
	s.shared.engine.Prepared = nil
	for _, db := range []*bun.IDB{&s.conn.read, &s.conn.write} {
		*db = (*db).(*bun.DB).WithQueryHook(queryHook(note))
	}
}

type queryHook func(query string)

func (queryHook) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (h queryHook) AfterQuery(_ context.Context, event *bun.QueryEvent) { h(event.Query) }

// Contents are the tables that are purged, in order.
func Contents() []string {
	names := make([]string, len(contents))
	for i, table := range contents {
		names[i] = table.table
	}
	return names
}
