package leaderboards_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/adapters/redis"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

var here = operators.Place{Project: "game", Environment: "development"}

// game is a world with players, a server and an operator in one environment, whose
// index fails when it is told to.
type game struct {
	*composetest.World
	t                tester
	index            *faulty
	client           tenancy.Principal
	server, operator tenancy.Principal
	players          []tenancy.Principal
}

// tester is what a test and a property have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// newGame makes a game on the database and, if there is one, the Redis at the addresses.
func newGame(t *testing.T, database, cache string, players int) *game {
	t.Helper()
	w := composetest.New(t)
	if database != "" {
		w = composetest.At(t, database)
	}
	g := &game{t: t, index: &faulty{Index: w.Ports.Ranks}}
	if cache != "" {
		opened, err := plugin.NewRegistry(redis.Plugin).Caches.Open(t.Context(), cache, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: w.Clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		})
		g.index.Index = opened.Ranks()
	}
	g.World = w.Replica(func(p *compose.Ports) { p.Ranks = g.index })
	g.Project(t, "game")
	g.client = g.Caller(t, here, tenancy.PublishableKey)
	g.server, g.operator = g.Caller(t, here, tenancy.ServerToken), g.Caller(t, here, tenancy.SecretKey)
	for range players {
		g.players = append(g.players, g.Enter(t, g.Guest(t, g.client).AccessToken))
	}
	return g
}

func (g *game) player(i int) identity.PlayerID { return identity.PlayerID(g.players[i].Subject()) }

func (g *game) board(id ranking.BoardID, d ranking.Definition) {
	g.t.Helper()
	if _, err := g.Operators.CreateLeaderboard(context.Background(), g.operator, here, id, d); err != nil {
		g.t.Fatal(err)
	}
}

func (g *game) submit(id ranking.BoardID, player int, score, subscore int64) (ranking.Receipt, error) {
	return g.Leaderboards.Submit(context.Background(), g.server, id, ranking.Submission{Player: g.player(player), Run: ranking.Run{Score: score, Subscore: subscore}})
}

// ladder is the index of a board's open season, as the database has it.
func (g *game) ladder(id ranking.BoardID) ranking.Ladder {
	g.t.Helper()
	board, err := g.Ports.Store.Boards().Get(context.Background(), g.server.Scope(), id)
	g.must(err)
	season, err := g.Ports.Store.Boards().Season(context.Background(), g.server.Scope(), id, board.Season)
	g.must(err)
	return ranking.Ladder{Scope: g.server.Scope(), Board: id, Season: season.Number, Epoch: season.Epoch}
}

func (g *game) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// faulty is an index that can't be reached, or whose writers die, when it is told so.
type faulty struct {
	ranking.Index
	away  atomic.Bool // nothing reaches it
	lost  atomic.Bool // it takes intents, and can't be reached any more when marks come
	dying atomic.Bool // writers die between their commit and telling it
	asked atomic.Int64
	// forgetful: marks get lost, and the intents with them
	forgetful atomic.Bool
	// stall, if there is one, is called once, between an intent and the transaction.
	stall atomic.Pointer[func()]
}

func (f *faulty) down() error {
	if f.away.Load() {
		return fault.ErrUnavailable.Because(errors.New("as the test wants it"))
	}
	return nil
}

func (f *faulty) Intend(ctx context.Context, at ranking.Ladder, intent ranking.Intent) error {
	if err := f.down(); err != nil {
		return err
	}
	err := f.Index.Intend(ctx, at, intent)
	if stall := f.stall.Swap(nil); stall != nil {
		(*stall)()
	}
	return err
}

func (f *faulty) Apply(ctx context.Context, at ranking.Ladder, marks []ranking.Mark, intents ...string) error {
	if f.dying.Load() {
		return nil
	}
	if f.forgetful.Load() {
		marks = nil
	}
	if err := f.down(); err != nil || f.lost.Load() {
		return errors.Join(fault.ErrUnavailable, err)
	}
	return f.Index.Apply(ctx, at, marks, intents...)
}

func (f *faulty) Read(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) ([]ranking.View, error) {
	f.asked.Add(1)
	if err := f.down(); err != nil {
		return nil, err
	}
	return f.Index.Read(ctx, at, shared, questions...)
}

func (f *faulty) Shadow(ctx context.Context, at ranking.Ladder, player identity.PlayerID, key *ranking.Key, window ranking.Window, shared bool) (ranking.View, error) {
	if err := f.down(); err != nil {
		return ranking.View{}, err
	}
	return f.Index.Shadow(ctx, at, player, key, window, shared)
}

// naive is what a season should show: found by sorting and counting.
type naive struct {
	rules   ranking.Rules
	entries map[identity.PlayerID]naiveEntry
	removed map[identity.PlayerID]naiveEntry // what can be brought back
	hidden  map[identity.PlayerID]bool       // have entries, and no places
}

func newNaive(rules ranking.Rules) naive {
	return naive{rules, map[identity.PlayerID]naiveEntry{}, map[identity.PlayerID]naiveEntry{}, map[identity.PlayerID]bool{}}
}

func (n naive) clone() naive {
	return naive{n.rules, maps.Clone(n.entries), maps.Clone(n.removed), maps.Clone(n.hidden)}
}

type naiveEntry struct {
	run      ranking.Run
	at       int64 // microseconds
	metadata string
}

