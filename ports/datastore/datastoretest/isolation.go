package datastoretest

import (
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// isolationTests try every method that takes a scope with another environment's
// and with none. The methods that take an owner or a project are tried with
// another's among their own tests.
var isolationTests = map[string]func(*testing.T, *world){
	"another environment's": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		past := b.document
		past.Version = 7
		kept := storage.Write{Document: document("p", "c", "other", 8), Past: []storage.Document{past}}
		must(t, w.Documents().WriteMany(w.ctx, w.here(), []storage.Write{kept}))
		for _, foreign := range []tenancy.Scope{w.away.Scope(), w.abroad.Scope()} {
			fails(t, "player", second(w.Players().Get(w.ctx, foreign, b.player.ID)), identity.ErrPlayerNotFound)
			fails(t, "login", second(w.Players().ByLogin(w.ctx, foreign, b.login.Method, b.login.Subject)), identity.ErrPlayerNotFound)
			must(t, w.Players().Seen(w.ctx, foreign, later(time.Hour), b.player.ID))
			same(t, "players", get[[]identity.Player](t)(w.Players().GetMany(w.ctx, foreign, []identity.PlayerID{b.player.ID})), []identity.Player{})
			same(t, "of sessions", get[[]identity.Player](t)(w.Players().LockOwners(w.ctx, foreign, []identity.SessionID{b.session.ID})), []identity.Player{})
			same(t, "behind logins", get[map[identity.LoginKey]identity.Player](t)(w.Players().LockByLogins(w.ctx, foreign, []identity.LoginKey{b.login.Key()})), map[identity.LoginKey]identity.Player{})
			same(t, "sessions", get[[]identity.Session](t)(w.Sessions().LockMany(w.ctx, foreign, []identity.SessionID{b.session.ID})), []identity.Session{})
			same(t, "searched players", get[[]identity.Player](t)(w.Players().Search(w.ctx, foreign, identity.PlayerQuery{ID: b.player.ID, Limit: 10})), []identity.Player{})
			same(t, "logins", get[[]identity.Login](t)(w.Players().Logins(w.ctx, foreign, b.player.ID)), []identity.Login{})
			fails(t, "ban", w.Players().SetBan(w.ctx, foreign, b.player.ID, identity.Ban{At: start}), identity.ErrPlayerNotFound)
			fails(t, "locked player", second(w.Players().Lock(w.ctx, foreign, b.player.ID)), identity.ErrPlayerNotFound)
			edited := b.player
			edited.Version = 2
			fails(t, "edit of a player", w.Players().Update(w.ctx, foreign, edited), identity.ErrProfileStale)
			fails(t, "session", second(w.Sessions().Get(w.ctx, foreign, b.session.ID)), identity.ErrSessionNotFound)
			fails(t, "locked session", second(w.Sessions().Lock(w.ctx, foreign, b.session.ID)), identity.ErrSessionNotFound)
			fails(t, "session of a foreign player", w.Sessions().Create(w.ctx, foreign, session(b.player)), identity.ErrPlayerNotFound)
			fails(t, "update of a session", w.Sessions().Update(w.ctx, foreign, b.session.Revoked(identity.Operator, start)), identity.ErrSessionNotFound)
			same(t, "sessions", get[[]identity.Session](t)(w.Sessions().List(w.ctx, foreign, identity.SessionQuery{Player: b.player.ID, Limit: 10})), []identity.Session{})
			same(t, "ended sessions", get[[]identity.SessionID](t)(w.Sessions().RevokeAll(w.ctx, foreign, b.player.ID, identity.Operator, start)), []identity.SessionID{})
			same(t, "surplus sessions", get[[]identity.Session](t)(w.Sessions().Surplus(w.ctx, foreign, []identity.PlayerID{b.player.ID}, start, 0, 100)), []identity.Session{})
			same(t, "deleted sessions", get[int](t)(w.Sessions().Delete(w.ctx, foreign, b.session)), 0)
			same(t, "purged sessions", get[int](t)(w.Sessions().Purge(w.ctx, foreign, later(24*time.Hour), 100)), 0)
			same(t, "keys", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, foreign)), []identity.SealedKey{})
			same(t, "purged keys", get[int](t)(w.SigningKeys().Purge(w.ctx, foreign, later(24*time.Hour))), 0)
			fails(t, "document", second(getOne(w.ctx, w, foreign, b.document.Ref)), storage.ErrNotFound)
			fails(t, "locked document", second(lockOne(w.ctx, w, foreign, b.document.Ref)), storage.ErrNotFound)
			next := b.document
			next.Version = 2
			fails(t, "write over a document", writeOne(w.ctx, w, foreign, next), storage.ErrStale)
			fails(t, "revision", second(w.Documents().Revision(w.ctx, foreign, b.document.Ref, 7)), storage.ErrRevisionNotFound)
			same(t, "revisions", get[[]storage.Document](t)(w.Documents().Revisions(w.ctx, foreign, storage.RevisionQuery{Ref: b.document.Ref, Before: 99, Limit: 10})), []storage.Document{})
			same(t, "collection's documents", get[[]storage.Document](t)(w.Documents().ListAll(w.ctx, foreign, storage.CollectionQuery{Collection: b.document.Collection, Limit: 10})), []storage.Document{})
			fails(t, "leaderboard", second(w.Boards().Get(w.ctx, foreign, "laps")), ranking.ErrBoardNotFound)
			same(t, "leaderboards", get[[]ranking.Board](t)(w.Boards().List(w.ctx, foreign, "", 10)), []ranking.Board{})
			fails(t, "delete of a leaderboard", w.Boards().Delete(w.ctx, foreign, b.season, start), ranking.ErrSeasonNotFound)
			fails(t, "erase of a leaderboard", second(w.Boards().EraseBoard(w.ctx, foreign, "laps", 100)), ranking.ErrBoardNotFound)
			same(t, "deleted leaderboards", get[[]ranking.BoardID](t)(w.Boards().Deleted(w.ctx, foreign, "", 10)), []ranking.BoardID{})
			fails(t, "season", second(w.Boards().Season(w.ctx, foreign, "laps", 1)), ranking.ErrSeasonNotFound)
			same(t, "seasons", get[[]ranking.Season](t)(w.Boards().Seasons(w.ctx, foreign, "laps", 0, 10)), []ranking.Season{})
			same(t, "held seasons", get[[]ranking.Season](t)(w.Boards().Hold(w.ctx, foreign, []ranking.SeasonRef{b.season})), []ranking.Season{})
			fails(t, "epoch", w.Boards().Renew(w.ctx, foreign, "laps", 1), ranking.ErrSeasonNotFound)
			b2, s2 := board("laps")
			b2.Version = 2
			fails(t, "edit of a leaderboard", w.Boards().Update(w.ctx, foreign, b2), ranking.ErrBoardStale)
			ended, nextSeason := s2.Close(b2, later(time.Hour), later(time.Hour))
			fails(t, "close of a season", w.Boards().Close(w.ctx, foreign, 1, ended, nextSeason), ranking.ErrSeasonNotFound)
			fails(t, "plan of a season", w.Boards().Plan(w.ctx, foreign, b.season, start), ranking.ErrSeasonNotFound)
			fails(t, "advance of a season", w.Boards().Advance(w.ctx, foreign, s2, ranking.Open), ranking.ErrSeasonNotFound)
			must(t, w.Boards().Plan(w.ctx, b.scope, b.season, start))
			same(t, "due seasons", get[[]ranking.Season](t)(w.Boards().Due(w.ctx, foreign, later(time.Hour), 10)), []ranking.Season{})
			same(t, "unfinished seasons", get[[]ranking.Season](t)(w.Boards().Unfinished(w.ctx, foreign, ranking.SeasonRef{}, 10)), []ranking.Season{})
			fails(t, "retire of a season", w.Boards().Retire(w.ctx, foreign, b.season, start), ranking.ErrSeasonNotFound)
			fails(t, "erase of a season", w.Boards().Erase(w.ctx, foreign, b.season), ranking.ErrSeasonNotFound)
			same(t, "retired seasons", get[[]ranking.Season](t)(w.Boards().Retired(w.ctx, foreign, later(24*time.Hour), ranking.SeasonRef{}, 10)), []ranking.Season{})
			n, _, err := w.Entries().Purge(w.ctx, foreign, b.season, ranking.Cursor{}, 100)
			must(t, err)
			same(t, "purged entries", n, 0)
			n, _, err = w.Rewards().Purge(w.ctx, foreign, b.season, 0, 100)
			must(t, err)
			same(t, "purged rewards", n, 0)
			fails(t, "locked entry", second(lockEntry(w.ctx, w, foreign, b.season, b.player.ID)), ranking.ErrNotRanked)
			fails(t, "write over an entry", w.Entries().WriteMany(w.ctx, foreign, b.season, []ranking.EntryWrite{entryWrite(entry(b.player.ID, 9, 2), 1)}), ranking.ErrEntryStale)
			same(t, "top", get[[]ranking.Entry](t)(w.Entries().Top(w.ctx, foreign, b.season, 10)), []ranking.Entry{})
			all, _, err := w.Entries().All(w.ctx, foreign, b.season, ranking.Cursor{}, 10)
			must(t, err)
			same(t, "entries", all, []ranking.Entry{})
			fails(t, "standing", second(w.Entries().Standing(w.ctx, foreign, b.season, b.player.ID, 10, false)), ranking.ErrNotRanked)
			same(t, "open seasons", get[[]ranking.BoardID](t)(w.Entries().OpenOf(w.ctx, foreign, b.player.ID)), []ranking.BoardID{})
			same(t, "held players", get[[]identity.PlayerID](t)(w.Players().Hold(w.ctx, foreign, []identity.PlayerID{b.player.ID})), []identity.PlayerID{})
			fails(t, "quarantine of a foreign player", w.Quarantines().Save(w.ctx, foreign, quarantine("laps", b.player.ID)), identity.ErrPlayerNotFound)
			fails(t, "lifted quarantine", w.Quarantines().Lift(w.ctx, foreign, "laps", b.player.ID), ranking.ErrNotQuarantined)
			same(t, "quarantines", get[[]ranking.Quarantine](t)(w.Quarantines().Of(w.ctx, foreign, []identity.PlayerID{b.player.ID})), []ranking.Quarantine{})
			same(t, "purged quarantines", get[int](t)(w.Quarantines().Purge(w.ctx, foreign, "laps", 10)), 0)
			same(t, "listed quarantines", get[[]ranking.Quarantine](t)(w.Quarantines().List(w.ctx, foreign, "laps", "", 10)), []ranking.Quarantine{})
			fails(t, "award of a season", w.Rewards().Begin(w.ctx, foreign, award(b.season)), ranking.ErrSeasonNotFound)
			fails(t, "award", second(w.Rewards().Award(w.ctx, foreign, b.season)), ranking.ErrAwardNotFound)
			fails(t, "given", w.Rewards().Give(w.ctx, foreign, award(b.season), []ranking.Reward{reward(b.season, b.player.ID, 2)}), ranking.ErrAwardNotFound)
			same(t, "unfinished", get[[]ranking.SeasonRef](t)(w.Rewards().Unfinished(w.ctx, foreign, ranking.SeasonRef{}, 10)), []ranking.SeasonRef{})
			fails(t, "reward", second(w.Rewards().Get(w.ctx, foreign, b.season, b.player.ID)), ranking.ErrRewardNotFound)
			fails(t, "claim", w.Rewards().Claim(w.ctx, foreign, b.season, b.player.ID, start), ranking.ErrRewardNotFound)
			same(t, "rewards of a player", get[[]ranking.Reward](t)(w.Rewards().Of(w.ctx, foreign, b.player.ID, someAward, ranking.SeasonRef{})), []ranking.Reward{})
			same(t, "rewards of a season", get[[]ranking.Reward](t)(w.Rewards().In(w.ctx, foreign, b.season, someAward, 0)), []ranking.Reward{})
			same(t, "count", get[int64](t)(w.Entries().Count(w.ctx, foreign, b.season, 10)), 0)
			fails(t, "server", second(oneServer(w.ctx, w, foreign, b.server.ID)), registry.ErrServerNotFound)
			same(t, "locked servers", get[[]registry.Server](t)(w.Servers().LockMany(w.ctx, foreign, []registry.ServerID{b.server.ID})), []registry.Server{})
			same(t, "servers", get[[]registry.Server](t)(w.Servers().List(w.ctx, foreign, "", 10)), []registry.Server{})
			same(t, "marks", get[[]registry.Mark](t)(w.Servers().Marks(w.ctx, foreign, start, 10)), []registry.Mark{})
			same(t, "counted servers", get[int](t)(w.Servers().Count(w.ctx, foreign, 10)), 0)
			same(t, "pruned servers", get[int](t)(w.Servers().Prune(w.ctx, foreign, later(time.Hour), 10)), 0)
			successor := b.server
			successor.Revision = 2
			fails(t, "write over a server", w.Servers().WriteMany(w.ctx, foreign, []registry.Write{{Server: successor, Before: 1}}), registry.ErrServerStale)
			fails(t, "bundle", second(w.Bundles().Get(w.ctx, foreign, b.bundle.Hash)), configuration.ErrBundleNotFound)
			same(t, "bundles by hash", get[[]configuration.Bundle](t)(w.Bundles().GetMany(w.ctx, foreign, []configuration.Hash{b.bundle.Hash})), []configuration.Bundle{})
			same(t, "bundles", get[[]configuration.Bundle](t)(w.Bundles().List(w.ctx, foreign, configuration.BundlePlace{}, 10)), []configuration.Bundle{})
			same(t, "objects", get[[]string](t)(w.Bundles().Objects(w.ctx, foreign, []string{b.bundle.Object})), []string{})
			same(t, "purged bundles", get[[]configuration.Bundle](t)(w.Bundles().Purge(w.ctx, foreign, later(24*time.Hour), 10)), []configuration.Bundle{})
			fails(t, "config", second(w.Configs().Get(w.ctx, foreign, b.release.Config)), configuration.ErrConfigNotFound)
			same(t, "configs", get[[]configuration.Config](t)(w.Configs().List(w.ctx, foreign, "", 10)), []configuration.Config{})
			fails(t, "delete of a config", w.Configs().Delete(w.ctx, foreign, b.release.Config), configuration.ErrConfigNotFound)
			fails(t, "release of a foreign config", w.Configs().Release(w.ctx, foreign, release(b.release.Config, 9, b.bundle)), configuration.ErrConfigNotFound)
			fails(t, "release", second(w.Configs().GetRelease(w.ctx, foreign, b.release.Config, b.release.Number)), configuration.ErrReleaseNotFound)
			same(t, "releases", get[[]configuration.Release](t)(w.Configs().Releases(w.ctx, foreign, b.release.Config, 0, 10)), []configuration.Release{})
			same(t, "current releases", get[[]configuration.Release](t)(w.Configs().Current(w.ctx, foreign)), []configuration.Release{})
			same(t, "names", get[bool](t)(w.Configs().Names(w.ctx, foreign, b.release.Config, b.bundle.Hash)), false)
			must(t, w.Configs().Forget(w.ctx, foreign, b.release.Config, 9))
			same(t, "configs' version", get[int64](t)(w.Configs().Version(w.ctx, foreign)), 0)
			query := storage.Query{Owner: b.document.Owner, Reads: everyAccess, Limit: 10}
			same(t, "documents", get[[]storage.Document](t)(w.Documents().List(w.ctx, foreign, query)), []storage.Document{})
		}
		same(t, "player at home", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), b.player.ID)), b.player)
		same(t, "session at home", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), b.session.ID)), b.session)
		same(t, "keys at home", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), []identity.SealedKey{b.key})
		same(t, "entry at home", get[ranking.Entry](t)(lockEntry(w.ctx, w, w.here(), b.season, b.player.ID)), b.entry)
		same(t, "server at home", get[registry.Server](t)(oneServer(w.ctx, w, w.here(), b.server.ID)), b.server)
		same(t, "document at home", get[storage.Document](t)(getOne(w.ctx, w, w.here(), b.document.Ref)), b.document)
		same(t, "release at home", get[configuration.Release](t)(w.Configs().GetRelease(w.ctx, w.here(), b.release.Config, b.release.Number)), b.release)
	},
	"the same names in two environments are two things": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		there := w.away.Scope()
		theirs := b.player
		theirs.DisplayName = "Another"
		must(t, w.Players().Create(w.ctx, there, identity.Newcomer{Player: theirs, Login: b.login}))
		ended := b.session.Revoked(identity.Operator, later(time.Minute))
		must(t, w.Sessions().Create(w.ctx, there, b.session))
		must(t, w.Sessions().Update(w.ctx, there, ended))
		key := b.key
		key.GoneAt = later(time.Hour)
		must(t, w.SigningKeys().Save(w.ctx, there, []identity.SealedKey{key}))
		doc := b.document
		doc.Version, doc.Value = 1, []byte(`{"theirs":true}`)
		must(t, writeOne(w.ctx, w, there, doc))
		must(t, writeOne(w.ctx, w, there, tombstone(doc)))
		must(t, w.Players().Seen(w.ctx, there, later(time.Hour), b.player.ID))

		same(t, "player", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), b.login.Method, b.login.Subject)), b.player)
		same(t, "session", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), b.session.ID)), b.session)
		same(t, "keys", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), []identity.SealedKey{b.key})
		same(t, "document", get[storage.Document](t)(getOne(w.ctx, w, w.here(), b.document.Ref)), b.document)
		same(t, "purged", get[int](t)(w.Sessions().Purge(w.ctx, there, later(30*time.Minute), 10)), 1)
		same(t, "session", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), b.session.ID)), b.session)
	},
	"no scope is refused": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		var none tenancy.Scope
		fresh := player()
		newBoard, newSeason := board("call")
		for name, err := range map[string]error{
			"Players.Create":       w.Players().Create(w.ctx, none, identity.Newcomer{Player: fresh, Login: login(fresh)}),
			"Players.Get":          second(w.Players().Get(w.ctx, none, b.player.ID)),
			"Players.ByLogin":      second(w.Players().ByLogin(w.ctx, none, b.login.Method, b.login.Subject)),
			"Players.GetMany":      second(w.Players().GetMany(w.ctx, none, []identity.PlayerID{b.player.ID})),
			"Players.LockByLogins": second(w.Players().LockByLogins(w.ctx, none, []identity.LoginKey{b.login.Key()})),
			"Players.LockOwners":   second(w.Players().LockOwners(w.ctx, none, []identity.SessionID{b.session.ID})),
			"Sessions.LockMany":    second(w.Sessions().LockMany(w.ctx, none, []identity.SessionID{b.session.ID})),
			"Players.Seen":         w.Players().Seen(w.ctx, none, start, b.player.ID),
			"Sessions.Create":      w.Sessions().Create(w.ctx, none, b.session),
			"Sessions.Get":         second(w.Sessions().Get(w.ctx, none, b.session.ID)),
			"Sessions.Lock":        second(w.Sessions().Lock(w.ctx, none, b.session.ID)),
			"Sessions.Update":      w.Sessions().Update(w.ctx, none, b.session),
			"Sessions.List":        second(w.Sessions().List(w.ctx, none, identity.SessionQuery{Player: b.player.ID, Limit: 1})),
			"Sessions.RevokeAll":   second(w.Sessions().RevokeAll(w.ctx, none, b.player.ID, identity.Operator, start)),
			"Sessions.Surplus":     second(w.Sessions().Surplus(w.ctx, none, []identity.PlayerID{b.player.ID}, start, 0, 1)),
			"Sessions.Delete":      second(w.Sessions().Delete(w.ctx, none, b.session)),
			"Sessions.Purge":       second(w.Sessions().Purge(w.ctx, none, start, 1)),
			"SigningKeys.List":     second(w.SigningKeys().List(w.ctx, none)),
			"SigningKeys.Save":     w.SigningKeys().Save(w.ctx, none, []identity.SealedKey{b.key}),
			"SigningKeys.Purge":    second(w.SigningKeys().Purge(w.ctx, none, start)),
			"Documents.Get":        second(getOne(w.ctx, w, none, b.document.Ref)),
			"Documents.LockMany":   second(lockOne(w.ctx, w, none, b.document.Ref)),
			"Documents.WriteMany":  writeOne(w.ctx, w, none, b.document),
			"Documents.Revisions":  second(w.Documents().Revisions(w.ctx, none, storage.RevisionQuery{Ref: b.document.Ref, Before: 9, Limit: 1})),
			"Documents.Revision":   second(w.Documents().Revision(w.ctx, none, b.document.Ref, 1)),
			"Documents.List":       second(w.Documents().List(w.ctx, none, storage.Query{Reads: everyAccess, Limit: 1})),
			"Boards.Create":        w.Boards().Create(w.ctx, none, newBoard, newSeason),
			"Boards.Get":           second(w.Boards().Get(w.ctx, none, "laps")),
			"Boards.List":          second(w.Boards().List(w.ctx, none, "", 1)),
			"Boards.Update":        w.Boards().Update(w.ctx, none, newBoard),
			"Boards.Delete":        w.Boards().Delete(w.ctx, none, b.season, start),
			"Boards.Deleted":       second(w.Boards().Deleted(w.ctx, none, "", 1)),
			"Boards.EraseBoard":    second(w.Boards().EraseBoard(w.ctx, none, "laps", 1)),
			"Boards.Season":        second(w.Boards().Season(w.ctx, none, "laps", 1)),
			"Boards.Seasons":       second(w.Boards().Seasons(w.ctx, none, "laps", 0, 1)),
			"Boards.Hold":          second(w.Boards().Hold(w.ctx, none, []ranking.SeasonRef{{Board: "laps", Number: 1}})),
			"Boards.Close":         w.Boards().Close(w.ctx, none, 1, newSeason, newSeason),
			"Boards.Renew":         w.Boards().Renew(w.ctx, none, "laps", 1),
			"Boards.Plan":          w.Boards().Plan(w.ctx, none, b.season, start),
			"Boards.Advance":       w.Boards().Advance(w.ctx, none, newSeason, ranking.Open),
			"Boards.Due":           second(w.Boards().Due(w.ctx, none, start, 1)),
			"Boards.Unfinished":    second(w.Boards().Unfinished(w.ctx, none, ranking.SeasonRef{}, 1)),
			"Boards.Retire":        w.Boards().Retire(w.ctx, none, b.season, start),
			"Boards.Retired":       second(w.Boards().Retired(w.ctx, none, start, ranking.SeasonRef{}, 1)),
			"Boards.Erase":         w.Boards().Erase(w.ctx, none, b.season),
			"Entries.Purge":        pageError(w.Entries().Purge(w.ctx, none, b.season, ranking.Cursor{}, 1)),
			"Rewards.Purge":        pageError(w.Rewards().Purge(w.ctx, none, b.season, 0, 1)),
			"Entries.LockMany":     second(lockEntry(w.ctx, w, none, b.season, b.player.ID)),
			"Entries.WriteMany":    w.Entries().WriteMany(w.ctx, none, b.season, []ranking.EntryWrite{entryWrite(b.entry, 0)}),
			"Entries.All":          pageError(w.Entries().All(w.ctx, none, b.season, ranking.Cursor{}, 1)),
			"Entries.Top":          second(w.Entries().Top(w.ctx, none, b.season, 1)),
			"Entries.Standing":     second(w.Entries().Standing(w.ctx, none, b.season, b.player.ID, 1, false)),
			"Entries.OpenOf":       second(w.Entries().OpenOf(w.ctx, none, b.player.ID)),
			"Players.Hold":         second(w.Players().Hold(w.ctx, none, []identity.PlayerID{b.player.ID})),
			"Quarantines.Save":     w.Quarantines().Save(w.ctx, none, quarantine("laps", b.player.ID)),
			"Quarantines.Lift":     w.Quarantines().Lift(w.ctx, none, "laps", b.player.ID),
			"Quarantines.Of":       second(w.Quarantines().Of(w.ctx, none, []identity.PlayerID{b.player.ID})),
			"Quarantines.Purge":    second(w.Quarantines().Purge(w.ctx, none, "laps", 1)),
			"Quarantines.List":     second(w.Quarantines().List(w.ctx, none, "laps", "", 1)),
			"Rewards.Begin":        w.Rewards().Begin(w.ctx, none, award(b.season)),
			"Rewards.Unfinished":   second(w.Rewards().Unfinished(w.ctx, none, ranking.SeasonRef{}, 1)),
			"Rewards.Award":        second(w.Rewards().Award(w.ctx, none, b.season)),
			"Rewards.Give":         w.Rewards().Give(w.ctx, none, award(b.season), nil),
			"Rewards.Get":          second(w.Rewards().Get(w.ctx, none, b.season, b.player.ID)),
			"Rewards.Claim":        w.Rewards().Claim(w.ctx, none, b.season, b.player.ID, start),
			"Rewards.Of":           second(w.Rewards().Of(w.ctx, none, b.player.ID, someAward, ranking.SeasonRef{})),
			"Rewards.In":           second(w.Rewards().In(w.ctx, none, b.season, someAward, 0)),
			"Entries.Count":        second(w.Entries().Count(w.ctx, none, b.season, 1)),
			"Servers.GetMany":      second(oneServer(w.ctx, w, none, b.server.ID)),
			"Servers.LockMany":     second(w.Servers().LockMany(w.ctx, none, []registry.ServerID{b.server.ID})),
			"Servers.WriteMany":    w.Servers().WriteMany(w.ctx, none, []registry.Write{{Server: server("other")}}),
			"Servers.Marks":        second(w.Servers().Marks(w.ctx, none, start, 1)),
			"Servers.List":         second(w.Servers().List(w.ctx, none, "", 1)),
			"Servers.Count":        second(w.Servers().Count(w.ctx, none, 1)),
			"Servers.Prune":        second(w.Servers().Prune(w.ctx, none, start, 1)),
			"Players.Lock":         second(w.Players().Lock(w.ctx, none, b.player.ID)),
			"Players.Update":       w.Players().Update(w.ctx, none, b.player),
			"Players.SetBan":       w.Players().SetBan(w.ctx, none, b.player.ID, identity.Ban{}),
			"Players.Search":       second(w.Players().Search(w.ctx, none, identity.PlayerQuery{Limit: 1})),
			"Players.Logins":       second(w.Players().Logins(w.ctx, none, b.player.ID)),

			"Documents.ListAll":       second(w.Documents().ListAll(w.ctx, none, storage.CollectionQuery{Collection: "saves", Limit: 1})),
			"Collections.Version":     second(w.Collections().Version(w.ctx, none)),
			"Collections.NextVersion": second(w.Collections().NextVersion(w.ctx, none)),
			"Collections.Get":         second(w.Collections().Get(w.ctx, none, b.collection.Name)),
			"Collections.List":        second(w.Collections().List(w.ctx, none, "", 1)),
			"Collections.Save":        w.Collections().Save(w.ctx, none, b.collection),
			"Collections.Delete":      w.Collections().Delete(w.ctx, none, b.collection.Name),
			"Bundles.Save":            third(w.Bundles().Save(w.ctx, none, bundle("call"))),
			"Bundles.Get":             second(w.Bundles().Get(w.ctx, none, b.bundle.Hash)),
			"Bundles.GetMany":         second(w.Bundles().GetMany(w.ctx, none, []configuration.Hash{b.bundle.Hash})),
			"Bundles.List":            second(w.Bundles().List(w.ctx, none, configuration.BundlePlace{}, 1)),
			"Bundles.Objects":         second(w.Bundles().Objects(w.ctx, none, []string{b.bundle.Object})),
			"Bundles.Purge":           second(w.Bundles().Purge(w.ctx, none, start, 1)),
			"Configs.Version":         second(w.Configs().Version(w.ctx, none)),
			"Configs.NextVersion":     second(w.Configs().NextVersion(w.ctx, none)),
			"Configs.Get":             second(w.Configs().Get(w.ctx, none, b.release.Config)),
			"Configs.List":            second(w.Configs().List(w.ctx, none, "", 1)),
			"Configs.Save":            w.Configs().Save(w.ctx, none, config("call", 1)),
			"Configs.Release":         w.Configs().Release(w.ctx, none, release("call", 1, b.bundle)),
			"Configs.GetRelease":      second(w.Configs().GetRelease(w.ctx, none, b.release.Config, 1)),
			"Configs.Releases":        second(w.Configs().Releases(w.ctx, none, b.release.Config, 0, 1)),
			"Configs.Current":         second(w.Configs().Current(w.ctx, none)),
			"Configs.Names":           second(w.Configs().Names(w.ctx, none, b.release.Config, b.bundle.Hash)),
			"Configs.Forget":          w.Configs().Forget(w.ctx, none, b.release.Config, 1),
			"Configs.Delete":          w.Configs().Delete(w.ctx, none, b.release.Config),
		} {
			if err == nil || fault.KindOf(err) != fault.Internal {
				t.Errorf("%s: got %v, want an internal error", name, err)
			}
		}
	},
	"an event is listed under its own project only": func(t *testing.T, w *world) {
		must(t, w.Audit().Append(w.ctx, event(w.home, audit.EnvironmentUpdated, start)))
		same(t, "abroad", events(t, w, audit.Query{Project: w.abroad.ProjectID, Limit: 10}), []audit.Event{})
		same(t, "mixed", events(t, w, audit.Query{Project: w.abroad.ProjectID, Environment: w.home.ID, Limit: 10}), []audit.Event{})
	},
}
