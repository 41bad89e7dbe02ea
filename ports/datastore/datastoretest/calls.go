package datastoretest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/ports/lease"
)

// everyCall tries every method of the port and gives its error, by name.
func everyCall(ctx context.Context, w *world, b belongings) map[string]error {
	p := project("call")
	newBoard, newSeason := board("call")
	_, _, acquired := w.Leases().Acquire(ctx, "call", "a", start, time.Minute)
	held := lease.Lease{Name: "call", Holder: "a", Token: 1, ExpiresAt: later(time.Minute)}
	return map[string]error{
		"Projects.Create":      w.Projects().Create(ctx, p),
		"Projects.BySlug":      second(w.Projects().BySlug(ctx, "game")),
		"Projects.Get":         second(w.Projects().Get(ctx, w.home.ProjectID)),
		"Projects.List":        second(w.Projects().List(ctx, "", 1)),
		"Projects.Delete":      w.Projects().Delete(ctx, w.abroad.ProjectID, start),
		"Projects.Deleted":     second(w.Projects().Deleted(ctx, "", 1)),
		"Projects.Purge":       second(w.Projects().Purge(ctx, w.abroad.ProjectID, 1)),
		"Environments.Create":  w.Environments().Create(ctx, environment(p, "call")),
		"Environments.BySlug":  second(w.Environments().BySlug(ctx, w.home.ProjectID, "home")),
		"Environments.Get":     second(w.Environments().Get(ctx, w.home.ID)),
		"Environments.List":    second(w.Environments().List(ctx, w.home.ProjectID, "", 1)),
		"Environments.All":     second(w.Environments().All(ctx, "", 1)),
		"Environments.Update":  w.Environments().Update(ctx, w.home),
		"Environments.Delete":  w.Environments().Delete(ctx, w.away.ID, start),
		"Environments.Deleted": second(w.Environments().Deleted(ctx, "", 1)),
		"Environments.Purge":   third(w.Environments().Purge(ctx, w.away.ID, 0, 1)),
		"Credentials.Create":   w.Credentials().Create(ctx, credential(w.home)),
		"Credentials.ByHash":   second(w.Credentials().ByHash(ctx, b.credential.Hash)),
		"Credentials.Get":      second(w.Credentials().Get(ctx, owner(w.home), b.credential.ID)),
		"Credentials.List":     second(w.Credentials().List(ctx, owner(w.home), "", 1)),
		"Credentials.Revoke":   w.Credentials().Revoke(ctx, owner(w.home), b.credential.ID, start),
		"Credentials.Touch":    w.Credentials().Touch(ctx, map[string]time.Time{b.credential.ID: start}),
		"Players.Create":       w.Players().Create(ctx, b.scope, identity.Newcomer{Player: b.player, Login: b.login}),
		"Players.Get":          second(w.Players().Get(ctx, b.scope, b.player.ID)),
		"Players.ByLogin":      second(w.Players().ByLogin(ctx, b.scope, b.login.Method, b.login.Subject)),
		"Players.GetMany":      second(w.Players().GetMany(ctx, b.scope, []identity.PlayerID{b.player.ID})),
		"Players.LockByLogins": second(w.Players().LockByLogins(ctx, b.scope, []identity.LoginKey{b.login.Key()})),
		"Players.LockOwners":   second(w.Players().LockOwners(ctx, b.scope, []identity.SessionID{b.session.ID})),
		"Sessions.LockMany":    second(w.Sessions().LockMany(ctx, b.scope, []identity.SessionID{b.session.ID})),
		"Players.Seen":         w.Players().Seen(ctx, b.scope, later(time.Hour), b.player.ID),
		"Sessions.Create":      w.Sessions().Create(ctx, b.scope, session(b.player)),
		"Sessions.Get":         second(w.Sessions().Get(ctx, b.scope, b.session.ID)),
		"Sessions.Lock":        second(w.Sessions().Lock(ctx, b.scope, b.session.ID)),
		"Sessions.Update":      w.Sessions().Update(ctx, b.scope, b.session.Revoked(identity.LoggedOut, start)),
		"Sessions.Surplus":     second(w.Sessions().Surplus(ctx, b.scope, []identity.PlayerID{b.player.ID}, start, 0, 1)),
		"Sessions.Delete":      second(w.Sessions().Delete(ctx, b.scope, b.session)),
		"Sessions.Purge":       second(w.Sessions().Purge(ctx, b.scope, later(24*time.Hour), 1)),
		"SigningKeys.List":     second(w.SigningKeys().List(ctx, b.scope)),
		"SigningKeys.Save":     w.SigningKeys().Save(ctx, b.scope, signingKeys(1)),
		"SigningKeys.Purge":    second(w.SigningKeys().Purge(ctx, b.scope, later(24*time.Hour))),
		"Documents.Get":        second(getOne(ctx, w, b.scope, b.document.Ref)),
		"Documents.LockMany":   second(lockOne(ctx, w, b.scope, b.document.Ref)),
		"Documents.WriteMany":  writeOne(ctx, w, b.scope, document("p", "call", "k", 1)),
		"Documents.Revisions":  second(w.Documents().Revisions(ctx, b.scope, storage.RevisionQuery{Ref: b.document.Ref, Before: 9, Limit: 1})),
		"Documents.Revision":   second(w.Documents().Revision(ctx, b.scope, b.document.Ref, 1)),
		"Documents.List":       second(w.Documents().List(ctx, b.scope, storage.Query{Owner: b.document.Owner, Reads: everyAccess, Limit: 1})),
		"Boards.Create":        w.Boards().Create(ctx, b.scope, newBoard, newSeason),
		"Boards.Get":           second(w.Boards().Get(ctx, b.scope, b.season.Board)),
		"Boards.List":          second(w.Boards().List(ctx, b.scope, "", 1)),
		"Boards.Update":        w.Boards().Update(ctx, b.scope, newBoard),
		"Boards.Delete":        w.Boards().Delete(ctx, b.scope, b.season, start),
		"Boards.Deleted":       second(w.Boards().Deleted(ctx, b.scope, "", 1)),
		"Boards.EraseBoard":    second(w.Boards().EraseBoard(ctx, b.scope, b.season.Board, 0)),
		"Boards.Season":        second(w.Boards().Season(ctx, b.scope, b.season.Board, 1)),
		"Boards.Seasons":       second(w.Boards().Seasons(ctx, b.scope, b.season.Board, 0, 1)),
		"Boards.Hold":          second(w.Boards().Hold(ctx, b.scope, []ranking.SeasonRef{b.season})),
		"Boards.Close":         w.Boards().Close(ctx, b.scope, 1, newSeason, newSeason),
		"Boards.Renew":         w.Boards().Renew(ctx, b.scope, b.season.Board, 1),
		"Boards.Plan":          w.Boards().Plan(ctx, b.scope, b.season, start),
		"Boards.Advance":       w.Boards().Advance(ctx, b.scope, newSeason, ranking.Closing),
		"Boards.Archive":       w.Boards().Archive(ctx, b.scope, b.season, ranking.Archive{At: start}),
		"Boards.Due":           second(w.Boards().Due(ctx, b.scope, start, 1)),
		"Boards.Unfinished":    second(w.Boards().Unfinished(ctx, b.scope, ranking.SeasonRef{}, 1)),
		"Entries.LockMany":     second(lockEntry(ctx, w, b.scope, b.season, b.player.ID)),
		"Entries.WriteMany":    w.Entries().WriteMany(ctx, b.scope, b.season, []ranking.EntryWrite{entryWrite(b.entry, 0)}),
		"Entries.All":          pageError(w.Entries().All(ctx, b.scope, b.season, ranking.Cursor{}, 1)),
		"Entries.Top":          second(w.Entries().Top(ctx, b.scope, b.season, 1)),
		"Entries.Standing":     second(w.Entries().Standing(ctx, b.scope, b.season, b.player.ID, 1, false)),
		"Entries.OpenOf":       second(w.Entries().OpenOf(ctx, b.scope, b.player.ID)),
		"Players.Hold":         second(w.Players().Hold(ctx, b.scope, []identity.PlayerID{b.player.ID})),
		"Quarantines.Save":     w.Quarantines().Save(ctx, b.scope, quarantine("laps", b.player.ID)),
		"Quarantines.Lift":     w.Quarantines().Lift(ctx, b.scope, "laps", b.player.ID),
		"Quarantines.Of":       second(w.Quarantines().Of(ctx, b.scope, []identity.PlayerID{b.player.ID})),
		"Quarantines.Purge":    second(w.Quarantines().Purge(ctx, b.scope, "laps", 1)),
		"Quarantines.List":     second(w.Quarantines().List(ctx, b.scope, "laps", "", 1)),
		"Rewards.Begin":        w.Rewards().Begin(ctx, b.scope, award(b.season)),
		"Rewards.Unfinished":   second(w.Rewards().Unfinished(ctx, b.scope, ranking.SeasonRef{}, 1)),
		"Rewards.Award":        second(w.Rewards().Award(ctx, b.scope, b.season)),
		"Rewards.Give":         w.Rewards().Give(ctx, b.scope, award(b.season), nil),
		"Rewards.Get":          second(w.Rewards().Get(ctx, b.scope, b.season, b.player.ID)),
		"Rewards.Claim":        w.Rewards().Claim(ctx, b.scope, b.season, b.player.ID, start),
		"Rewards.Of":           second(w.Rewards().Of(ctx, b.scope, b.player.ID, someAward, ranking.SeasonRef{})),
		"Rewards.In":           second(w.Rewards().In(ctx, b.scope, b.season, someAward, 0)),
		"Entries.Count":        second(w.Entries().Count(ctx, b.scope, b.season, 1)),
		"Audit.Append":         w.Audit().Append(ctx, event(w.home, audit.EnvironmentUpdated, later(time.Hour))),
		"Audit.List":           second(w.Audit().List(ctx, audit.Query{Project: w.home.ProjectID, Limit: 1})),
		"Leases.Acquire":       acquired,
		"Leases.Extend":        second(w.Leases().Extend(ctx, held, start, time.Minute)),
		"Leases.Forget":        w.Leases().Forget(ctx, "call", start),
		"Leases.Guard":         w.Leases().Guard(ctx, held),
		"Leases.List":          second(w.Leases().List(ctx, "")),
		"Leases.Release":       w.Leases().Release(ctx, held),
		"Runs.Record":          w.Runs().Record(ctx, "call", "a", start, start, ""),
		"Runs.List":            second(w.Runs().List(ctx)),
		"Players.Login":        second(w.Players().Login(ctx, b.scope, b.login.Method, b.login.Subject)),
		"Players.Link":         w.Players().Link(ctx, b.scope, emailLogin(w.home, b.player, "ada@example.com")),
		"Players.SetSecret":    w.Players().SetSecret(ctx, b.scope, b.login.Method, b.login.Subject, "x"),
		"Tickets.Create":       w.Tickets().Create(ctx, b.scope, ticket("call")),
		"Tickets.Get":          second(w.Tickets().Get(ctx, b.scope, b.ticket.Hash)),
		"Tickets.Lock":         second(w.Tickets().Lock(ctx, b.scope, b.ticket.Hash)),
		"Tickets.Update":       w.Tickets().Update(ctx, b.scope, b.ticket),
		"Tickets.Delete":       w.Tickets().Delete(ctx, b.scope, b.ticket.Hash),
		"Tickets.Purge":        second(w.Tickets().Purge(ctx, b.scope, later(24*time.Hour), 1)),
		"Mails.Put":            w.Mails().Put(ctx, b.scope, waiting(w.home, start)),
		"Mails.Due":            second(w.Mails().Due(ctx, start, 1)),
		"Mails.Claim":          w.Mails().Claim(ctx, b.mail, later(time.Hour)),
		"Mails.Remove":         w.Mails().Remove(ctx, b.mail),
		"Idempotency.Find":     second(w.Idempotency().Find(ctx, idempotency.Key{Holder: "call", Name: "call"}, start)),
		"Idempotency.Save":     w.Idempotency().Save(ctx, record("call", "call"), start),
		"Idempotency.Purge":    second(w.Idempotency().Purge(ctx, start, 1)),
		"InTx":                 w.InTx(ctx, func(context.Context, repos) error { return nil }),
		"Migrate":              second(w.Migrate(ctx)),
		"CheckSchema":          w.CheckSchema(ctx),
		"Ping":                 w.Ping(ctx),

		"Idempotency.SaveMany":    second(w.Idempotency().SaveMany(ctx, []idempotency.Record{record("call", "many")}, start)),
		"Documents.ListAll":       second(w.Documents().ListAll(ctx, b.scope, storage.CollectionQuery{Collection: "saves", Limit: 1})),
		"Collections.Version":     second(w.Collections().Version(ctx, b.scope)),
		"Collections.NextVersion": second(w.Collections().NextVersion(ctx, b.scope)),
		"Collections.Get":         second(w.Collections().Get(ctx, b.scope, b.collection.Name)),
		"Collections.List":        second(w.Collections().List(ctx, b.scope, "", 1)),
		"Collections.Save":        w.Collections().Save(ctx, b.scope, collection("call", 1)),
		"Collections.Delete":      w.Collections().Delete(ctx, b.scope, b.collection.Name),
		"Bundles.Save":            third(w.Bundles().Save(ctx, b.scope, bundle("call"))),
		"Bundles.Get":             second(w.Bundles().Get(ctx, b.scope, b.bundle.Hash)),
		"Bundles.GetMany":         second(w.Bundles().GetMany(ctx, b.scope, []configuration.Hash{b.bundle.Hash})),
		"Bundles.List":            second(w.Bundles().List(ctx, b.scope, configuration.BundlePlace{}, 1)),
		"Bundles.Objects":         second(w.Bundles().Objects(ctx, b.scope, []string{b.bundle.Object})),
		"Bundles.Purge":           second(w.Bundles().Purge(ctx, b.scope, later(24*time.Hour), 1)),
		"Configs.Version":         second(w.Configs().Version(ctx, b.scope)),
		"Configs.NextVersion":     second(w.Configs().NextVersion(ctx, b.scope)),
		"Configs.Get":             second(w.Configs().Get(ctx, b.scope, b.release.Config)),
		"Configs.List":            second(w.Configs().List(ctx, b.scope, "", 1)),
		"Configs.Save":            w.Configs().Save(ctx, b.scope, config("call", 1)),
		"Configs.Release":         w.Configs().Release(ctx, b.scope, release("call", 1, b.bundle)),
		"Configs.GetRelease":      second(w.Configs().GetRelease(ctx, b.scope, b.release.Config, 1)),
		"Configs.Releases":        second(w.Configs().Releases(ctx, b.scope, b.release.Config, 0, 1)),
		"Configs.Current":         second(w.Configs().Current(ctx, b.scope)),
		"Configs.Names":           second(w.Configs().Names(ctx, b.scope, b.release.Config, b.bundle.Hash)),
		"Configs.Forget":          w.Configs().Forget(ctx, b.scope, b.release.Config, 1),
		"Configs.Delete":          w.Configs().Delete(ctx, b.scope, b.release.Config),
	}
}

