package leaderboards_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/servers"
)

// damages are what can become of an index without its knowing: each makes it show something else.
var damages = map[string]func(g *game, at ranking.Ladder){
	"it missed a run": func(g *game, _ ranking.Ladder) {
		g.index.forgetful.Store(true)
		_, err := g.submit("laps", 3, 5000, 0)
		g.must(err)
		g.index.forgetful.Store(false)
	},
	"it missed a first run": func(g *game, _ ranking.Ladder) {
		g.index.forgetful.Store(true)
		_, err := g.submit("laps", 9, 5000, 0)
		g.must(err)
		g.index.forgetful.Store(false)
	},
	"it has a run that is not": func(g *game, at ranking.Ladder) {
		g.must(g.index.Index.Apply(context.Background(), at, []ranking.Mark{{Player: g.player(4), Revision: 9, Key: ranking.Key{1}}}))
	},
	"it lost a player": func(g *game, at ranking.Ladder) {
		g.must(g.index.Index.Apply(context.Background(), at, []ranking.Mark{{Player: g.player(4), Revision: 9, Gone: true}}))
	},
	"it has a player who is not": func(g *game, at ranking.Ladder) {
		ghost := identity.PlayerID("01234567-89ab-7cde-8f01-23456789abcd")
		g.must(g.index.Index.Apply(context.Background(), at, []ranking.Mark{{Player: ghost, Revision: 1, Key: ranking.Key{1}}}))
	},
}

// onServer are what can become of one on Redis: its keys in the order of Ranks.
var onServer = map[string]func(do func(words ...string) string, key func(part string) string){
	"a member has another key": func(do func(...string) string, key func(string) string) {
		member := do("ZRANGE", key("z"), "2", "2")
		do("ZREM", key("z"), member)
		do("ZADD", key("z"), "0", "\x01"+member[1:])
	},
}

func TestTheVerifierFindsAndMends(t *testing.T) {
	for name, cache := range map[string]func(testing.TB) string{"memory": nowhere, "redis": servers.Redis} {
		t.Run(name, func(t *testing.T) {
			address := cache(t)
			g := newGame(t, "", address, 10)
			g.board("laps", ranking.Definition{})
			g.board("other", ranking.Definition{})
			runs := 0
			play := func() {
				t.Helper()
				for i := range 9 {
					runs++
					_, err := g.submit("laps", i, int64(runs), 0)
					g.must(err)
				}
			}
			shown := func() string {
				t.Helper()
				around, err := g.Leaderboards.Around(t.Context(), g.server, "laps", 0, g.player(0), ranking.Window{Before: 50, After: 50}) // pages may be older
				g.must(err)
				return fmt.Sprint(around.Count, around.Places)
			}
			rebuilt := func() string {
				t.Helper()
				g.must(g.index.Drop(t.Context(), g.ladder("laps")))
				return shown()
			}
			verifier := leaderboards.NewVerifier(g.Leaderboards)
			// pass goes through all, and again once nothing can be on its way any more.
			pass := func() {
				t.Helper()
				for whole, tries := false, 0; !whole; tries++ {
					var err error
					whole, err = verifier.Run(t.Context())
					g.must(err)
					if tries > 3 {
						t.Fatal("the pass doesn't end")
					}
					g.Clock.Advance(ranking.IntentFor)
				}
			}
			play()
			shown()
			pass()
			if s := verifier.Stats(); s.Compared != 18 || s.Drifted != 0 || s.Passed.IsZero() {
				t.Fatalf("of a right index: %+v", s) // each entry of the database, and each of the index; the other board's is cold
			}
			check := func(damage string, do func()) {
				t.Helper()
				right := ""
				if strings.HasPrefix(damage, "it missed") {
					do()
				} else {
					right = shown()
					do()
					if shown() == right {
						t.Fatalf("%s: it doesn't show", damage)
					}
				}
				before := verifier.Stats()
				pass()
				after := verifier.Stats()
				if after.Drifted == before.Drifted || after.Drifted-before.Drifted != after.Repaired-before.Repaired {
					t.Errorf("%s: found %+v after %+v", damage, after, before)
				}
				got := shown()
				if right == "" {
					right = rebuilt()
				}
				if got != right {
					t.Errorf("%s:\n got %s\nwant %s", damage, got, right)
				}
				before = verifier.Stats()
				pass()
				if after := verifier.Stats(); after.Drifted != before.Drifted {
					t.Errorf("%s: found again: %+v after %+v", damage, after, before)
				}
			}
			for damage, do := range damages {
				play()
				check(damage, func() { do(g, g.ladder("laps")) })
			}
			if address == "" {
				return
			}
			option, err := rueidis.ParseURL(strings.Split(address, "?prefix=")[0])
			g.must(err)
			option.DisableCache = true
			client, err := rueidis.NewClient(option)
			g.must(err)
			defer client.Close()
			call := func(words ...string) string {
				t.Helper()
				result := client.Do(t.Context(), client.B().Arbitrary(words...).Build())
				if list, err := result.AsStrSlice(); err == nil && len(list) > 0 {
					return list[0]
				}
				text, err := result.ToString()
				if err != nil {
					if _, err := result.AsInt64(); err != nil {
						t.Fatal(words, err)
					}
				}
				return text
			}
			for damage, do := range onServer {
				play()
				shown()
				at := g.ladder("laps")
				key := func(part string) string {
					return call("KEYS", fmt.Sprintf("*{%s/%s/%d/%d}%s", at.Scope.Environment(), at.Board, at.Season, at.Epoch, part))
				}
				check(damage, func() { do(call, key) })
			}
		})
	}
}

// Entries that are on their way are no drift, nor is what an index misses that was left behind.
func TestTheVerifierWaitsForWhatIsOnItsWay(t *testing.T) {
	g := newGame(t, "", "", 3)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	_, err = g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 5)
	g.must(err)
	verifier := leaderboards.NewVerifier(g.Leaderboards)
	run := func(want bool) {
		t.Helper()
		if whole, err := verifier.Run(t.Context()); err != nil || whole != want {
			t.Fatalf("whole %t, %v", whole, err)
		}
	}
	g.index.dying.Store(true)
	_, err = g.submit("laps", 1, 2, 0)
	g.must(err)
	g.index.dying.Store(false)
	run(false)
	g.Clock.Advance(ranking.IntentFor) // its intent is overdue: the verifier settles it, as readers do
	run(true)
	if s := verifier.Stats(); s.Drifted != 0 || g.Leaderboards.Index().Settled != 1 {
		t.Errorf("%+v, settled %d", s, g.Leaderboards.Index().Settled)
	}
	g.index.forgetful.Store(true)
	_, err = g.submit("laps", 2, 3, 0)
	g.must(err)
	g.index.forgetful.Store(false)
	run(false)
	g.must(g.Ports.Store.Boards().Renew(t.Context(), g.server.Scope(), "laps", 1))
	g.Clock.Advance(ranking.IntentFor)
	run(true)
	if s := verifier.Stats(); s.Drifted != 0 {
		t.Errorf("of an index that was left behind: %+v", s)
	}
}
