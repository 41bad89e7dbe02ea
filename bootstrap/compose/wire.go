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
		custody.New, access.NewAuthenticator, access.NewUses,
		environments.NewDirectory, environments.NewKeyRing,
		limits.NewThrottle, once.NewLedger,
		mailing.New, signin.NewDesk, signin.New, players.New, collections.NewBook, documents.New, leaderboards.New, leaderboards.NewVerifier, servers.New, configs.New, operators.New, removal.New,
		allJobs,
		wire.Struct(new(App), "*"),
	)
	return nil
}
