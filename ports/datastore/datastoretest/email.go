package datastoretest

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/mail"
)

func emailLogin(e tenancy.Environment, p identity.Player, address identity.Address) identity.Login {
	l := identity.EmailLogin(e.ID, address, "$argon2id$v=19$m=1,t=1,p=1$AA$AA")
	l.Player, l.CreatedAt = p.ID, start
	return l
}

// ticket expires an hour after the suite's time.
func ticket(name string) identity.Ticket {
	return identity.Ticket{
		Hash: sha256.Sum256([]byte(name)), Purpose: identity.Link, Address: "Ada@example.com", Secret: "'?\\", Player: "p", Tries: 1,
		CreatedAt: start, ExpiresAt: later(time.Hour),
	}
}

var loginTests = map[string]func(*testing.T, *world){
	"a second login": func(t *testing.T, w *world) {
		p, other := w.player(t, w.here()), w.player(t, w.here())
		l := emailLogin(w.home, p, "Ada@example.com")
		fails(t, "before", second(w.Players().Login(w.ctx, w.here(), l.Method, l.Subject)), identity.ErrLoginNotFound)
		must(t, w.Players().Link(w.ctx, w.here(), l))
		same(t, "stored", get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), l.Method, l.Subject)), l)
		same(t, "leads to", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), l.Method, l.Subject)), p)
		same(t, "listed", get[[]identity.Login](t)(w.Players().Logins(w.ctx, w.here(), p.ID)), []identity.Login{l, login(p)})
		fails(t, "again", w.Players().Link(w.ctx, w.here(), l), identity.ErrLoginTaken)
		theirs := l
		theirs.Player = other.ID
		w.inTx(t, func(tx repos) error {
			fails(t, "another's", tx.Players().Link(w.ctx, w.here(), theirs), identity.ErrLoginTaken)
			return tx.Players().Seen(w.ctx, w.here(), later(time.Hour), other.ID) // the transaction goes on
		})
		same(t, "still", get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), l.Method, l.Subject)), l)
		same(t, "seen", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), other.ID)).LastSeenAt, later(time.Hour))
		nobody := emailLogin(w.home, identity.Player{ID: "nobody"}, "bob@example.com")
		fails(t, "nobody", w.Players().Link(w.ctx, w.here(), nobody), identity.ErrPlayerNotFound)
	},
	"a player made with a password": func(t *testing.T, w *world) {
		p := player()
		l := emailLogin(w.home, p, "ada@example.com")
		must(t, w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: p, Login: l}))
		same(t, "stored", get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), l.Method, l.Subject)), l)
	},
	"another secret": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		l, neighbour := emailLogin(w.home, p, "ada@example.com"), emailLogin(w.home, p, "bob@example.com")
		must(t, w.Players().Link(w.ctx, w.here(), l))
		must(t, w.Players().Link(w.ctx, w.here(), neighbour))
		must(t, w.Players().SetSecret(w.ctx, w.here(), l.Method, l.Subject, "next '?"))
		l.Secret = "next '?"
		same(t, "stored", get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), l.Method, l.Subject)), l)
		same(t, "the neighbour", get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), l.Method, neighbour.Subject)), neighbour)
		fails(t, "none", w.Players().SetSecret(w.ctx, w.here(), l.Method, [32]byte{1}, "x"), identity.ErrLoginNotFound)
		fails(t, "elsewhere", w.Players().SetSecret(w.ctx, w.away.Scope(), l.Method, l.Subject, "x"), identity.ErrLoginNotFound)
		fails(t, "seen from elsewhere", second(w.Players().Login(w.ctx, w.away.Scope(), l.Method, l.Subject)), identity.ErrLoginNotFound)
		abroad := l
		abroad.Player = p.ID
		fails(t, "linked from elsewhere", w.Players().Link(w.ctx, w.away.Scope(), abroad), identity.ErrPlayerNotFound)
	},
	"of many who link one login, one does": func(t *testing.T, w *world) {
		errs := make([]error, 8)
		logins := make([]identity.Login, len(errs))
		for i := range logins {
			logins[i] = emailLogin(w.home, w.player(t, w.here()), "ada@example.com")
		}
		together(len(errs), func(i int) { errs[i] = w.Players().Link(w.ctx, w.here(), logins[i]) })
		stored := get[identity.Login](t)(w.Players().Login(w.ctx, w.here(), identity.Email, logins[0].Subject))
		for i, err := range errs {
			if logins[i].Player == stored.Player {
				must(t, err)
				continue
			}
			fails(t, "link", err, identity.ErrLoginTaken)
		}
	},
}

var ticketTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		one, other := ticket("one"), ticket("other")
		one.Purpose, one.Player, one.Secret = identity.Register, "", ""
		must(t, w.Tickets().Create(w.ctx, w.here(), one))
		must(t, w.Tickets().Create(w.ctx, w.here(), other))
		same(t, "one", get[identity.Ticket](t)(w.Tickets().Get(w.ctx, w.here(), one.Hash)), one)
		one.Tries, one.Address = 3, "only tries change"
		must(t, w.Tickets().Update(w.ctx, w.here(), one))
		one.Address = other.Address
		w.inTx(t, func(tx repos) error {
			same(t, "locked", get[identity.Ticket](t)(tx.Tickets().Lock(w.ctx, w.here(), one.Hash)), one)
			return nil
		})
		must(t, w.Tickets().Delete(w.ctx, w.here(), one.Hash))
		must(t, w.Tickets().Delete(w.ctx, w.here(), one.Hash))
		fails(t, "get", second(w.Tickets().Get(w.ctx, w.here(), one.Hash)), identity.ErrTicketNotFound)
		fails(t, "update", w.Tickets().Update(w.ctx, w.here(), one), identity.ErrTicketNotFound)
		w.inTx(t, func(tx repos) error {
			fails(t, "lock", second(tx.Tickets().Lock(w.ctx, w.here(), one.Hash)), identity.ErrTicketNotFound)
			return nil
		})
		same(t, "the other", get[identity.Ticket](t)(w.Tickets().Get(w.ctx, w.here(), other.Hash)), other)
	},
	"another environment's": func(t *testing.T, w *world) {
		one := ticket("one")
		must(t, w.Tickets().Create(w.ctx, w.here(), one))
		theirs := one
		theirs.Tries = 4
		for _, foreign := range []tenancy.Scope{w.away.Scope(), w.abroad.Scope()} {
			fails(t, "get", second(w.Tickets().Get(w.ctx, foreign, one.Hash)), identity.ErrTicketNotFound)
			fails(t, "update", w.Tickets().Update(w.ctx, foreign, theirs), identity.ErrTicketNotFound)
			must(t, w.Tickets().Delete(w.ctx, foreign, one.Hash))
			same(t, "purged", get[int](t)(w.Tickets().Purge(w.ctx, foreign, later(24*time.Hour), 10)), 0)
			must(t, w.Tickets().Create(w.ctx, foreign, theirs))
		}
		same(t, "at home", get[identity.Ticket](t)(w.Tickets().Get(w.ctx, w.here(), one.Hash)), one)
	},
	"of many who use one ticket, one does": func(t *testing.T, w *world) {
		one := ticket("one")
		must(t, w.Tickets().Create(w.ctx, w.here(), one))
		errs := make([]error, 8)
		together(len(errs), func(i int) {
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx datastore.Repos) error {
				if _, err := tx.Tickets().Lock(ctx, w.here(), one.Hash); err != nil {
					return err
				}
				return tx.Tickets().Delete(ctx, w.here(), one.Hash)
			})
		})
		used := 0
		for _, err := range errs {
			if err == nil {
				used++
				continue
			}
			fails(t, "use", err, identity.ErrTicketNotFound)
		}
		same(t, "used", used, 1)
	},
	"purge takes what expired, and no more than it may": func(t *testing.T, w *world) {
		for i, name := range []string{"a", "b", "c", "d"} {
			one := ticket(name)
			one.ExpiresAt = later(time.Duration(i) * time.Minute)
			must(t, w.Tickets().Create(w.ctx, w.here(), one))
		}
		purge := func(before time.Time, limit int) int {
			return get[int](t)(w.Tickets().Purge(w.ctx, w.here(), before, limit))
		}
		same(t, "none", purge(start, 10), 0)
		same(t, "no limit", purge(later(time.Hour), 0), 0)
		same(t, "one", purge(later(time.Hour), 1), 1)
		fails(t, "the first", second(w.Tickets().Get(w.ctx, w.here(), ticket("a").Hash)), identity.ErrTicketNotFound)
		same(t, "one that expired before", purge(later(2*time.Minute), 10), 1)
		same(t, "the rest", purge(later(time.Hour), 10), 2)
	},
	"no scope, and no environment": func(t *testing.T, w *world) {
		var none tenancy.Scope
		for name, err := range map[string]error{
			"Tickets.Create":    w.Tickets().Create(w.ctx, none, ticket("one")),
			"Tickets.Get":       second(w.Tickets().Get(w.ctx, none, ticket("one").Hash)),
			"Tickets.Lock":      second(w.Tickets().Lock(w.ctx, none, ticket("one").Hash)),
			"Tickets.Update":    w.Tickets().Update(w.ctx, none, ticket("one")),
			"Tickets.Delete":    w.Tickets().Delete(w.ctx, none, ticket("one").Hash),
			"Tickets.Purge":     second(w.Tickets().Purge(w.ctx, none, start, 1)),
			"Mails.Put":         w.Mails().Put(w.ctx, none, waiting(w.home, start)),
			"Players.Login":     second(w.Players().Login(w.ctx, none, identity.Email, [32]byte{1})),
			"Players.Link":      w.Players().Link(w.ctx, none, emailLogin(w.home, player(), "ada@example.com")),
			"Players.SetSecret": w.Players().SetSecret(w.ctx, none, identity.Email, [32]byte{1}, ""),
		} {
			if err == nil || errors.Is(err, identity.ErrTicketNotFound) || errors.Is(err, identity.ErrLoginNotFound) {
				t.Errorf("%s: got %v, want an internal error", name, err)
			}
		}
		nowhere := environment(project("nowhere"), "home").Scope()
		fails(t, "ticket", w.Tickets().Create(w.ctx, nowhere, ticket("one")), tenancy.ErrEnvironmentNotFound)
		fails(t, "mail", w.Mails().Put(w.ctx, nowhere, waiting(w.home, start)), tenancy.ErrEnvironmentNotFound)
	},
}

