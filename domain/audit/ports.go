package audit

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Log stores events.
type Log interface {
	Append(ctx context.Context, event Event) error
	// List gives up to Limit events, newest first.
	List(ctx context.Context, query Query) ([]Event, error)
}

// Query selects events of a project.
type Query struct {
	Project tenancy.ProjectID
	// Environment, when not empty, narrows to that environment's events;
	// empty gives the project's and all its environments'.
	Environment tenancy.EnvironmentID
	Action      Action // empty: all
	// Before is the place of the last event of the page before; zero at the beginning.
	Before struct {
		At time.Time
		ID string
	}
	Limit int
}
