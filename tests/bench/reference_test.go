package main

import (
	"fmt"
	"testing"

	"github.com/overworldhq/overworld/tests/entrants"
)

func TestTheReferenceKnowsWrongRanks(t *testing.T) {
	r := newReference(entrants.Season{Size: 20_000})
	i := r.still[7]
	rank, score := int64(20_000-r.season.Place(i)), r.season.Score(i)
	for body, want := range map[string]finding{
		fmt.Sprintf(`{"rank":%d,"score":%d}`, rank, score):   right,
		fmt.Sprintf(`{"rank":%d,"score":%d}`, rank+1, score): bad,
		fmt.Sprintf(`{"rank":%d,"score":%d}`, rank, score+1): bad,
		`{"items":[]}`: bad,
		fmt.Sprintf(`{"count":20000,"items":[{"rank":%d,"score":%d},{"rank":%d,"score":%d}]}`, rank, score, rank+1, score-10): right,
		fmt.Sprintf(`{"count":19999,"items":[{"rank":%d,"score":%d}]}`, rank, score):                                          bad,
		fmt.Sprintf(`{"items":[{"rank":%d,"score":%d},{"rank":%d,"score":%d}]}`, rank, score, rank+2, score-20):               bad,
	} {
		if got := r.check("standings", 200, []byte(body), r.holds); got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
	if r.check("standings", 503, nil, r.holds) != refused || r.check("standings", 404, nil, r.holds) != bad {
		t.Error("statuses")
	}
	if r.right.Load() != 2 || r.wrong.Load() != 5 || r.faults.count.Load() != 6 {
		t.Errorf("counted %d right, %d wrong, %d faults", r.right.Load(), r.wrong.Load(), r.faults.count.Load())
	}
}
