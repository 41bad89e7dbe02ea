package documents_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/limiter"
)

// spent is a limiter that adds up what is counted beyond the calls.
type spent struct {
	limiter.Limiter
	mu    sync.Mutex
	calls map[string]int // by the first words of the key
}

func (s *spent) Count(ctx context.Context, uses ...limiter.Use) ([]time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, use := range uses {
		s.calls[strings.Join(strings.SplitN(use.Key, "/", 3)[:2], "/")] += use.Times
	}
	return s.Limiter.Count(ctx, uses...)
}

func (s *spent) take() (caller, address int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	caller, address = s.calls["write/caller"], s.calls["write/address"]
	clear(s.calls)
	return caller, address
}

// TestWritesCountByWhatTheyHandle: each change of a batch is a call, and so are every 16 KiB of documents, as
// they were and as they become, of whoever writes; also where nothing came of it.
func TestWritesCountByWhatTheyHandle(t *testing.T) {
	w := composetest.New(t)
	s := &spent{Limiter: w.Ports.Limiter, calls: map[string]int{}}
	g := gameOn(t, w.Replica(func(p *compose.Ports) { p.Limiter = s }))
	large := func(kib int) storage.Draft {
		return storage.Draft{Value: []byte(`{"n":0,"pad":"` + strings.Repeat("x", kib<<10) + `"}`)}
	}
	increment := storage.Steps{{Path: "/n", By: 1}}
	many := func(n int, edit storage.Edit) []storage.Change {
		changes := make([]storage.Change, n)
		for i := range changes {
			changes[i] = storage.Change{Ref: own(g.ada, fmt.Sprintf("many-%d", i)), Edit: edit}
		}
		return changes
	}
	write := func(p tenancy.Principal, changes ...storage.Change) error {
		_, err := g.Documents.WriteAll(t.Context(), p, changes)
		return err
	}
	a := own(g.ada, "a")
	for _, c := range []struct {
		name            string
		by              tenancy.Principal
		changes         []storage.Change
		fails           error
		caller, address int
	}{
		{"a small one", g.ada, []storage.Change{{Ref: a, Edit: storage.Draft{Value: []byte(`{}`)}}}, nil, 0, 0},
		{"a large one", g.ada, []storage.Change{{Ref: a, Edit: large(200)}}, nil, 12, 12},
		{"a step of a large one", g.ada, []storage.Change{{Ref: a, Edit: increment}}, nil, 25, 25},
		{"refused, though it was read", g.ada, []storage.Change{{Ref: a, Edit: increment, Precondition: storage.Precondition{Versions: []int64{99}}}}, storage.ErrStale, 12, 12},
		{"a server's", g.server, []storage.Change{{Ref: a, Edit: increment}}, nil, 25, 0},
		{"a few", g.ada, many(10, storage.Draft{Value: []byte(`{"n":0}`)}), nil, 9, 9},
		{"many", g.ada, many(100, storage.Draft{Value: []byte(`{"n":0}`)}), nil, 99, 99},
	} {
		if err := write(c.by, c.changes...); !errors.Is(err, c.fails) {
			t.Errorf("%s: %v", c.name, err)
		}
		if caller, address := s.take(); caller != c.caller || address != c.address {
			t.Errorf("%s: the caller has spent %d calls more and the address %d, want %d and %d", c.name, caller, address, c.caller, c.address)
		}
	}
}

func TestABatchHandlesNoMoreThanItMay(t *testing.T) {
	w := composetest.New(t)
	g := gameOn(t, w.Replica(func(p *compose.Ports) { p.Limits.BatchBytes = 100 << 10 }))
	value := []byte(`{"n":0,"pad":"` + strings.Repeat("x", 20<<10) + `"}`)
	changes := func(n int, edit storage.Edit) []storage.Change {
		all := make([]storage.Change, n)
		for i := range all {
			all[i] = storage.Change{Ref: own(g.ada, fmt.Sprint(i%3)), Edit: edit}
		}
		return all
	}
	if _, err := g.Documents.WriteAll(t.Context(), g.ada, changes(3, storage.Draft{Value: value})); err != nil {
		t.Fatal(err)
	}
	// Three that are there, and what two steps leave of them, are 100 kB and a little.
	var refused *documents.Refused
	if _, err := g.Documents.WriteAll(t.Context(), g.ada, changes(20, storage.Steps{{Path: "/n", By: 1}})); !errors.Is(err, storage.ErrBatchTooLarge) || !errors.As(err, &refused) || refused.Change != 1 {
		t.Errorf("refused: %v", err)
	}
	if got, err := g.Documents.Get(t.Context(), g.ada, own(g.ada, "0")); err != nil || got.Version != 1 {
		t.Errorf("afterwards: version %d, %v", got.Version, err)
	}
	// One may be as large as it likes.
	if _, _, err := g.put(g.ada, own(g.ada, "0"), `{"pad":"`+strings.Repeat("x", 150<<10)+`"}`, storage.Precondition{}); err != nil {
		t.Errorf("alone: %v", err)
	}
}