var callTests = map[string]func(*testing.T, *world){
	"a context that has ended": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		ended, cancel := context.WithCancel(w.ctx)
		cancel()
		for name, err := range everyCall(ended, w, b) {
			fails(t, name, err, context.Canceled)
		}
		late, cancel := context.WithDeadline(w.ctx, time.Unix(1, 0))
		defer cancel()
		for name, err := range everyCall(late, w, b) {
			fails(t, name, err, context.DeadlineExceeded)
		}
		same(t, "nothing changed", get[storage.Document](t)(getOne(w.ctx, w, w.here(), b.document.Ref)), b.document)
		fails(t, "nothing made", second(w.Projects().BySlug(w.ctx, "call")), tenancy.ErrProjectNotFound)
		if runs := get[[]lease.Run](t)(w.Runs().List(w.ctx)); len(runs) != 0 {
			t.Errorf("a run was recorded: %v", runs)
		}
	},
	"after close": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		must(t, w.Close())
		for name, err := range everyCall(w.ctx, w, b) {
			fails(t, name, err, datastore.ErrClosed)
		}
		must(t, w.Close()) // again is no harm
	},
	"close while a transaction runs": func(t *testing.T, w *world) {
		inside, closed := make(chan struct{}), make(chan error, 1)
		go func() {
			<-inside
			closed <- w.Close()
		}()
		err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
			close(inside)
			must(t, <-closed) // Close waits for nothing, or this would never end
			return writeOne(ctx, tx, w.here(), document("p", "c", "k", 1))
		})
		fails(t, "a call after it", err, datastore.ErrClosed)
	},
	"ping and schema": func(t *testing.T, w *world) {
		must(t, w.Ping(w.ctx))
		must(t, w.CheckSchema(w.ctx))
		if applied, err := w.Migrate(w.ctx); err != nil || len(applied) != 0 {
			t.Errorf("migrating again applied %v: %v", applied, err)
		}
	},
	"ping while every connection is busy": func(t *testing.T, w *world) {
		const more = 100 // than any engine has connections for by default
		release := make(chan struct{})
		var busy sync.WaitGroup
		for range more {
			busy.Go(func() {
				err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
					<-release
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		if pooled, ok := w.Datastore.(datastore.Pooled); ok {
			for !slices.ContainsFunc(pooled.Pools(), func(p datastore.Pool) bool { return p.InUse == p.Max }) {
				runtime.Gosched()
			}
		}
		bounded, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		defer cancel()
		err := w.Ping(bounded)
		close(release)
		busy.Wait()
		if err != nil {
			t.Errorf("a busy database is taken for one that is away: %v", err)
		}
	},
	"cancelled in the middle, the next call works": func(t *testing.T, w *world) {
		for range 20 {
			bounded, cancel := context.WithCancel(w.ctx)
			done := make(chan error, 1)
			go func() {
				done <- second(w.Documents().List(bounded, w.here(), storage.Query{Owner: "p", Reads: everyAccess, Limit: 100}))
			}()
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			must(t, w.Ping(w.ctx))
		}
	},
}
