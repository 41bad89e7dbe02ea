package tenancy

// ProjectID and EnvironmentID are UUIDs in their canonical lower-case form.
type (
	ProjectID     string
	EnvironmentID string
)

// Scope is the one environment an operation reads and writes. Its fields are
// private so that it can come only from a Principal that was authenticated, or
// from an Environment that a worker or an operator's use case has loaded: no
// code can name an environment it was not let into.
type Scope struct {
	project     ProjectID
	environment EnvironmentID
}

func (s Scope) Project() ProjectID         { return s.project }
func (s Scope) Environment() EnvironmentID { return s.environment }

// IsZero tells a Scope that leads nowhere. Repositories refuse it.
func (s Scope) IsZero() bool { return s.environment == "" }
