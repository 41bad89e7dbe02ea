package ranking

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

func TestSharesAreRoundedUp(t *testing.T) {
	for _, c := range []struct{ points, count, want int64 }{
		{1000, 5, 1}, {1000, 10, 1}, {1000, 11, 2}, {1, 1, 1}, {1, 10_000, 1}, {1, 10_001, 2}, {10_000, 7, 7}, {5000, 3, 2}, {9999, 3, 3}, {100, 0, 0},
		{10_000, math.MaxInt64, math.MaxInt64}, {3333, 1_000_000, 333_300}, {3333, 1_000_001, 333_301},
	} {
		if got := (Prize{TopBasisPoints: c.points}).last(c.count); got != c.want {
			t.Errorf("%d of %d: %d, want %d", c.points, c.count, got, c.want)
		}
	}
}

func TestPrizesAreChecked(t *testing.T) {
	good := []Prize{
		{FromRank: 1, ToRank: 1, Payload: `{}`}, {FromRank: 1, ToRank: 3, Payload: `{}`}, {TopBasisPoints: 100, Payload: `{}`}, {TopBasisPoints: 1000, Payload: `{}`},
		{FromRank: 3, ToRank: 9, Payload: `{}`},
	}
	if _, _, err := NewBoard("laps", Definition{Prizes: good}, start, start); err != nil {
		t.Error(err)
	}
	bad := []Prize{
		{FromRank: 1, ToRank: 5, Payload: `{}`},
		{Payload: `{}`}, {FromRank: 1, ToRank: 3, TopBasisPoints: 3, Payload: `{}`}, {FromRank: 9, ToRank: 8, Payload: `{}`}, {FromRank: 0, ToRank: 8, Payload: `{}`},
		{TopBasisPoints: 10_001, Payload: `{}`}, {TopBasisPoints: 9, Payload: `[]`}, {TopBasisPoints: 9_000, Payload: fmt.Sprintf(`{"a":"%4096d"}`, 1)},
		{FromRank: 2, ToRank: 5, Payload: `{}`}, {TopBasisPoints: 10, Payload: `{}`}, {TopBasisPoints: -1, Payload: `{}`},
	}
	_, _, err := NewBoard("laps", Definition{Prizes: bad}, start, start)
	var f *fault.Fault
	if !errors.As(err, &f) {
		t.Fatal(err)
	}
	var got []string
	for _, field := range f.Fields {
		got = append(got, field.Pointer+" "+field.Code)
	}
	want := []string{
		"/rewards/1 malformed", "/rewards/2 malformed", "/rewards/3/to_rank out_of_range", "/rewards/4/to_rank out_of_range", "/rewards/5/top_basis_points out_of_range",
		"/rewards/6/payload not_an_object", "/rewards/6 unreachable", "/rewards/7/payload too_large", "/rewards/7 unreachable", "/rewards/8 unreachable", "/rewards/9 unreachable",
		"/rewards/10/top_basis_points out_of_range",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, _, err := NewBoard("laps", Definition{Prizes: make([]Prize, MaxPrizes+1)}, start, start); !errors.As(err, &f) || len(f.Fields) != 1 {
		t.Errorf("too many: %v", err)
	}
}

// However the frozen standings are cut into pages, everyone gets the first prize that his rank wins.
func TestRewardsDontDependOnPages(t *testing.T) {
	prizes := []Prize{{FromRank: 1, ToRank: 1, Payload: "gold"}, {FromRank: 2, ToRank: 3, Payload: "silver"}, {TopBasisPoints: 5000, Payload: "half"}, {FromRank: 9, ToRank: 9, Payload: "ninth"}}
	scores := []int64{90, 80, 80, 80, 70, 60, 60, 50, 40, 40, 30}
	var entries []Entry
	for i, score := range scores {
		entries = append(entries, Entry{Player: identity.PlayerID(fmt.Sprintf("%02d", i)), Run: Run{Score: score}, AchievedAt: start.Add(time.Duration(i))})
	}
	for tie, want := range map[TieBreak]string{
		EarliestFirst: "1 gold 2 silver 3 silver 4 half 5 half 6 half 9 ninth ",
		Shared:        "1 gold 2 silver 2 silver 2 silver 5 half 6 half 6 half 9 ninth 9 ninth ",
	} {
		for size := 1; size <= len(entries)+1; size++ {
			award, _ := NewAward(Board{ID: "laps", Definition: Definition{Prizes: prizes}}, 3)
			award.Count = int64(len(entries))
			got, places := "", int64(0)
			for rest := entries; !award.Finished; {
				page := rest[:min(size, len(rest))]
				var rewards []Reward
				rewards, award = award.Give(Rules{Sort: Descending, TieBreak: tie}, page, start)
				for _, r := range rewards {
					got += fmt.Sprintf("%d %s ", r.Rank, r.Payload)
					if string(r.Player) != fmt.Sprintf("%02d", r.Place-1) || r.Place <= places {
						t.Errorf("place %d is %s's", r.Place, r.Player)
					}
					places = r.Place
				}
				rest = rest[len(page):]
			}
			if got != want {
				t.Errorf("%s, %d at once: %s, want %s", tie, size, got, want)
			}
		}
	}
}
