package recent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

var start = time.Unix(0, 0)

func TestAChangeOutrunsALoadInFlight(t *testing.T) {
	var r Values[string, int]
	stored := 1
	load := func(context.Context) (int, error) { return stored, nil }
	slow, _ := r.Get(t.Context(), "a", start, func(context.Context) (int, error) {
		old := stored
		stored = 2 // somebody changes it after it was read,
		r.Forget("a")
		return old, nil
	})
	if slow != 1 {
		t.Fatalf("the load gave %d", slow)
	}
	if got, _ := r.Get(t.Context(), "a", start, load); got != 2 {
		t.Errorf("after a change: %d, the value before it", got)
	}
}

func TestValuesAgeOut(t *testing.T) {
	var r Values[string, int]
	loads := 0
	load := func(context.Context) (int, error) { loads++; return loads, nil }
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {Fresh - 1, 1}, {Fresh, 2}, {Fresh + 1, 2}} {
		if got, _ := r.Get(t.Context(), "a", start.Add(step.after), load); got != step.want {
			t.Errorf("after %s: load %d, want %d", step.after, got, step.want)
		}
	}
}

// Many who ask at once share one load, and one who leaves takes it from nobody.
func TestOneLoadsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Values[string, int]
		loads, let := 0, make(chan struct{})
		load := func(ctx context.Context) (int, error) {
			loads++
			<-let
			return 7, ctx.Err()
		}
		first, leave := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { _, err := r.Get(first, "a", start, load); gone <- err }()
		synctest.Wait()
		got := make(chan int, 20)
		for range cap(got) {
			go func() {
				value, err := r.Get(t.Context(), "a", start, load)
				if err != nil {
					t.Error(err)
				}
				got <- value
			}()
		}
		synctest.Wait()
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		close(let)
		for range cap(got) {
			if value := <-got; value != 7 {
				t.Errorf("got %d", value)
			}
		}
		if loads != 1 {
			t.Errorf("%d loads", loads)
		}
	})
}

// What lasts is used while there is nobody to ask, and for no longer than Lasting; a refusal
// is no such thing.
func TestWhatLastsIsUsedWhileNobodyCanBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away, none := fault.ErrUnavailable.Because(errors.New("away")), fault.New(fault.NotFound, "test.none", "None.")
		tries := 0
		fails := func(err error) func(context.Context) (int, error) {
			return func(context.Context) (int, error) { tries++; return 0, err }
		}
		known := func() *Values[string, int] {
			r := &Values[string, int]{}
			if _, err := r.Get(t.Context(), "a", start, func(context.Context) (int, error) { return 1, nil }); err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := known()
		for _, after := range []time.Duration{Fresh, Fresh + 1, 2*Fresh - 1} {
			if got, err := r.GetLasting(t.Context(), "a", start.Add(after), fails(away)); err != nil || got != 1 {
				t.Errorf("after %s: %d, %v", after, got, err)
			}
		}
		if tries != 1 {
			t.Errorf("it was tried %d times in a moment", tries)
		}
		if got, err := r.GetLasting(t.Context(), "a", start.Add(Lasting-1), fails(away)); err != nil || got != 1 {
			t.Errorf("at the end: %d, %v", got, err)
		}
		if _, err := r.GetLasting(t.Context(), "a", start.Add(Lasting+Fresh), fails(away)); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("after its end: %v", err)
		}
		r = known()
		let := make(chan struct{})
		slow := func(context.Context) (int, error) { <-let; return 2, nil }
		if got, err := r.GetLasting(t.Context(), "a", start.Add(Fresh), slow); err != nil || got != 1 {
			t.Errorf("a slow load: %d, %v", got, err)
		}
		close(let)
		synctest.Wait()
		if got, err := r.GetLasting(t.Context(), "a", start.Add(Fresh), fails(away)); err != nil || got != 2 {
			t.Errorf("after a slow load: %d, %v", got, err)
		}
		r = known()
		if _, err := r.GetLasting(t.Context(), "a", start.Add(Fresh), fails(none)); !errors.Is(err, none) {
			t.Errorf("a refusal: %v", err)
		}
		r = known()
		if got, err := r.GetLasting(t.Context(), "a", start.Add(Fresh), fails(away)); err != nil || got != 1 {
			t.Errorf("again: %d, %v", got, err)
		}
		if _, err := r.Get(t.Context(), "a", start.Add(Fresh), fails(away)); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("who wants no such value: %v", err)
		}
		if _, err := r.GetLasting(t.Context(), "b", start, func(context.Context) (int, error) { panic("as it wants") }); !errors.Is(err, fault.ErrInternal) {
			t.Errorf("a panic: %v", err)
		}
	})
}

func TestWhatIsInUseIsRefreshed(t *testing.T) {
	var r Values[string, int]
	loads := 0
	get := func(key string, at time.Duration) int {
		t.Helper()
		value, err := r.Get(t.Context(), key, start.Add(at), func(context.Context) (int, error) { loads++; return 1, nil })
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	get("used", 0)
	get("idle", 0)
	get("gone", 0)
	var asked []string
	refresh := func(at time.Duration, change func()) {
		t.Helper()
		err := r.Refresh(t.Context(), start.Add(at), func(_ context.Context, keys []string) (map[string]int, error) {
			asked = append(asked, keys...)
			change()
			return map[string]int{"used": 2}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	refresh(Fresh/2, func() {})
	if len(asked) != 0 {
		t.Errorf("asked for %v, which nobody wants", asked)
	}
	get("used", Fresh/2)
	get("gone", Fresh/2)
	refresh(Fresh-1, func() {})
	if len(asked) != 2 || get("used", Fresh+1) != 2 || loads != 3 {
		t.Errorf("asked for %v, %d loads", asked, loads)
	}
	if get("gone", Fresh-1); loads != 4 {
		t.Error("what was not there any more is kept")
	}
	refresh(Fresh+2, func() { r.Forget("used") })
	if get("used", Fresh+3); loads != 5 {
		t.Error("a refresh outran a change")
	}
}

func TestWhatNobodyAsksForIsForgotten(t *testing.T) {
	var r Values[int, int]
	for i := range 20 * few {
		if _, err := r.Get(t.Context(), i, start.Add(time.Duration(i)*Lasting/few), func(context.Context) (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.known); n > 2*few {
		t.Errorf("%d values are kept", n)
	}
}
