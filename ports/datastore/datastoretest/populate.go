package datastoretest

import (
	"testing"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/mail"
)

// belongings is one of everything that lives in an environment.
type belongings struct {
	scope      tenancy.Scope
	player     identity.Player
	login      identity.Login
	session    identity.Session
	key        identity.SealedKey
	document   storage.Document
	collection storage.Collection
	season     ranking.SeasonRef
	entry      ranking.Entry
	server     registry.Server
	credential tenancy.Credential
	event      audit.Event
	ticket     identity.Ticket
	mail       mail.Entry
	bundle     configuration.Bundle
	release    configuration.Release
}

func populate(t *testing.T, w *world, e tenancy.Environment) belongings {
	t.Helper()
	b := belongings{scope: e.Scope(), player: player(), key: signingKeys(1)[0], credential: credential(e)}
	b.login, b.session = login(b.player), session(b.player)
	b.document = document(string(b.player.ID), "saves", "slot-1", 1)
	b.collection = collection("saves", 1)
	b.event = event(e, audit.EnvironmentUpdated, start)
	must(t, w.Players().Create(w.ctx, b.scope, identity.Newcomer{Player: b.player, Login: b.login}))
	must(t, w.Sessions().Create(w.ctx, b.scope, b.session))
	must(t, w.SigningKeys().Save(w.ctx, b.scope, []identity.SealedKey{b.key}))
	must(t, writeOne(w.ctx, w, b.scope, b.document))
	before := b.document
	b.document.Version++
	must(t, w.Documents().WriteMany(w.ctx, b.scope, []storage.Write{{Document: b.document, Before: 1, Past: []storage.Document{before}}}))
	must(t, w.Collections().Save(w.ctx, b.scope, b.collection))
	b.season, b.entry = w.board(t, b.scope, "laps"), entry(b.player.ID, 7, 1)
	must(t, w.Entries().WriteMany(w.ctx, b.scope, b.season, []ranking.EntryWrite{entryWrite(b.entry, 0)}))
	must(t, w.Quarantines().Save(w.ctx, b.scope, quarantine("laps", b.player.ID)))
	must(t, w.Quarantines().Save(w.ctx, b.scope, quarantine("", b.player.ID)))
	b.server = server("arena-1")
	w.announce(t, b.scope, b.server)
	w.award(t, b.scope, b.season, reward(b.season, b.player.ID, 1))
	must(t, w.Credentials().Create(w.ctx, b.credential))
	must(t, w.Audit().Append(w.ctx, b.event))
	b.ticket, b.mail = ticket("populate"), waiting(e, start)
	must(t, w.Tickets().Create(w.ctx, b.scope, b.ticket))
	must(t, w.Mails().Put(w.ctx, b.scope, b.mail))
	b.bundle, b.release = w.release(t, b.scope, "gameplay", "populate")
	return b
}

// gone demands that all is deleted but the event.
func (b belongings) gone(t *testing.T, w *world) {
	t.Helper()
	fails(t, "player", second(w.Players().Get(w.ctx, b.scope, b.player.ID)), identity.ErrPlayerNotFound)
	fails(t, "login", second(w.Players().ByLogin(w.ctx, b.scope, b.login.Method, b.login.Subject)), identity.ErrPlayerNotFound)
	fails(t, "session", second(w.Sessions().Get(w.ctx, b.scope, b.session.ID)), identity.ErrSessionNotFound)
	fails(t, "document", second(getOne(w.ctx, w, b.scope, b.document.Ref)), storage.ErrNotFound)
	fails(t, "revision", second(w.Documents().Revision(w.ctx, b.scope, b.document.Ref, 1)), storage.ErrRevisionNotFound)
	fails(t, "collection", second(w.Collections().Get(w.ctx, b.scope, b.collection.Name)), storage.ErrCollectionNotFound)
	fails(t, "leaderboard", second(w.Boards().Get(w.ctx, b.scope, "laps")), ranking.ErrBoardNotFound)
	fails(t, "season", second(w.Boards().Season(w.ctx, b.scope, "laps", 1)), ranking.ErrSeasonNotFound)
	fails(t, "entry", second(lockEntry(w.ctx, w, b.scope, b.season, b.player.ID)), ranking.ErrNotRanked)
	same(t, "quarantines", get[[]ranking.Quarantine](t)(w.Quarantines().Of(w.ctx, b.scope, []identity.PlayerID{b.player.ID})), []ranking.Quarantine{})
	fails(t, "server", second(oneServer(w.ctx, w, b.scope, b.server.ID)), registry.ErrServerNotFound)
	fails(t, "award", second(w.Rewards().Award(w.ctx, b.scope, b.season)), ranking.ErrAwardNotFound)
	fails(t, "reward", second(w.Rewards().Get(w.ctx, b.scope, b.season, b.player.ID)), ranking.ErrRewardNotFound)
	fails(t, "credential", second(w.Credentials().ByHash(w.ctx, b.credential.Hash)), tenancy.ErrCredentialNotFound)
	fails(t, "ticket", second(w.Tickets().Get(w.ctx, b.scope, b.ticket.Hash)), identity.ErrTicketNotFound)
	fails(t, "bundle", second(w.Bundles().Get(w.ctx, b.scope, b.bundle.Hash)), configuration.ErrBundleNotFound)
	fails(t, "config", second(w.Configs().Get(w.ctx, b.scope, b.release.Config)), configuration.ErrConfigNotFound)
	fails(t, "release", second(w.Configs().GetRelease(w.ctx, b.scope, b.release.Config, b.release.Number)), configuration.ErrReleaseNotFound)
	if keys := get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, b.scope)); len(keys) != 0 {
		t.Errorf("signing keys: %v", keys)
	}
	query := audit.Query{Project: b.scope.Project(), Environment: b.scope.Environment(), Limit: 10}
	same(t, "events", get[[]audit.Event](t)(w.Audit().List(w.ctx, query)), []audit.Event{b.event})
}
