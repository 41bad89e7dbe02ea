package documents_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/tests/servers"
)

func (g game) begin(key string) (attempt *once.Attempt, answer []byte, err error) {
	return g.Ledger.Begin(context.Background(), g.server, key, sha256.Sum256([]byte(key)))
}

// count adds one under a key, whose answer is the version that it made.
func (g game) count(ref storage.Ref, key string) (answer string, err error) {
	attempt, before, err := g.begin(key)
	if err != nil || before != nil {
		return string(before), err
	}
	return g.goOn(ref, attempt)
}

func (g game) goOn(ref storage.Ref, attempt *once.Attempt) (answer string, err error) {
	defer attempt.End()
	change := storage.Change{Ref: ref, Edit: storage.Steps{{Path: "/n", By: 1}}}
	done, err := g.Documents.Write(context.Background(), g.server, change, func(ctx context.Context, tx datastore.Repos, done storage.Outcome) error {
		return attempt.Keep(ctx, tx, fmt.Append(nil, done.Document.Version))
	})
	if errors.Is(err, idempotency.ErrTaken) {
		before, err := attempt.Answer(context.Background())
		return string(before), err
	}
	return fmt.Sprint(done.Document.Version), err
}

func TestKeyedWritersShareCommits(t *testing.T) {
	g, h := newGame(t).held()
	const writers = 100
	ref := own(g.ada, "counter")
	answers := make([]string, writers)
	count := func(i int) func() {
		return func() {
			var err error
			if answers[i], err = g.count(ref, fmt.Sprint("key", i)); err != nil {
				t.Error(err)
			}
		}
	}
	var rest []func()
	for i := 1; i < writers; i++ {
		rest = append(rest, count(i))
	}
	behind(h, count(0), rest...)
	if n := h.commits.Load(); n > writers/2 {
		t.Errorf("%d commits for %d writers that were there together", n, writers)
	}
	versions := map[string]bool{}
	for i, answer := range answers {
		versions[answer] = true
		if again, err := g.count(ref, fmt.Sprint("key", i)); err != nil || again != answer {
			t.Errorf("key %d answers %s, and again %s, %v", i, answer, again, err)
		}
	}
	if d, err := g.Documents.Get(t.Context(), g.server, ref); err != nil || d.Version != writers || len(versions) != writers {
		t.Errorf("version %d, %d answers, %v", d.Version, len(versions), err)
	}
}

// A key that another process used meanwhile, and an effect that fails by
// itself, undo their own change and nobody else's.
func TestAnEffectThatFailsLeavesItsNeighboursAlone(t *testing.T) {
	g, h := newGame(t).held()
	ref := own(g.ada, "counter")
	refused := fault.New(fault.Conflict, "test.refused", "No.")
	broken := errors.New("broken")
	var failures, counted atomic.Int64
	var rest []func()
	for i := range 20 {
		rest = append(rest, func() {
			if _, err := g.count(ref, fmt.Sprint("key", i)); err != nil {
				t.Error(err)
			}
			counted.Add(1)
		})
		for _, failure := range []error{refused, broken} {
			if i%5 != 0 {
				continue
			}
			rest = append(rest, func() {
				change := storage.Change{Ref: ref, Edit: storage.Steps{{Path: "/n", By: 1000}}}
				_, err := g.Documents.Write(context.Background(), g.server, change, func(context.Context, datastore.Repos, storage.Outcome) error { return failure })
				if !errors.Is(err, failure) {
					t.Errorf("%v, want %v", err, failure)
				}
				failures.Add(1)
			})
		}
	}
	other := g
	other.World = g.Replica(func(p *compose.Ports) { p.Store = h.Datastore })
	for i := range 3 {
		mine, _, err := g.begin(fmt.Sprint("used", i))
		if err != nil {
			t.Fatal(err)
		}
		theirs, _, err := other.begin(fmt.Sprint("used", i))
		if err != nil {
			t.Fatal(err)
		}
		err = h.Datastore.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error { return theirs.Keep(ctx, tx, []byte("elsewhere")) })
		if err != nil {
			t.Fatal(err)
		}
		rest = append(rest, func() {
			if answer, err := g.goOn(ref, mine); err != nil || answer != "elsewhere" {
				t.Errorf("%q, %v", answer, err)
			}
		})
	}
	behind(h, func() {
		if _, _, err := g.put(g.server, own(g.ada, "first"), `{}`, storage.Precondition{}); err != nil {
			t.Error(err)
		}
	}, rest...)
	d, err := g.Documents.Get(t.Context(), g.server, ref)
	if err != nil || d.Version != counted.Load() || string(d.Value) != fmt.Sprintf(`{"n":%d}`, counted.Load()) || failures.Load() != 8 {
		t.Errorf("version %d %s after %d, %d failures, %v", d.Version, d.Value, counted.Load(), failures.Load(), err)
	}
}

// Many callers on two replicas ask for the same things at once; each is done once.
func TestOneEffectOfOneKeyAcrossReplicas(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) game{
		"sqlite":   func(t *testing.T) game { return newGame(t) },
		"postgres": func(t *testing.T) game { return gameOn(t, composetest.At(t, servers.Postgres(t))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := open(t)
			replicas := []game{g, g}
			replicas[1].World = g.Replica(nil)
			const keys, documents = 30, 3
			answers := make([]sync.Map, keys)
			var all sync.WaitGroup
			for i := range 2 * 8 {
				all.Go(func() {
					for n := range keys {
						key := (n*(1+i) + i) % keys
						answer, err := replicas[i%2].count(own(g.ada, fmt.Sprint(key%documents)), fmt.Sprint(key))
						switch {
						case errors.Is(err, once.ErrRunning): // another of its process has it in hand
						case err != nil:
							t.Error(err)
						default:
							answers[key].Store(answer, true)
						}
					}
				})
			}
			all.Wait()
			for key := range answers {
				var given []any
				answers[key].Range(func(answer, _ any) bool { given = append(given, answer); return true })
				if len(given) > 1 {
					t.Errorf("key %d was answered %v", key, given)
				}
			}
			for n := range documents {
				if d, err := g.Documents.Get(t.Context(), g.server, own(g.ada, fmt.Sprint(n))); err != nil || d.Version != keys/documents {
					t.Errorf("document %d: version %d, %v", n, d.Version, err)
				}
			}
		})
	}
}
