package datastoretest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/ports/datastore"
)

var playerTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		p := player()
		p.DisplayName = "Zoë 😀 '?'"
		l := login(p)
		must(t, w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: p, Login: l}))
		same(t, "by id", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
		same(t, "by login", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), l.Method, l.Subject)), p)
	},
	"many at once": func(t *testing.T, w *world) {
		var ids []identity.PlayerID
		want := map[identity.PlayerID]identity.Player{}
		for range 20 {
			p := w.player(t, w.here())
			ids, want[p.ID] = append(ids, p.ID, "no "+p.ID), p
		}
		ids = append(ids, w.player(t, w.away.Scope()).ID, "", "\x00")
		found := get[[]identity.Player](t)(w.Players().GetMany(w.ctx, w.here(), ids))
		got := map[identity.PlayerID]identity.Player{}
		for _, p := range found {
			got[p.ID] = p
		}
		same(t, "players", got, want)
		same(t, "none", get[[]identity.Player](t)(w.Players().GetMany(w.ctx, w.here(), nil)), []identity.Player{})
	},
	"many come at once": func(t *testing.T, w *world) {
		known := []identity.Player{w.player(t, w.here()), w.player(t, w.here()), w.player(t, w.here())}
		stranger := w.player(t, w.away.Scope())
		var keys []identity.LoginKey
		want := map[identity.LoginKey]identity.Player{}
		for _, p := range known {
			keys, want[login(p).Key()] = append(keys, login(p).Key()), p
		}
		keys = append(keys, login(stranger).Key(), identity.LoginKey{Method: "steam", Subject: login(known[0]).Subject}, keys[0])
		w.inTx(t, func(tx repos) error {
			same(t, "behind logins", get[map[identity.LoginKey]identity.Player](t)(tx.Players().LockByLogins(w.ctx, w.here(), keys)), want)
			same(t, "behind none", get[map[identity.LoginKey]identity.Player](t)(tx.Players().LockByLogins(w.ctx, w.here(), nil)), map[identity.LoginKey]identity.Player{})
			return nil
		})
		var newcomers []identity.Newcomer
		for i := range 10 {
			p := player()
			if i%2 == 0 {
				p.DisplayName, p.Handle, p.Metadata, p.Version = "Zoë", fmt.Sprint("handle", i), `{"a":1}`, 3
			}
			newcomers = append(newcomers, identity.Newcomer{Player: p, Login: login(p)})
		}
		taken := append(slices.Clone(newcomers), identity.Newcomer{Player: player(), Login: login(known[1])})
		fails(t, "one login is taken", w.Players().Create(w.ctx, w.here(), taken...), identity.ErrLoginTaken)
		fails(t, "none is made", second(w.Players().Get(w.ctx, w.here(), newcomers[0].Player.ID)), identity.ErrPlayerNotFound)
		must(t, w.Players().Create(w.ctx, w.here()))
		must(t, w.Players().Create(w.ctx, w.here(), newcomers...))
		var ids []identity.PlayerID
		var sessions []identity.Session
		for _, n := range newcomers {
			same(t, "made", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), n.Login.Method, n.Login.Subject)), n.Player)
			ids, sessions = append(ids, n.Player.ID), append(sessions, session(n.Player))
		}
		must(t, w.Players().Seen(w.ctx, w.here(), later(time.Hour), append(ids[1:], "nobody", ids[1])...))
		for i, n := range newcomers {
			if i > 0 {
				n.Player.LastSeenAt = later(time.Hour)
			}
			same(t, "seen", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), n.Player.ID)), n.Player)
		}
		fails(t, "a session of nobody's", w.Sessions().Create(w.ctx, w.here(), append(slices.Clone(sessions), session(player()))...), identity.ErrPlayerNotFound)
		must(t, w.Sessions().Create(w.ctx, w.here(), sessions...))
		var every []identity.SessionID
		for i, s := range sessions {
			sessions[i].Generation, sessions[i].RotatedAt, sessions[i].Client = 2, later(time.Minute), "console"
			if i%2 == 0 {
				sessions[i] = sessions[i].Revoked(identity.Operator, later(time.Minute))
			}
			every = append(every, s.ID, "no "+s.ID)
		}
		fails(t, "change of one that is missing", w.Sessions().Update(w.ctx, w.here(), append(slices.Clone(sessions), session(known[0]))...), identity.ErrSessionNotFound)
		if s := get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), sessions[0].ID)); s.Generation == 2 {
			t.Error("a change of many was made in part")
		}
		must(t, w.Sessions().Update(w.ctx, w.here(), sessions...))
		w.inTx(t, func(tx repos) error {
			found := get[[]identity.Session](t)(tx.Sessions().LockMany(w.ctx, w.here(), every))
			byID := func(a, b identity.Session) int { return strings.Compare(string(a.ID), string(b.ID)) }
			same(t, "changed", slices.SortedFunc(slices.Values(found), byID), slices.SortedFunc(slices.Values(sessions), byID))
			owners := get[[]identity.Player](t)(tx.Players().LockOwners(w.ctx, w.here(), append(every, every...)))
			players := map[identity.PlayerID]int{}
			for _, player := range owners {
				players[player.ID]++
			}
			for _, id := range ids {
				if players[id] != 1 {
					t.Errorf("the sessions' player %s is there %d times", id, players[id])
				}
			}
			if len(owners) != len(ids) {
				t.Errorf("%d players, want %d", len(owners), len(ids))
			}
			same(t, "of none", get[[]identity.Player](t)(tx.Players().LockOwners(w.ctx, w.here(), nil)), []identity.Player{})
			return nil
		})
	},
	"a login leads to one player": func(t *testing.T, w *world) {
		first, other := w.player(t, w.here()), player()
		fails(t, "create", w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: other, Login: login(first)}), identity.ErrLoginTaken)
		fails(t, "get what was refused", second(w.Players().Get(w.ctx, w.here(), other.ID)), identity.ErrPlayerNotFound)
		same(t, "by login", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), identity.Guest, login(first).Subject)), first)
		must(t, w.Players().Create(w.ctx, w.away.Scope(), identity.Newcomer{Player: other, Login: login(first)}))
	},
	"of many who come with one login, one is made": func(t *testing.T, w *world) {
		shared := login(player())
		errs := make([]error, 8)
		players := make([]identity.Player, len(errs))
		for i := range players {
			players[i] = player()
		}
		together(len(errs), func(i int) {
			errs[i] = w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: players[i], Login: shared})
		})
		made := get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), shared.Method, shared.Subject))
		for i, err := range errs {
			if players[i].ID == made.ID {
				must(t, err)
				continue
			}
			fails(t, "create", err, identity.ErrLoginTaken)
			fails(t, "get what was refused", second(w.Players().Get(w.ctx, w.here(), players[i].ID)), identity.ErrPlayerNotFound)
		}
	},
	"not found": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		for _, id := range []identity.PlayerID{"", "nobody", p.ID + " ", "A" + p.ID[1:], p.ID + "\x00", "\xff", "'"} {
			fails(t, "get", second(w.Players().Get(w.ctx, w.here(), id)), identity.ErrPlayerNotFound)
		}
		fails(t, "another method", second(w.Players().ByLogin(w.ctx, w.here(), "steam", login(p).Subject)), identity.ErrPlayerNotFound)
		fails(t, "another subject", second(w.Players().ByLogin(w.ctx, w.here(), identity.Guest, [32]byte{1})), identity.ErrPlayerNotFound)
	},
	"seen moves forward only": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		must(t, w.Players().Seen(w.ctx, w.here(), later(time.Hour), p.ID))
		must(t, w.Players().Seen(w.ctx, w.here(), later(time.Minute), p.ID))
		must(t, w.Players().Seen(w.ctx, w.here(), later(time.Minute), "nobody"))
		p.LastSeenAt = later(time.Hour)
		same(t, "seen", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
	},
	"profile": func(t *testing.T, w *world) {
		p, neighbour := w.player(t, w.here()), w.player(t, w.here())
		next := p
		next.DisplayName, next.Handle, next.Metadata, next.Version = "Zoë 😀 '?'", "zoe_1", `{"a":"\u0000?"}`, 2
		must(t, w.Players().Update(w.ctx, w.here(), next))
		same(t, "updated", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), next)
		fails(t, "the same version again", w.Players().Update(w.ctx, w.here(), next), identity.ErrProfileStale)
		fails(t, "nobody", w.Players().Update(w.ctx, w.here(), identity.Player{ID: "nobody", Version: 2}), identity.ErrProfileStale)
		thief := neighbour
		thief.Handle, thief.Version = "zoe_1", 2
		fails(t, "a handle taken", w.Players().Update(w.ctx, w.here(), thief), identity.ErrHandleTaken)
		same(t, "the neighbour", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), neighbour.ID)), neighbour)
		there := w.player(t, w.away.Scope())
		there.Handle, there.Version = "zoe_1", 2
		must(t, w.Players().Update(w.ctx, w.away.Scope(), there))
		next.Handle, next.Metadata, next.Version = "", "", 3
		must(t, w.Players().Update(w.ctx, w.here(), next))
		must(t, w.Players().Update(w.ctx, w.here(), thief))
		same(t, "without a handle", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), next)
	},
	"ban": func(t *testing.T, w *world) {
		p, neighbour := w.player(t, w.here()), w.player(t, w.here())
		for _, ban := range []identity.Ban{{Reason: "cheating '?'", At: start, Until: later(time.Hour)}, {Reason: "for good", At: later(time.Minute)}, {}} {
			must(t, w.Players().SetBan(w.ctx, w.here(), p.ID, ban))
			p.Ban = ban
			same(t, "stored", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
			same(t, "by login", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), identity.Guest, login(p).Subject)), p)
			edited := p
			edited.Version++
			edited.Ban = identity.Ban{Reason: "an edit bans nobody", At: start}
			must(t, w.Players().Update(w.ctx, w.here(), edited))
			p.Version++
		}
		same(t, "the neighbour", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), neighbour.ID)), neighbour)
		fails(t, "nobody", w.Players().SetBan(w.ctx, w.here(), "nobody", identity.Ban{}), identity.ErrPlayerNotFound)
	},
	"a lock keeps new sessions out": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		ready, created := make(chan struct{}), make(chan error, 1)
		go func() {
			<-ready
			created <- w.Sessions().Create(w.ctx, w.here(), session(p))
		}()
		err := w.InTx(w.ctx, func(ctx context.Context, tx datastore.Repos) error {
			same(t, "locked", get[identity.Player](t)(tx.Players().Lock(ctx, w.here(), p.ID)), p)
			select {
			case <-ready:
			default:
				close(ready)
			}
			found := get[[]identity.Session](t)(tx.Sessions().List(ctx, w.here(), identity.SessionQuery{Player: p.ID, Limit: 10}))
			select {
			case err := <-created:
				t.Errorf("a session began meanwhile: %v", err)
			default:
			}
			same(t, "sessions", found, []identity.Session{})
			return nil
		})
		must(t, err)
		must(t, <-created)
		fails(t, "nobody", second(w.Players().Lock(w.ctx, w.here(), "nobody")), identity.ErrPlayerNotFound)
	},
	"search": func(t *testing.T, w *world) {
		var all []identity.Player // oldest first
		for i, name := range []string{"Bob", "bobby", "BO", "Éva", "", "bob"} {
			p := player()
			p.DisplayName = name
			if i < 2 {
				p.Handle = fmt.Sprintf("handle_%d", i)
			}
			must(t, w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: p, Login: login(p)}))
			w.player(t, w.away.Scope())
			all = append(all, p)
		}
		search := func(q identity.PlayerQuery) string {
			t.Helper()
			return joined(get[[]identity.Player](t)(w.Players().Search(w.ctx, w.here(), q)), func(p identity.Player) string { return string(p.ID) })
		}
		expect := func(what string, q identity.PlayerQuery, want ...int) {
			t.Helper()
			same(t, what, search(q), joined(want, func(i int) string { return string(all[i].ID) }))
		}
		expect("all", identity.PlayerQuery{Limit: 10}, 5, 4, 3, 2, 1, 0)
		next := identity.PlayerQuery{Limit: 2}
		next.After.ID = all[4].ID
		expect("the next page", next, 3, 2)
		expect("by id", identity.PlayerQuery{ID: all[3].ID, Limit: 10}, 3)
		expect("by handle", identity.PlayerQuery{Handle: "handle_1", Limit: 10}, 1)
		expect("by no handle", identity.PlayerQuery{Handle: "handle_9", Limit: 10})
		expect("by prefix", identity.PlayerQuery{NamePrefix: "BoB", Limit: 10}, 0, 5, 1)
		expect("by prefix, any case", identity.PlayerQuery{NamePrefix: "é", Limit: 10}, 3)
		within := identity.PlayerQuery{NamePrefix: "bo", Limit: 2}
		expect("by prefix, a page", within, 2, 0)
		within.After.NameKey, within.After.ID = "bob", all[0].ID
		expect("by prefix, the next", within, 5, 1)
		expect("no wildcards", identity.PlayerQuery{NamePrefix: "%", Limit: 10})
		expect("limit 0", identity.PlayerQuery{})
	},
	"logins": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		same(t, "logins", get[[]identity.Login](t)(w.Players().Logins(w.ctx, w.here(), p.ID)), []identity.Login{login(p)})
		same(t, "nobody's", get[[]identity.Login](t)(w.Players().Logins(w.ctx, w.here(), "nobody")), []identity.Login{})
	},
	"identifiers compare by their bytes": func(t *testing.T, w *world) {
		for _, id := range lookalikes {
			p := player()
			p.ID, p.DisplayName = identity.PlayerID(id), id
			l := login(p)
			must(t, w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: p, Login: l}))
			same(t, id, get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
		}
		for _, id := range lookalikes {
			same(t, id, get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), identity.PlayerID(id))).DisplayName, id)
		}
	},
}

var sessionTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		s := session(w.player(t, w.here()))
		must(t, w.Sessions().Create(w.ctx, w.here(), s))
		same(t, "get", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
		same(t, "lock", get[identity.Session](t)(w.Sessions().Lock(w.ctx, w.here(), s.ID)), s)
	},
	"update": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		s, neighbour := session(p), session(p)
		must(t, w.Sessions().Create(w.ctx, w.here(), s))
		must(t, w.Sessions().Create(w.ctx, w.here(), neighbour))
		s.Generation, s.RotatedAt, s.ExpiresAt, s.Client, s.Address = math.MaxInt64, later(time.Second), later(2*time.Hour), "", "::1"
		must(t, w.Sessions().Update(w.ctx, w.here(), s))
		same(t, "rotated", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
		s = s.Revoked(identity.Stolen, later(time.Minute))
		must(t, w.Sessions().Update(w.ctx, w.here(), s))
		same(t, "revoked", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
		same(t, "the neighbour", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), neighbour.ID)), neighbour)
	},
	"what can't be stored of a client is replaced": func(t *testing.T, w *world) {
		s := session(w.player(t, w.here()))
		s.Client = "Game\x00\xff!"
		must(t, w.Sessions().Create(w.ctx, w.here(), s))
		s.Client = "Game\uFFFD\uFFFD!"
		same(t, "get", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
	},
	"not found": func(t *testing.T, w *world) {
		ghost := session(player())
		fails(t, "get", second(w.Sessions().Get(w.ctx, w.here(), ghost.ID)), identity.ErrSessionNotFound)
		fails(t, "lock", second(w.Sessions().Lock(w.ctx, w.here(), ghost.ID)), identity.ErrSessionNotFound)
		fails(t, "update", w.Sessions().Update(w.ctx, w.here(), ghost), identity.ErrSessionNotFound)
		fails(t, "create without a player", w.Sessions().Create(w.ctx, w.here(), ghost), identity.ErrPlayerNotFound)
	},
	"list, newest first": func(t *testing.T, w *world) {
		p, other := w.player(t, w.here()), w.player(t, w.here())
		var all []identity.Session // newest first
		for i := range 5 {
			s := session(p)
			s.ExpiresAt = later(time.Duration(i+1) * time.Hour)
			if i == 3 {
				s = s.Revoked(identity.LoggedOut, later(time.Minute))
			}
			must(t, w.Sessions().Create(w.ctx, w.here(), s))
			must(t, w.Sessions().Create(w.ctx, w.here(), session(other)))
			all = append([]identity.Session{s}, all...)
		}
		list := func(q identity.SessionQuery) []identity.Session {
			t.Helper()
			return get[[]identity.Session](t)(w.Sessions().List(w.ctx, w.here(), q))
		}
		same(t, "all", list(identity.SessionQuery{Player: p.ID, Limit: 10}), all)
		same(t, "a page", list(identity.SessionQuery{Player: p.ID, Limit: 2}), all[:2])
		same(t, "the next", list(identity.SessionQuery{Player: p.ID, Before: all[1].ID, Limit: 2}), all[2:4])
		same(t, "live", list(identity.SessionQuery{Player: p.ID, LiveAt: later(2 * time.Hour), Limit: 10}), []identity.Session{all[0], all[2]})
		same(t, "limit 0", list(identity.SessionQuery{Player: p.ID}), []identity.Session{})
		same(t, "nobody's", list(identity.SessionQuery{Player: "nobody", Limit: 10}), []identity.Session{})
	},
	"revoke all": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		live, again, over, out := session(p), session(p), session(p), session(p).Revoked(identity.LoggedOut, later(time.Second))
		over.ExpiresAt = later(time.Minute)
		theirs := session(w.player(t, w.here()))
		for _, s := range []identity.Session{live, again, over, out, theirs} {
			must(t, w.Sessions().Create(w.ctx, w.here(), s))
		}
		when := later(time.Minute)
		ended := get[[]identity.SessionID](t)(w.Sessions().RevokeAll(w.ctx, w.here(), p.ID, identity.Operator, when))
		slices.Sort(ended)
		same(t, "ended", ended, []identity.SessionID{live.ID, again.ID})
		for _, s := range []identity.Session{live.Revoked(identity.Operator, when), again.Revoked(identity.Operator, when), over, out, theirs} {
			same(t, "stored", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
		}
		same(t, "again", get[[]identity.SessionID](t)(w.Sessions().RevokeAll(w.ctx, w.here(), p.ID, identity.Operator, when)), []identity.SessionID{})
	},
	"surplus": func(t *testing.T, w *world) {
		p, q, lone := w.player(t, w.here()), w.player(t, w.here()), w.player(t, w.here())
		var of, others []identity.SessionID // the live ones, oldest first
		for i := range 6 {
			mine, his := session(p), session(q)
			switch i {
			case 1:
				mine.ExpiresAt = later(time.Minute)
			case 4:
				mine = mine.Revoked(identity.LoggedOut, later(time.Second))
			default:
				of = append(of, mine.ID)
			}
			others = append(others, his.ID)
			must(t, w.Sessions().Create(w.ctx, w.here(), mine, his))
		}
		must(t, w.Sessions().Create(w.ctx, w.here(), session(lone)))
		everybody := []identity.PlayerID{q.ID, lone.ID, p.ID, "nobody"}
		surplus := func(players []identity.PlayerID, keep, limit int) []identity.SessionID {
			t.Helper()
			ids := []identity.SessionID{}
			for _, s := range get[[]identity.Session](t)(w.Sessions().Surplus(w.ctx, w.here(), players, later(time.Minute), keep, limit)) {
				if stored := get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)); stored != s {
					t.Errorf("surplus %+v, stored %+v", s, stored)
				}
				ids = append(ids, s.ID)
			}
			slices.Sort(ids)
			return ids
		}
		sorted := func(ids ...identity.SessionID) []identity.SessionID { slices.Sort(ids); return ids }
		same(t, "more than 3", surplus(everybody, 3, 10), sorted(of[0], others[0], others[1], others[2]))
		same(t, "more than 3, 2 at most", surplus(everybody, 3, 2), sorted(of[0], others[1], others[2]))
		same(t, "more than 6", surplus(everybody, 6, 10), []identity.SessionID{})
		same(t, "more than none", surplus([]identity.PlayerID{p.ID}, 0, 10), of)
		same(t, "limit 0", surplus(everybody, 0, 0), []identity.SessionID{})
		same(t, "of nobody", surplus(nil, 0, 10), []identity.SessionID{})

		first, another := get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), of[0])), get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), others[0]))
		same(t, "deleted", get[int](t)(w.Sessions().Delete(w.ctx, w.here(), another, first, session(p))), 2)
		fails(t, "deleted", second(w.Sessions().Get(w.ctx, w.here(), of[0])), identity.ErrSessionNotFound)
		same(t, "again", get[int](t)(w.Sessions().Delete(w.ctx, w.here(), first)), 0)
		same(t, "none", get[int](t)(w.Sessions().Delete(w.ctx, w.here())), 0)
		same(t, "the rest", surplus(everybody, 0, 10), sorted(append(append(surplus([]identity.PlayerID{lone.ID}, 0, 1), of[1:]...), others[1:]...)...))
	},
	"purge": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		create := func(expires, revoked time.Duration) identity.Session {
			s := session(p)
			s.ExpiresAt = later(expires)
			if revoked != 0 {
				s.RevokedAt, s.Reason = later(revoked), identity.LoggedOut
			}
			must(t, w.Sessions().Create(w.ctx, w.here(), s))
			return s
		}
		before := later(time.Hour)
		gone := []identity.Session{
			create(time.Minute, 0), create(time.Hour-time.Microsecond, 0), create(2*time.Hour, time.Minute), create(time.Minute, time.Second), create(time.Minute, 2*time.Hour),
		}
		kept := []identity.Session{create(time.Hour, 0), create(2*time.Hour, 0), create(2*time.Hour, time.Hour)}
		same(t, "limit 0", get[int](t)(w.Sessions().Purge(w.ctx, w.here(), before, 0)), 0)
		same(t, "limit 2", get[int](t)(w.Sessions().Purge(w.ctx, w.here(), before, 2)), 2)
		same(t, "the rest", get[int](t)(w.Sessions().Purge(w.ctx, w.here(), before, 100)), 3)
		same(t, "again", get[int](t)(w.Sessions().Purge(w.ctx, w.here(), before, 100)), 0)
		for _, s := range gone {
			fails(t, "purged", second(w.Sessions().Get(w.ctx, w.here(), s.ID)), identity.ErrSessionNotFound)
		}
		for _, s := range kept {
			same(t, "kept", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)), s)
		}
	},
	"purge counts one that expired and was revoked once": func(t *testing.T, w *world) {
		p := w.player(t, w.here())
		both, revoked := session(p).Revoked(identity.LoggedOut, later(time.Second)), session(p).Revoked(identity.LoggedOut, later(time.Minute))
		both.ExpiresAt = later(time.Minute)
		must(t, w.Sessions().Create(w.ctx, w.here(), both))
		must(t, w.Sessions().Create(w.ctx, w.here(), revoked))
		same(t, "purged", get[int](t)(w.Sessions().Purge(w.ctx, w.here(), later(30*time.Minute), 2)), 2)
	},
}

