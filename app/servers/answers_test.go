package servers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What is ready is given while all that may be made at once is being made, and what isn't is made
// once for all who wait, whoever of them leaves.
func TestWhatIsReadyWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, now := newAnswers(), time.Now()
		good := &Page{until: now.Add(Fresh)}
		get := func(ctx context.Context, name string, make func() *Page) error {
			page, err := a.get(ctx, name, now, make)
			if err == nil && page == nil {
				t.Errorf("%s: no page", name)
			}
			return err
		}
		at := func() *Page { return good }
		if err := get(t.Context(), "ready", at); err != nil {
			t.Fatal(err)
		}
		var made, making, most atomic.Int64
		let := make(chan struct{})
		slowly := func() *Page {
			most.Store(max(most.Load(), making.Add(1)))
			defer making.Add(-1)
			made.Add(1)
			<-let
			return &Page{until: now.Add(Fresh)}
		}
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		names := cap(a.desks) + 3
		for i := range names {
			all.Go(func() {
				if err := get(first, fmt.Sprint(i), slowly); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for i := range names {
			for range 5 {
				all.Go(func() {
					if err := get(t.Context(), fmt.Sprint(i), slowly); err != nil {
						t.Error(err)
					}
				})
			}
		}
		synctest.Wait()
		if err := get(t.Context(), "ready", at); err != nil {
			t.Error(err)
		}
		leave() // those who wait for their turn, with others behind them
		synctest.Wait()
		close(let)
		all.Wait()
		if n := made.Load(); n != int64(names) {
			t.Errorf("%d pages were made %d times", names, n)
		}
		if n := most.Load(); n != int64(cap(a.desks)) {
			t.Errorf("%d were made at once, and %d may", n, cap(a.desks))
		}
	})
}

// What is asked for again and again stays, however much is asked for once.
func TestPagesAreKeptByTheirUse(t *testing.T) {
	a, now := newAnswers(), time.Now()
	made := map[string]int{}
	get := func(name string) {
		if _, err := a.get(t.Context(), name, now, func() *Page { made[name]++; return &Page{until: now.Add(Fresh)} }); err != nil {
			t.Fatal(err)
		}
	}
	get("once")
	for i := range 2 * answerBytes / (&Page{}).bytes() {
		get(fmt.Sprint(i))
		get("popular")
	}
	get("once")
	if made["popular"] != 1 || made["once"] != 2 {
		t.Errorf("made %d times what all ask for, %d times what one did", made["popular"], made["once"])
	}
	a.kept.Put("dying", &Page{until: now}, 1)
	get("dying")
	if made["dying"] != 1 {
		t.Error("a page shows a server that is dead")
	}
}
