package ranking

import (
	"testing"
	"time"
)

func TestWhichSeasonTakesARun(t *testing.T) {
	end := start.Add(time.Hour)
	for _, c := range []struct {
		name                string
		season              Season
		before, at, overdue bool
	}{
		{"open without an end", Season{State: Open}, true, true, false},
		{"open with an end", Season{State: Open, PlannedEnd: end}, true, false, true},
		{"closing", Season{State: Closing, PlannedEnd: end.Add(time.Hour), EndedAt: end}, true, false, false},
		{"closed", Season{State: Closed, PlannedEnd: end, EndedAt: end}, false, false, false},
	} {
		if got := c.season.Takes(end.Add(-1)); got != c.before {
			t.Errorf("%s: takes one before the end: %t", c.name, got)
		}
		if got := c.season.Takes(end); got != c.at {
			t.Errorf("%s: takes one at the end: %t", c.name, got)
		}
		if c.season.Due(end.Add(-1)) || c.season.Due(end) != c.overdue {
			t.Errorf("%s: due %t and %t", c.name, c.season.Due(end.Add(-1)), c.season.Due(end))
		}
	}
}
