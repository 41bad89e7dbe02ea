package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/players"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/app/shelf"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/secrets"
)

// Options are what the API serves and what it serves it with. All are needed
// but Metrics, without which nothing is counted, Traces, without which no
// request is traced, and TrustedProxies.
type Options struct {
	Authenticator *access.Authenticator
	SignIn        *signin.UseCases
	Players       *players.UseCases
	Documents     *documents.UseCases
	Leaderboards  *leaderboards.UseCases
	Servers       *servers.UseCases
	Configs       *configs.UseCases
	Operators     *operators.UseCases
	Throttle      *limits.Throttle
	// Directory knows the origins of web pages that each environment lets in.
	Directory *environments.Directory
	// Ledger keeps what was answered under idempotency keys.
	Ledger *once.Ledger
	Limits limits.Limits
	// Jobs are those whose state GET /v1/workers tells.
	Jobs []jobs.Job
	// Vault gives the key that authenticates cursors.
	Vault  secrets.Vault
	IDs    ids.Source
	Clock  clock.Clock
	Logger *slog.Logger
	// Version is the build's, as GET /healthz tells it.
	Version string
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Ready answers GET /readyz.
	Ready   func(ctx context.Context) Readiness
	Metrics prometheus.Registerer
	Traces  trace.TracerProvider
}

// Readiness tells whether requests should be sent here.
type Readiness struct {
	// Ready is false while nothing can be served: the database is away, say.
	Ready bool
	// Stopping says that the process is about to end, and serves only until
	// whoever sends requests has noticed.
	Stopping bool
	// Degraded says that requests are served, but something is missing.
	Degraded bool
	Parts    []Part
}

// Part is one thing that the process depends on.
type Part struct {
	Name   string
	Status string // "ok", "degraded" or "unavailable"
	Detail string // for whoever runs the server; no secrets, for it is public
}

// API serves every route.
type API struct {
	Options
	groups  map[string]*mux.Router
	cursors cursors
	tops    *shownPages
	metrics metrics
	tracer  trace.Tracer // nil: nothing is traced
	// fingerprints is the key of requests' fingerprints.
	fingerprints []byte
	gate         *gate
	away         *turnaway
	// unmatched stands in for the route of a request that has none.
	unmatched *route
}

// New makes the API. It fails when a route lacks what it must declare, or when
// its metrics are registered already.
func New(options Options) (*API, error) { return serving(options, table(options)) }

func serving(options Options, table []route) (*API, error) {
	a := &API{Options: options, tops: shelf.New[shownPage, []byte](pageBytes), cursors: cursors{key: options.Vault.Derive("cursors")}, fingerprints: options.Vault.Derive("fingerprints")}
	if options.Traces != nil {
		a.tracer = options.Traces.Tracer("github.com/overworldhq/overworld/adapters/httpapi")
	}
	var err error
	if a.metrics, err = newMetrics(options.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	a.gate = newGate(options.Limits.ConcurrentRequests, options.Limits.WaitingRequests, options, a.metrics.refused)
	a.unmatched = &route{observe: a.metrics.of("unmatched")}
	if a.away, err = newTurnaway(table, a.metrics.of("refused")); err != nil {
		return nil, err
	}
	if a.groups, err = a.mount(table); err != nil {
		return nil, err
	}
	return a, nil
}
