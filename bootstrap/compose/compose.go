package compose

import (
	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/mailing"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/players"
	"github.com/overworldhq/overworld/app/removal"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/recurrence"
	"github.com/overworldhq/overworld/ports/revocation"
	"github.com/overworldhq/overworld/ports/schema"
	"github.com/overworldhq/overworld/ports/secrets"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Ports is all that the use cases need of the outside world: the seam between
// what is chosen at start and what is known at compile time.
type Ports struct {
	Store       datastore.Datastore
	Limiter     limiter.Limiter
	Revocations revocation.Memory
	Ranks       ranking.Index
	Blobs       blob.Store
	Tokens      identity.AccessTokens
	JoinTickets registry.Tickets
	Manifests   configuration.Manifests
	Clock       clock.Clock
	IDs         ids.Source
	Random      secrets.Random
	Vault       secrets.Vault
	Issuer      access.Issuer
	Schemas     schema.Compiler
	Calendar    recurrence.Reader
	Limits      limits.Limits
	// Tracer shows what many callers share; nil: nothing is traced.
	Tracer    tracing.Tracer
	Passwords secrets.Passwords
	Mail      mail.Sender
	MailFrom  mailing.From
}

// App is the use cases.
type App struct {
	Authenticator *access.Authenticator
	Uses          *access.Uses
	Throttle      *limits.Throttle
	Ledger        *once.Ledger
	Directory     *environments.Directory
	SignIn        *signin.UseCases
	Players       *players.UseCases
	Documents     *documents.UseCases
	Leaderboards  *leaderboards.UseCases
	Verifier      *leaderboards.Verifier
	Servers       *servers.UseCases
	Configs       *configs.UseCases
	Operators     *operators.UseCases
	Outbox        *mailing.Outbox
	Custody       *custody.Keeper
	Desk          *signin.Desk
	Remover       *removal.Remover
	Jobs          []jobs.Job
}

// jobParts are what the jobs are made of.
type jobParts struct {
	Store    datastore.Datastore
	Clock    clock.Clock
	Keeper   *custody.Keeper
	Outbox   *mailing.Outbox
	Boards   *leaderboards.UseCases
	Verifier *leaderboards.Verifier
	Remover  *removal.Remover
}

// allJobs is what the workers of every replica take turns at.
func allJobs(p jobParts) []jobs.Job {
	return []jobs.Job{
		jobs.TokenPurge(p.Store, p.Clock),
		jobs.MailDelivery(p.Outbox),
		jobs.RankVerification(p.Verifier),
		jobs.StaleServers(p.Store, p.Clock),
		jobs.Seasons(p.Store, p.Boards),
		jobs.SeasonArchives(p.Store, p.Boards),
		jobs.SeasonRetention(p.Store, p.Boards),
		jobs.ArchiveSweep(p.Boards, p.Keeper),
		jobs.BundleSweep(p.Store, p.Keeper, p.Clock),
		jobs.Removal(p.Remover),
	}
}