// places are what everyone sees, or if there is one, a player who is hidden.
func (n naive) places(own ...identity.PlayerID) []ranking.Place {
	places := []ranking.Place{}
	for player, e := range n.entries {
		if n.hidden[player] && !slices.Contains(own, player) {
			continue
		}
		places = append(places, ranking.Place{Player: player, Key: n.rules.Key(e.run, micros(e.at)), Metadata: e.metadata})
	}
	slices.SortFunc(places, func(a, b ranking.Place) int {
		x, y := n.entries[a.Player], n.entries[b.Player]
		switch {
		case n.rules.Ahead(x.run, y.run):
			return -1
		case n.rules.Ahead(y.run, x.run):
			return 1
		case x.at != y.at:
			if (x.at < y.at) == (n.rules.TieBreak != ranking.LatestFirst) {
				return -1
			}
			return 1
		}
		return strings.Compare(string(a.Player), string(b.Player))
	})
	for i := range places {
		places[i].Rank = 1
		for _, other := range places[:i] {
			if n.rules.TieBreak != ranking.Shared || !bytes.Equal(other.Key[:ranking.Prefix], places[i].Key[:ranking.Prefix]) {
				places[i].Rank++
			}
		}
	}
	return places
}

// shows compares all that can be read of a season. While the index is away some reads
// may have to refuse, but none may be wrong.
func (g *game) shows(w *composetest.World, id ranking.BoardID, season int, n naive, when string) {
	g.t.Helper()
	ctx, want := context.Background(), n.places()
	// A build that takes long, on a busy machine, is asked for again, as a client would.
	ask := func(read func() (leaderboards.Standings, error)) (leaderboards.Standings, error) {
		for {
			if found, err := read(); g.index.away.Load() || !errors.Is(err, ranking.ErrWarming) {
				return found, err
			}
		}
	}
	check := func(what string, got []ranking.Place, err error, want []ranking.Place) {
		g.t.Helper()
		if g.index.away.Load() && errors.Is(err, ranking.ErrWarming) {
			return
		}
		if err != nil {
			g.t.Fatalf("%s: %s: %v", when, what, err)
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			g.t.Fatalf("%s: %s of season %d by %+v:\n got %s\nwant %s", when, what, season, n.rules, n.text(got), n.text(want))
		}
	}
	top, err := ask(func() (leaderboards.Standings, error) {
		return w.Leaderboards.Top(ctx, g.server, id, season, nil, len(want)+1)
	})
	check("top", top.Places, err, want)
	if err == nil && top.Count != int64(len(want)) {
		g.t.Fatalf("%s: count %d, want %d", when, top.Count, len(want))
	}
	for i, p := range want {
		one, err := ask(func() (leaderboards.Standings, error) { return w.Leaderboards.One(ctx, g.server, id, season, p.Player) })
		check("one", one.Places, err, want[i:i+1])
		if i%3 > 0 {
			continue
		}
		near, err := ask(func() (leaderboards.Standings, error) {
			return w.Leaderboards.Around(ctx, g.server, id, season, p.Player, ranking.Window{Before: 2, After: 1})
		})
		check("around", near.Places, err, want[max(0, i-2):min(len(want), i+2)])
		rest, err := ask(func() (leaderboards.Standings, error) {
			return w.Leaderboards.Top(ctx, g.server, id, season, &ranking.Position{Key: p.Key, Player: p.Player}, 2)
		})
		check("page", rest.Places, err, want[i+1:min(len(want), i+3)])
	}
	var everyone []identity.PlayerID
	for i := range g.players {
		everyone = append(everyone, g.player(i))
	}
	among, err := ask(func() (leaderboards.Standings, error) {
		return w.Leaderboards.Among(ctx, g.server, id, season, everyone)
	})
	check("among", among.Places, err, want)
	for i, p := range g.players {
		player := g.player(i)
		_, ranked := n.entries[player]
		if ranked && !n.hidden[player] {
			continue
		}
		if _, err := w.Leaderboards.One(ctx, g.server, id, season, player); !errors.Is(err, ranking.ErrNotRanked) {
			g.t.Fatalf("%s: one without a place: %v", when, err)
		}
		if !ranked {
			if _, err := w.Leaderboards.One(ctx, p, id, season, player); !errors.Is(err, ranking.ErrNotRanked) {
				g.t.Fatalf("%s: one without an entry, to himself: %v", when, err)
			}
			continue
		}
		own := n.places(player)
		at := slices.IndexFunc(own, func(p ranking.Place) bool { return p.Player == player })
		one, err := ask(func() (leaderboards.Standings, error) { return w.Leaderboards.One(ctx, p, id, season, player) })
		check("one who is hidden, to himself", one.Places, err, own[at:at+1])
		near, err := ask(func() (leaderboards.Standings, error) {
			return w.Leaderboards.Around(ctx, p, id, season, player, ranking.Window{Before: 2, After: 1})
		})
		check("around one who is hidden", near.Places, err, own[max(0, at-2):min(len(own), at+2)])
		among, err := ask(func() (leaderboards.Standings, error) { return w.Leaderboards.Among(ctx, p, id, season, everyone) })
		check("among friends, one who is hidden", among.Places, err, own)
	}
}

func (n naive) text(places []ranking.Place) string {
	var b strings.Builder
	for _, p := range places {
		run, at := n.rules.Read(p.Key)
		fmt.Fprintf(&b, "\n  %d %s %v at %d %s", p.Rank, p.Player[len(p.Player)-6:], run, at.UnixMicro(), p.Metadata)
	}
	return b.String()
}
