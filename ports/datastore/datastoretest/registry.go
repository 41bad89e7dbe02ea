package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// server is one with something in every member.
func server(id registry.ServerID) registry.Server {
	return registry.Server{
		ID: id, Generation: start.UnixMicro(), State: registry.Draining, Hidden: true, Players: 3, Revision: 1, Changes: 1,
		Announcement: registry.Announcement{
			Name: "Ünïcode 日本 ' ? <b>", Region: "eu-west", Version: "1.2", Map: "canyon", Mode: "ctf", MaxPlayers: 16, Tags: []string{"a", "b"},
			Address: registry.Address{Host: "2001:db8::1", Ports: map[string]int{"game": 7777, "query": 65535}}, Metadata: `{"é":"'?\u0000"}`,
		},
		Seats: []registry.Seat{
			{Number: 1, Player: "p1", AdmittedAt: start},
			{Number: 3, Player: "p2", Ticket: "t2", Until: later(time.Minute)},
			{Number: 4, Player: "p3", Ticket: "t3", Until: later(time.Minute), AdmittedAt: start},
		},
		RegisteredAt: start, ExpiresAt: later(30 * time.Second),
	}
}

func (w *world) announce(t *testing.T, scope tenancy.Scope, servers ...registry.Server) {
	t.Helper()
	writes := make([]registry.Write, len(servers))
	for i, s := range servers {
		writes[i] = registry.Write{Server: s}
	}
	must(t, w.Servers().WriteMany(w.ctx, scope, writes))
}

func oneServer(ctx context.Context, r repos, scope tenancy.Scope, id registry.ServerID) (registry.Server, error) {
	found, err := r.Servers().GetMany(ctx, scope, []registry.ServerID{id})
	if err == nil && len(found) == 0 {
		err = registry.ErrServerNotFound
	}
	if err != nil {
		return registry.Server{}, err
	}
	return found[0], nil
}

func serverIDs(servers []registry.Server) string {
	return joined(servers, func(s registry.Server) string { return string(s.ID) })
}

var serverTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		s := server("arena-1")
		w.announce(t, w.here(), s)
		same(t, "server", get[registry.Server](t)(oneServer(w.ctx, w, w.here(), s.ID)), s)
		bare := registry.Server{
			ID: "bare", Generation: 1, Revision: 1, State: registry.Ready, Ended: true, RegisteredAt: start, ExpiresAt: start,
			Announcement: registry.Announcement{Tags: []string{}, Address: registry.Address{Ports: map[string]int{}}},
		}
		w.announce(t, w.here(), bare)
		same(t, "bare", get[registry.Server](t)(oneServer(w.ctx, w, w.here(), "bare")), bare)
		for _, id := range []registry.ServerID{"arena", "Arena-1", "arena-1\x00", "\xff", ""} {
			fails(t, "get", second(oneServer(w.ctx, w, w.here(), id)), registry.ErrServerNotFound)
		}
		same(t, "none", get[[]registry.Server](t)(w.Servers().GetMany(w.ctx, w.here(), nil)), []registry.Server{})
		must(t, w.Servers().WriteMany(w.ctx, w.here(), nil))
	},
	"a write takes the place of the revision before": func(t *testing.T, w *world) {
		s := server("arena-1")
		w.announce(t, w.here(), s)
		again := func(stored, next int64) error {
			s.Revision = next
			return w.Servers().WriteMany(w.ctx, w.here(), []registry.Write{{Server: s, Before: stored}})
		}
		fails(t, "as new", again(0, 2), registry.ErrServerStale)
		fails(t, "after one that never was", again(2, 3), registry.ErrServerStale)
		s.Generation, s.State, s.Hidden, s.Players, s.Changes, s.Ended, s.Map = s.Generation+1, registry.Ready, false, 0, 2, true, ""
		s.Seats, s.ExpiresAt, s.RegisteredAt, s.Name, s.MaxPlayers, s.Metadata = nil, later(time.Hour), later(time.Minute), "other", 2, ""
		must(t, again(1, 5))
		same(t, "server", get[registry.Server](t)(oneServer(w.ctx, w, w.here(), s.ID)), s)
		fails(t, "again", again(1, 6), registry.ErrServerStale)
		if err := again(5, 5); err == nil {
			t.Error("a revision followed itself")
		}
	},
	"of many, one that is stale keeps all out": func(t *testing.T, w *world) {
		w.announce(t, w.here(), server("b"))
		a, b := server("a"), server("b")
		b.Revision = 8
		fails(t, "write", w.Servers().WriteMany(w.ctx, w.here(), []registry.Write{{Server: b, Before: 7}, {Server: a}}), registry.ErrServerStale)
		fails(t, "the other", second(oneServer(w.ctx, w, w.here(), "a")), registry.ErrServerNotFound)
	},
	"an environment that is not there": func(t *testing.T, w *world) {
		w.removed(t, w.away.ID)
		fails(t, "write", w.Servers().WriteMany(w.ctx, w.away.Scope(), []registry.Write{{Server: server("a")}}), tenancy.ErrEnvironmentNotFound)
	},
	"writers at once each take their turn": func(t *testing.T, w *world) {
		w.announce(t, w.here(), server("arena-1"), server("arena-2"))
		const writers = 8
		together(writers, func(i int) {
			ids := []registry.ServerID{"arena-1", "arena-2"}
			if i%2 == 1 {
				slices.Reverse(ids)
			}
			err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				found, err := tx.Servers().LockMany(ctx, w.here(), ids)
				if err != nil {
					return err
				}
				writes := make([]registry.Write, len(found))
				for i, s := range found {
					writes[i] = registry.Write{Server: s, Before: s.Revision}
					writes[i].Server.Revision++
					writes[i].Server.Players++
				}
				return tx.Servers().WriteMany(ctx, w.here(), writes)
			})
			if err != nil {
				t.Error(err)
			}
		})
		for _, id := range []registry.ServerID{"arena-1", "arena-2"} {
			if s := get[registry.Server](t)(oneServer(w.ctx, w, w.here(), id)); s.Players != 3+writers || s.Revision != 1+writers {
				t.Errorf("%s has %d players at revision %d", id, s.Players, s.Revision)
			}
		}
	},
	"of two who make one, one is first": func(t *testing.T, w *world) {
		var errs [4]error
		together(len(errs), func(i int) {
			s := server("arena-1")
			s.Players = i
			errs[i] = w.Servers().WriteMany(w.ctx, w.here(), []registry.Write{{Server: s}})
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, registry.ErrServerStale) {
				t.Error(err)
			}
		}
		same(t, "won", won, 1)
	},
	"marks are of the living": func(t *testing.T, w *world) {
		for i, ends := range []time.Duration{-time.Microsecond, 0, time.Microsecond, time.Hour} {
			s := server(registry.ServerID(fmt.Sprint("s", i)))
			s.ExpiresAt, s.Changes = later(ends), int64(i)
			w.announce(t, w.here(), s)
		}
		mark := func(i int, ends time.Duration) registry.Mark {
			return registry.Mark{ID: registry.ServerID(fmt.Sprint("s", i)), Generation: start.UnixMicro(), Changes: int64(i), ExpiresAt: later(ends)}
		}
		same(t, "marks", get[[]registry.Mark](t)(w.Servers().Marks(w.ctx, w.here(), start, 10)), []registry.Mark{mark(2, time.Microsecond), mark(3, time.Hour)})
		same(t, "one", get[[]registry.Mark](t)(w.Servers().Marks(w.ctx, w.here(), start, 1)), []registry.Mark{mark(2, time.Microsecond)})
		same(t, "later", get[[]registry.Mark](t)(w.Servers().Marks(w.ctx, w.here(), later(time.Hour), 10)), []registry.Mark{})
	},
	"list and count": func(t *testing.T, w *world) {
		w.announce(t, w.here(), server("b"), server("a.b"), server("a"), server("a-b"))
		w.announce(t, w.away.Scope(), server("a0"))
		same(t, "all", serverIDs(get[[]registry.Server](t)(w.Servers().List(w.ctx, w.here(), "", 10))), "a a-b a.b b")
		same(t, "two after a", serverIDs(get[[]registry.Server](t)(w.Servers().List(w.ctx, w.here(), "a", 2))), "a-b a.b")
		same(t, "none", get[[]registry.Server](t)(w.Servers().List(w.ctx, w.here(), "b", 2)), []registry.Server{})
		same(t, "count", get[int](t)(w.Servers().Count(w.ctx, w.here(), 10)), 4)
		same(t, "bounded", get[int](t)(w.Servers().Count(w.ctx, w.here(), 3)), 3)
	},
	"prune takes what ended before": func(t *testing.T, w *world) {
		for i := range 5 {
			s := server(registry.ServerID(fmt.Sprint("s", i)))
			s.ExpiresAt = later(time.Duration(i) * time.Second)
			w.announce(t, w.here(), s)
		}
		w.announce(t, w.away.Scope(), server("s0"))
		same(t, "two", get[int](t)(w.Servers().Prune(w.ctx, w.here(), later(3*time.Second), 2)), 2)
		same(t, "one", get[int](t)(w.Servers().Prune(w.ctx, w.here(), later(3*time.Second), 2)), 1)
		same(t, "none", get[int](t)(w.Servers().Prune(w.ctx, w.here(), later(3*time.Second), 2)), 0)
		same(t, "limit 0", get[int](t)(w.Servers().Prune(w.ctx, w.here(), later(time.Hour), 0)), 0)
		same(t, "left", serverIDs(get[[]registry.Server](t)(w.Servers().List(w.ctx, w.here(), "", 10))), "s3 s4")
		same(t, "elsewhere", serverIDs(get[[]registry.Server](t)(w.Servers().List(w.ctx, w.away.Scope(), "", 10))), "s0")
	},
	"a full house": func(t *testing.T, w *world) {
		s := server("arena-1")
		s.MaxPlayers, s.Seats = 1000, nil
		for i := range s.MaxPlayers {
			s.Seats = append(s.Seats, registry.Seat{Number: i + 1, Player: identity.PlayerID(newID()), AdmittedAt: start})
		}
		w.announce(t, w.here(), s)
		same(t, "server", get[registry.Server](t)(oneServer(w.ctx, w, w.here(), s.ID)), s)
	},
}
