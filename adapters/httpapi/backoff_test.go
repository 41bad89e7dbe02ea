package httpapi

import (
	"testing"
	"time"
)

// Of many who are refused at once, no more are asked to come back in one second than in another, but
// for those who would have to wait for too long.
func TestWhoIsRefusedComesBackInTurn(t *testing.T) {
	b := backoff{every: time.Second / 100}
	now := time.Unix(1_800_000_000, 0)
	asked := map[time.Duration]int{}
	for range 1000 {
		asked[b.after(now)]++
	}
	for wait := respite; wait < longestRespite; wait += time.Second {
		if asked[wait] != 100 {
			t.Errorf("%d are asked to wait %s", asked[wait], wait)
		}
	}
	if asked[longestRespite] != 300 {
		t.Errorf("%d are asked to wait for the longest, of %v", asked[longestRespite], asked)
	}
	if wait := b.after(now.Add(3 * time.Second)); wait != 5*time.Second {
		t.Errorf("three seconds later: %s", wait)
	}
	if wait := b.after(now.Add(time.Minute)); wait != respite {
		t.Errorf("a minute later: %s", wait)
	}
}
