package ranking

import (
	"bytes"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// edges are where an encoding would go wrong.
var edges = []int64{math.MinInt64, math.MinInt64 + 1, -(1<<53 + 1), -1 << 53, -256, -1, 0, 1, 255, 256, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}

func number(t *rapid.T, name string) int64 {
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64(), rapid.Int64Range(-3, 3)).Draw(t, name)
}

func moment(t *rapid.T, name string) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, name)).UTC()
}

func someRules(t *rapid.T) Rules {
	return Rules{
		Sort:     rapid.SampledFrom([]Sort{Descending, Ascending}).Draw(t, "sort"),
		Operator: rapid.SampledFrom([]Operator{Best, Latest, Sum}).Draw(t, "operator"),
		TieBreak: rapid.SampledFrom([]TieBreak{EarliestFirst, LatestFirst, Shared}).Draw(t, "tie_break"),
	}
}

// The order of the bytes is the order of the ranks, spelled out.
func TestKeysSortAsEntriesRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := someRules(t)
		a, b := Run{number(t, "a"), number(t, "a2")}, Run{number(t, "b"), number(t, "b2")}
		if rapid.Bool().Draw(t, "tied") {
			b = a
		}
		at, bt := moment(t, "at"), moment(t, "bt")
		ka, kb := rules.Key(a, at), rules.Key(b, bt)
		want := 0
		switch {
		case a.Score != b.Score:
			want = -1
			if (a.Score > b.Score) != (rules.Sort == Descending) {
				want = 1
			}
		case a.Subscore != b.Subscore:
			want = -1
			if (a.Subscore > b.Subscore) != (rules.Sort == Descending) {
				want = 1
			}
		case !at.Equal(bt):
			want = -1
			if at.Before(bt) == (rules.TieBreak == LatestFirst) {
				want = 1
			}
		}
		if got := bytes.Compare(ka[:], kb[:]); got != want {
			t.Fatalf("%+v: %v at %v against %v at %v: %d, want %d", rules, a, at, b, bt, got, want)
		}
		if same := bytes.Equal(ka[:Prefix], kb[:Prefix]); same != (a == b) {
			t.Fatalf("prefixes of %v and %v: same is %v", a, b, same)
		}
		if rules.Ahead(a, b) != (bytes.Compare(ka[:Prefix], kb[:Prefix]) < 0) {
			t.Fatalf("%+v: ahead(%v, %v) is not what keys say", rules, a, b)
		}
		if run, achieved := rules.Read(ka); run != a || !achieved.Equal(at) {
			t.Fatalf("read %v, %v; want %v, %v", run, achieved, a, at)
		}
	})
}

func TestKeyOfTheExtremes(t *testing.T) {
	now := time.Unix(1, 0)
	for _, sort := range []Sort{Descending, Ascending} {
		rules := Rules{Sort: sort}
		for i := range edges[1:] {
			a, b := rules.Key(Run{Score: edges[i]}, now), rules.Key(Run{Score: edges[i+1]}, now)
			if ahead := bytes.Compare(a[:], b[:]) < 0; ahead != (sort == Ascending) {
				t.Errorf("%s: %d against %d", sort, edges[i], edges[i+1])
			}
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(0), true, true)
	f.Add(int64(-1), int64(1), int64(1<<50), false, false)
	f.Fuzz(func(t *testing.T, score, subscore, micros int64, ascending, latest bool) {
		rules := Rules{Sort: Descending, TieBreak: EarliestFirst}
		if ascending {
			rules.Sort = Ascending
		}
		if latest {
			rules.TieBreak = LatestFirst
		}
		run, at := rules.Read(rules.Key(Run{score, subscore}, time.UnixMicro(micros)))
		if run != (Run{score, subscore}) || at.UnixMicro() != micros {
			t.Errorf("(%d, %d) at %d came back as %v at %d", score, subscore, micros, run, at.UnixMicro())
		}
	})
}
