package signin

import (
	"fmt"
	"slices"
	"testing"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// TestEverySignInIsMadeUpFor: of a room of 10, whoever shares a commit, and however often he is in it.
func TestEverySignInIsMadeUpFor(t *testing.T) {
	const thorough = access.SurplusStep
	type commit struct {
		a, b int // how often they are in it
		due  []identity.PlayerID
		step int
	}
	a, b, both := []identity.PlayerID{"a"}, []identity.PlayerID{"b"}, []identity.PlayerID{"a", "b"}
	for name, commits := range map[string][]commit{
		"one by one": {
			{a: 1, due: a, step: thorough},
			{a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1, due: a, step: 11},
			{a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1}, {a: 1, due: a, step: 11},
		},
		"many at once":          {{a: 64, due: a, step: thorough}, {a: 10}, {a: 1, due: a, step: 11}, {a: 64, due: a, step: 64}, {a: 64, due: a, step: 64}},
		"some, then many":       {{a: 1, due: a, step: thorough}, {a: 7}, {a: 60, due: a, step: 67}},
		"two at once":           {{a: 3, b: 2, due: both, step: thorough}, {a: 10, b: 10}, {a: 2, b: 5, due: both, step: 15}},
		"one who isn't due":     {{a: 1, b: 1, due: both, step: thorough}, {a: 20, b: 4, due: a, step: 20}, {b: 7, due: b, step: 11}},
		"one who isn't known":   {{a: 1, due: a, step: thorough}, {a: 11, b: 1, due: both, step: thorough}, {a: 10, b: 10}, {a: 1, due: a, step: 11}},
		"an unknown beside one": {{a: 1, due: a, step: thorough}, {a: 1, b: 30, due: b, step: thorough}, {a: 10, due: a, step: 11}},
	} {
		var r rooms
		for i, c := range commits {
			// Mixed, as they come.
			var players []identity.PlayerID
			for n := range max(c.a, c.b) {
				if n < c.a {
					players = append(players, "a")
				}
				if n < c.b {
					players = append(players, "b")
				}
			}
			if due, step := r.take(tenancy.Scope{}, players, 10); !slices.Equal(due, c.due) || step != c.step {
				t.Errorf("%s: in commit %d %v are due with %d, want %v with %d", name, i, due, step, c.due, c.step)
			}
		}
	}
}

// TestWhoIsForgottenIsLookedAtThoroughly, and whoever is in the older generation is not forgotten.
func TestWhoIsForgottenIsLookedAtThoroughly(t *testing.T) {
	var r rooms
	one := func(player identity.PlayerID, times, want int) {
		t.Helper()
		if _, step := r.take(tenancy.Scope{}, slices.Repeat([]identity.PlayerID{player}, times), 10); step != want {
			t.Errorf("%s is looked at with %d, want %d", player, step, want)
		}
	}
	others := func(round int) {
		many := make([]identity.PlayerID, mostRooms)
		for i := range many {
			many[i] = identity.PlayerID(fmt.Sprint(round, "-", i))
		}
		r.take(tenancy.Scope{}, many, 10)
	}
	one("a", 1, access.SurplusStep)
	one("a", 6, 0)
	others(1)
	one("a", 6, 12)
	r.forget(tenancy.Scope{}, []identity.PlayerID{"a"})
	one("a", 1, access.SurplusStep)
	others(2)
	others(3)
	one("a", 1, access.SurplusStep)
	if len(r.young) > mostRooms || len(r.old) > mostRooms {
		t.Errorf("%d and %d are known, of at most %d each", len(r.young), len(r.old), mostRooms)
	}
}