func waiting(e tenancy.Environment, due time.Time) mail.Entry {
	return mail.Entry{
		ID: newID(), Environment: e.ID, Kind: "register", Address: "Ada@example.com", Ticket: ticket("one").Hash,
		CreatedAt: start, DueAt: due, ExpiresAt: later(24 * time.Hour),
	}
}

var mailTests = map[string]func(*testing.T, *world){
	"what is due, longest first, of all environments": func(t *testing.T, w *world) {
		first, next, last := waiting(w.away, start), waiting(w.home, later(time.Minute)), waiting(w.abroad, later(time.Hour))
		last.Ticket, last.Attempts = [32]byte{}, 3
		must(t, w.Mails().Put(w.ctx, w.abroad.Scope(), last))
		must(t, w.Mails().Put(w.ctx, w.here(), next))
		must(t, w.Mails().Put(w.ctx, w.away.Scope(), first))
		due := func(now time.Time, limit int) []mail.Entry {
			return get[[]mail.Entry](t)(w.Mails().Due(w.ctx, now, limit))
		}
		same(t, "early", due(start.Add(-time.Microsecond), 10), []mail.Entry{})
		same(t, "one", due(start, 10), []mail.Entry{first})
		same(t, "all", due(later(time.Hour), 10), []mail.Entry{first, next, last})
		same(t, "some", due(later(time.Hour), 2), []mail.Entry{first, next})
		same(t, "no limit", due(later(time.Hour), 0), []mail.Entry{})
		must(t, w.Mails().Remove(w.ctx, next))
		must(t, w.Mails().Remove(w.ctx, next))
		same(t, "removed", due(later(time.Hour), 10), []mail.Entry{first, last})
		w.removed(t, w.away.ID)
		same(t, "with its environment", due(later(time.Hour), 10), []mail.Entry{last})
	},
	"of many who claim one, one does": func(t *testing.T, w *world) {
		one := waiting(w.home, start)
		must(t, w.Mails().Put(w.ctx, w.here(), one))
		until := later(time.Minute)
		errs := make([]error, 8)
		together(len(errs), func(i int) { errs[i] = w.Mails().Claim(w.ctx, one, until) })
		claimed := 0
		for _, err := range errs {
			if err == nil {
				claimed++
				continue
			}
			fails(t, "claim", err, mail.ErrClaimed)
		}
		same(t, "claimed", claimed, 1)
		same(t, "meanwhile", get[[]mail.Entry](t)(w.Mails().Due(w.ctx, until.Add(-time.Microsecond), 10)), []mail.Entry{})
		one.DueAt, one.Attempts = until, 1
		same(t, "after", get[[]mail.Entry](t)(w.Mails().Due(w.ctx, until, 10)), []mail.Entry{one})
		must(t, w.Mails().Remove(w.ctx, one))
		fails(t, "gone", w.Mails().Claim(w.ctx, one, later(time.Hour)), mail.ErrClaimed)
	},
}
