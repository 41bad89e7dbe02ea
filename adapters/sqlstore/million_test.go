package sqlstore_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/entrants"
	"github.com/overworldhq/overworld/tests/servers"
)

// TestRankingQueriesAtAMillion has the engines choose how to answer what is asked of a season
// with a million entries, and looks at what they chose.
func TestRankingQueriesAtAMillion(t *testing.T) {
	whole := regexp.MustCompile(`(?m)Seq Scan|^\s*SCAN (?:leaderboard_entries|other)\b|USE TEMP B-TREE|^\s*Sort`)
	for engine, c := range map[string]struct {
		address func(t *testing.T) string
		driver  string
		path    func(address string) string
		verb    string
	}{
		"sqlite": {
			func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "million.db") },
			"sqlite", func(address string) string { return strings.TrimPrefix(address, "sqlite://") }, "EXPLAIN QUERY PLAN ",
		},
		"postgres": {func(t *testing.T) string { return servers.Postgres(t) }, "pgx", func(address string) string { return address }, "EXPLAIN "},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := c.address(t)
			store := migrated(t, address)
			environment := tenancy.Environment{ID: "environment", ProjectID: "project"}
			season := entrants.Season{Environment: "environment", Board: "laps", Number: 1, Rules: ranking.Rules{Sort: ranking.Descending}, Size: 1_000_000, Alone: true}
			if err := season.Fill(t.Context(), address); err != nil {
				t.Fatal(err)
			}
			var seen statements
			store.(interface{ OnQuery(func(string)) }).OnQuery(seen.note)
			ctx, scope, ref := t.Context(), environment.Scope(), ranking.SeasonRef{Board: "laps", Number: 1}
			entries := store.Entries()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			top, err := entries.Top(ctx, scope, ref, 100)
			must(err)
			if len(top) != 100 || season.Place(indexOf(t, top[0].Player)) != season.Size-1 {
				t.Errorf("top: %d entries, the first %+v", len(top), top[0])
			}
			for _, shared := range []bool{false, true} {
				one, err := entries.Standing(ctx, scope, ref, top[99].Player, 10_000, shared)
				must(err)
				if one.Ahead != 99 {
					t.Errorf("%d are ahead of the hundredth", one.Ahead)
				}
			}
			page, cursor, err := entries.All(ctx, scope, ref, ranking.Cursor{}, 500)
			must(err)
			if _, _, err = entries.All(ctx, scope, ref, cursor, 500); err != nil || len(page) != 500 {
				t.Errorf("pages: %d, %v", len(page), err)
			}
			_, err = entries.LockMany(ctx, scope, ref, []identity.PlayerID{entrants.Player(7), entrants.Player(700_000)})
			must(err)
			n, err := entries.Count(ctx, scope, ref, 1000)
			must(err)
			deleted, last, err := entries.Purge(ctx, scope, ref, ranking.Cursor{}, 1000)
			must(err)
			again, _, err := entries.Purge(ctx, scope, ref, last, 1000)
			must(err)
			if deleted+again != 2000 {
				t.Errorf("purged %d", deleted)
			}
			if n != 1000 || len(seen.kinds) < 7 {
				t.Errorf("counted %d, with %d kinds of statements", n, len(seen.kinds))
			}
			db := connect(t, c.driver, c.path(address))
			for _, query := range seen.kinds {
				if plan := planOf(t, db, c.verb+query); whole.MatchString(plan) || !strings.Contains(plan, "leaderboard_entries") {
					t.Errorf("%s\n%s", query, plan)
				}
			}
		})
	}
}

// indexOf finds which of the players it is.
func indexOf(t *testing.T, player identity.PlayerID) int {
	t.Helper()
	for i := range 1_000_000 {
		if entrants.Player(i) == player {
			return i
		}
	}
	t.Fatalf("%s is none of them", player)
	return 0
}
