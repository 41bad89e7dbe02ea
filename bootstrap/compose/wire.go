//go:build wireinject

package compose

import (
	"github.com/google/wire"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/collections"
	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/mailing"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/players"
	"github.com/overworldhq/overworld/app/removal"
	"github.com/overworldhq/overworld/app/servers"
	"github.com/overworldhq/overworld/app/signin"
)

// New builds the use cases over the given ports.
func New(ports Ports) *App {
	wire.Build(
		wire.FieldsOf(new(Ports), "Store", "Limiter", "Revocations", "Ranks", "Blobs", "Tokens", "JoinTickets", "Manifests", "Clock", "IDs", "Random", "Vault", "Issuer", "Schemas", "Calendar", "Limits", "Passwords", "Mail", "MailFrom", "Tracer"),
		environments.NewDirectory, wire.Struct(new(environments.Parts), "*"), environments.NewKeyRing,
		wire.Struct(new(access.Parts), "*"), access.NewAuthenticator, access.NewUses, access.NewRevoker,
		limits.NewThrottle, once.NewLedger, custody.New, removal.New,
		wire.Struct(new(mailing.Parts), "*"), mailing.New,
		wire.Struct(new(signin.Parts), "*"), signin.New, signin.NewDesk,
		players.New,
		wire.Struct(new(documents.Parts), "*"), documents.New, collections.NewBook,
		wire.Struct(new(leaderboards.Parts), "*"), leaderboards.New, leaderboards.NewVerifier,
		wire.Struct(new(servers.Parts), "*"), servers.New,
		wire.Struct(new(configs.Parts), "*"), configs.New,
		wire.Struct(new(operators.Parts), "*"), operators.New,
		wire.Struct(new(jobParts), "*"), allJobs,
		wire.Struct(new(App), "*"),
	)
	return nil
}
