package recent

import (
	"testing"
	"time"
)

func TestAChangeOutrunsALoadInFlight(t *testing.T) {
	var r Values[string, int]
	now := time.Unix(0, 0)
	stored := 1
	load := func() (int, error) { return stored, nil }
	slow, _ := r.Get("a", now, func() (int, error) {
		old := stored
		stored = 2 // somebody changes it after it was read,
		r.Forget("a")
		return old, nil
	})
	if slow != 1 {
		t.Fatalf("the load gave %d", slow)
	}
	if got, _ := r.Get("a", now, load); got != 2 {
		t.Errorf("after a change: %d, the value before it", got)
	}
}

func TestValuesAgeOut(t *testing.T) {
	var r Values[string, int]
	now := time.Unix(0, 0)
	loads := 0
	load := func() (int, error) { loads++; return loads, nil }
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {Fresh - 1, 1}, {Fresh, 2}, {Fresh + 1, 2}} {
		if got, _ := r.Get("a", now.Add(step.after), load); got != step.want {
			t.Errorf("after %s: load %d, want %d", step.after, got, step.want)
		}
	}
}
