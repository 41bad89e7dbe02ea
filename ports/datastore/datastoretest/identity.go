package datastoretest

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
)

var playerTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		p := player()
		p.DisplayName = "Zoë 😀 '?'"
		l := login(p)
		must(t, w.Players().Create(w.ctx, w.here(), p, l))
		same(t, "by id", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
		same(t, "by login", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), l.Method, l.Subject)), p)
	},
	"a login leads to one player": func(t *testing.T, w *world) {
		first, other := w.player(t, w.here()), player()
		fails(t, "create", w.Players().Create(w.ctx, w.here(), other, login(first)), identity.ErrLoginTaken)
		fails(t, "get what was refused", second(w.Players().Get(w.ctx, w.here(), other.ID)), identity.ErrPlayerNotFound)
		same(t, "by login", get[identity.Player](t)(w.Players().ByLogin(w.ctx, w.here(), identity.Guest, login(first).Subject)), first)
		must(t, w.Players().Create(w.ctx, w.away.Scope(), other, login(first)))
	},
	"of many who come with one login, one is made": func(t *testing.T, w *world) {
		shared := login(player())
		errs := make([]error, 8)
		players := make([]identity.Player, len(errs))
		for i := range players {
			players[i] = player()
		}
		together(len(errs), func(i int) { errs[i] = w.Players().Create(w.ctx, w.here(), players[i], shared) })
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
		must(t, w.Players().Seen(w.ctx, w.here(), p.ID, later(time.Hour)))
		must(t, w.Players().Seen(w.ctx, w.here(), p.ID, later(time.Minute)))
		must(t, w.Players().Seen(w.ctx, w.here(), "nobody", later(time.Minute)))
		p.LastSeenAt = later(time.Hour)
		same(t, "seen", get[identity.Player](t)(w.Players().Get(w.ctx, w.here(), p.ID)), p)
	},
	"identifiers compare by their bytes": func(t *testing.T, w *world) {
		for _, id := range lookalikes {
			p := player()
			p.ID, p.DisplayName = identity.PlayerID(id), id
			l := login(p)
			must(t, w.Players().Create(w.ctx, w.here(), p, l))
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