func signingKeys(n int) []identity.SealedKey {
	var keys []identity.SealedKey
	for i := range n {
		keys = append(keys, identity.SealedKey{
			SigningKey: identity.SigningKey{
				ID: newID(), Public: bytes.Repeat([]byte{byte(i), 0, 0xff, '\''}, 8),
				CreatedAt: later(time.Duration(i) * time.Second), SignsFrom: later(time.Duration(i) * time.Minute),
			},
			Sealed: []byte{0, 1, 2, 0xff, byte(i)},
		})
	}
	return keys
}

var signingKeyTests = map[string]func(*testing.T, *world){
	"round trip, oldest first": func(t *testing.T, w *world) {
		keys := signingKeys(3)
		same(t, "none", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), []identity.SealedKey{})
		must(t, w.SigningKeys().Save(w.ctx, w.here(), nil))
		must(t, w.SigningKeys().Save(w.ctx, w.here(), []identity.SealedKey{keys[2], keys[0], keys[1]}))
		same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
	},
	"of equal age by id": func(t *testing.T, w *world) {
		keys := signingKeys(3)
		for i := range keys {
			keys[i].CreatedAt = start
		}
		must(t, w.SigningKeys().Save(w.ctx, w.here(), []identity.SealedKey{keys[1], keys[2], keys[0]}))
		same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
	},
	"the private half is not stored": func(t *testing.T, w *world) {
		keys := signingKeys(1)
		keys[0].Private = []byte("private")
		must(t, w.SigningKeys().Save(w.ctx, w.here(), keys))
		keys[0].Private = nil
		same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
	},
	"a key that goes never goes later": func(t *testing.T, w *world) {
		keys := signingKeys(1)
		for _, gone := range []struct{ saved, kept time.Duration }{{2 * time.Hour, 2 * time.Hour}, {time.Hour, time.Hour}, {2 * time.Hour, time.Hour}} {
			keys[0].GoneAt = later(gone.saved)
			must(t, w.SigningKeys().Save(w.ctx, w.here(), keys))
			keys[0].GoneAt = later(gone.kept)
			same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
		}
		stays := keys[0]
		stays.GoneAt = time.Time{}
		must(t, w.SigningKeys().Save(w.ctx, w.here(), []identity.SealedKey{stays}))
		same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
	},
	"saving again changes the two times": func(t *testing.T, w *world) {
		keys := signingKeys(2)
		must(t, w.SigningKeys().Save(w.ctx, w.here(), keys[:1]))
		keys[0].SignsFrom, keys[0].GoneAt = later(time.Hour), later(2*time.Hour)
		changed := keys[0]
		changed.Sealed, changed.Public, changed.CreatedAt = []byte("other"), []byte("other"), later(time.Hour)
		must(t, w.SigningKeys().Save(w.ctx, w.here(), []identity.SealedKey{changed, keys[1]}))
		same(t, "list", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys)
	},
	"purge": func(t *testing.T, w *world) {
		keys := signingKeys(3)
		keys[0].GoneAt, keys[1].GoneAt = later(time.Minute), later(time.Hour)
		must(t, w.SigningKeys().Save(w.ctx, w.here(), keys))
		must(t, w.SigningKeys().Save(w.ctx, w.away.Scope(), keys))
		same(t, "purged", get[int](t)(w.SigningKeys().Purge(w.ctx, w.here(), later(time.Hour))), 1)
		same(t, "left", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.here())), keys[1:])
		same(t, "elsewhere", get[[]identity.SealedKey](t)(w.SigningKeys().List(w.ctx, w.away.Scope())), keys)
	},
}
