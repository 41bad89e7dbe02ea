package documents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// here is where the game is.
var here = operators.Place{Project: "game", Environment: "development"}

// game is a world with two players, a server and an operator in one environment,
// and a server in another.
type game struct {
	*composetest.World
	project                            tenancy.Project
	ada, bob, server, operator, abroad tenancy.Principal
}

func newGame(t testing.TB) game { return gameOn(t, composetest.New(t)) }

func gameOn(t testing.TB, w *composetest.World) game {
	g := game{World: w, project: w.Project(t, "game")}
	client := w.Caller(t, here, tenancy.PublishableKey)
	g.ada, g.bob = w.Enter(t, w.Guest(t, client).AccessToken), w.Enter(t, w.Guest(t, client).AccessToken)
	g.server, g.operator = w.Caller(t, here, tenancy.ServerToken), w.Caller(t, here, tenancy.SecretKey)
	g.abroad = w.Caller(t, operators.Place{Project: "game", Environment: "staging"}, tenancy.ServerToken)
	return g
}

func own(p tenancy.Principal, key string) storage.Ref {
	return storage.Ref{Owner: storage.Owner(p.Subject()), Collection: "saves", Key: key}
}

func (g game) put(p tenancy.Principal, ref storage.Ref, value string, pre storage.Precondition) (storage.Document, bool, error) {
	return g.Documents.Put(context.Background(), p, ref, storage.Draft{Value: []byte(value)}, pre)
}

func TestADocumentsLife(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	if _, err := g.Documents.Get(t.Context(), g.ada, ref); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	first, created, err := g.put(g.ada, ref, `{"z":1,"a":9007199254740993}`, storage.Precondition{Absent: true})
	if err != nil || !created || first.Version != 1 || !first.CreatedAt.Equal(composetest.Epoch) {
		t.Fatalf("made: %+v, %t, %v", first, created, err)
	}
	g.Clock.Advance(time.Minute)
	second, created, err := g.put(g.server, ref, `{"b":2}`, storage.Precondition{Versions: []int64{1}})
	if err != nil || created || second.Version != 2 || !second.CreatedAt.Equal(composetest.Epoch) || !second.UpdatedAt.Equal(composetest.Epoch.Add(time.Minute)) {
		t.Fatalf("changed: %+v, %t, %v", second, created, err)
	}
	_, _, err = g.put(g.ada, ref, `{}`, storage.Precondition{Versions: []int64{1}})
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != storage.ErrStale.Code {
		t.Fatalf("stale: %v", err)
	}
	if current, ok := f.Current.(storage.Document); !ok || current.Version != 2 || string(current.Value) != `{"b":2}` {
		t.Errorf("stale carries %+v", f.Current)
	}
	if got, err := g.Documents.Get(t.Context(), g.ada, ref); err != nil || got.Version != 2 || string(got.Value) != `{"b":2}` {
		t.Errorf("read: %+v, %v", got, err)
	}
	if err := g.Documents.Delete(t.Context(), g.ada, ref, storage.Precondition{Versions: []int64{1}}); !errors.Is(err, storage.ErrStale) {
		t.Errorf("deleting an old version: %v", err)
	}
	if err := g.Documents.Delete(t.Context(), g.ada, ref, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Documents.Get(t.Context(), g.server, ref); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("read after deletion: %v", err)
	}
	if err := g.Documents.Delete(t.Context(), g.ada, ref, storage.Precondition{}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	again, created, err := g.put(g.ada, ref, `{}`, storage.Precondition{Absent: true})
	if err != nil || !created || again.Version != 4 || !again.CreatedAt.Equal(composetest.Epoch.Add(time.Minute)) {
		t.Errorf("made again: %+v, %t, %v", again, created, err)
	}
}

func TestValuesAreKeptAsTheyAre(t *testing.T) {
	g := newGame(t)
	const value = `{"z":1,"a":9007199254740993,"e":1e400,"text":"é\u0000😀"}`
	if _, _, err := g.put(g.ada, own(g.ada, "exact"), value, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	if got, err := g.Documents.Get(t.Context(), g.ada, own(g.ada, "exact")); err != nil || string(got.Value) != value {
		t.Errorf("%s, %v", got.Value, err)
	}
	if _, _, err := g.put(g.ada, own(g.ada, "large"), `{"a":"`+strings.Repeat("a", 256<<10)+`"}`, storage.Precondition{}); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestTheEnvironmentsClockDatesDocuments(t *testing.T) {
	g := newGame(t)
	_, err := g.Operators.EditEnvironment(t.Context(), composetest.Operator(), "game", "development", operators.Edit{
		Settings: func(s *tenancy.Settings) { s.ClockOffset = 48 * time.Hour },
	})
	if err != nil {
		t.Fatal(err)
	}
	if d, _, err := g.put(g.ada, own(g.ada, "slot1"), `{}`, storage.Precondition{}); err != nil || !d.UpdatedAt.Equal(composetest.Epoch.Add(48*time.Hour)) {
		t.Errorf("dated %s, %v", d.UpdatedAt, err)
	}
}

func TestNothingCrossesOwnersOrEnvironments(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	if _, _, err := g.put(g.ada, ref, `{}`, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]tenancy.Principal{"another player": g.bob, "another environment's server": g.abroad} {
		if _, err := g.Documents.Get(t.Context(), p, ref); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s reads: %v", name, err)
		}
		all, err := g.Documents.List(t.Context(), p, storage.Query{Owner: ref.Owner, Limit: 10})
		if err != nil || len(all) != 0 {
			t.Errorf("%s lists %+v, %v", name, all, err)
		}
	}
	if _, _, err := g.put(g.bob, ref, `{}`, storage.Precondition{}); !errors.Is(err, storage.ErrWriteDenied) {
		t.Errorf("another player writes: %v", err)
	}
	// To the other environment this player does not exist.
	if _, _, err := g.put(g.abroad, ref, `{}`, storage.Precondition{}); !errors.Is(err, identity.ErrPlayerNotFound) {
		t.Errorf("another environment's server writes: %v", err)
	}
	if err := g.Documents.Delete(t.Context(), g.abroad, ref, storage.Precondition{}); !errors.Is(err, identity.ErrPlayerNotFound) {
		t.Errorf("another environment's server deletes: %v", err)
	}
	if _, err := g.Documents.Get(t.Context(), g.ada, ref); err != nil {
		t.Error(err)
	}
}

func TestListsShowWhatTheCallerMayRead(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "")
	for key, read := range map[string]storage.Access{"a1": storage.OwnerOnly, "a2": storage.Public, "b1": storage.ServerOnly, "b2": storage.Public} {
		ref.Key = key
		if _, _, err := g.Documents.Put(t.Context(), g.server, ref, storage.Draft{Value: []byte(`{}`), Read: read}, storage.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	ref.Key = "b2"
	if err := g.Documents.Delete(t.Context(), g.server, ref, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	keys := func(p tenancy.Principal, prefix, after string) string {
		query := storage.Query{Owner: ref.Owner, Collection: "saves", Prefix: prefix, Limit: 10}
		if after != "" {
			query.After.Collection, query.After.Key = "saves", after
		}
		all, err := g.Documents.List(t.Context(), p, query)
		if err != nil {
			t.Error(err)
		}
		var list []string
		for _, d := range all {
			list = append(list, d.Key)
			if d.Value != nil {
				t.Errorf("%s came with its value", d.Key)
			}
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct {
		name                string
		p                   tenancy.Principal
		prefix, after, want string
	}{
		{"server", g.server, "", "", "a1 a2 b1"},
		{"operator", g.operator, "", "a1", "a2 b1"},
		{"owner", g.ada, "", "", "a1 a2"},
		{"another", g.bob, "", "", "a2"},
		{"by prefix", g.server, "b", "", "b1"},
	} {
		if got := keys(c.p, c.prefix, c.after); got != c.want {
			t.Errorf("%s lists %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOnlyOperatorsAreAudited(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	for _, p := range []tenancy.Principal{g.ada, g.server, g.operator} {
		if _, _, err := g.put(p, ref, `{"secret":1}`, storage.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Documents.Delete(t.Context(), g.operator, ref, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	// A refused write leaves no event.
	if _, _, err := g.put(g.operator, ref, `{}`, storage.Precondition{Exists: true}); !errors.Is(err, storage.ErrStale) {
		t.Fatal(err)
	}
	written, deleted := g.Audit(t, g.project, audit.DocumentWritten), g.Audit(t, g.project, audit.DocumentDeleted)
	if len(written) != 1 || len(deleted) != 1 {
		t.Fatalf("%d writes and %d deletions audited", len(written), len(deleted))
	}
	if e := written[0]; e.Before["version"] != "2" || e.After["version"] != "3" || e.Target.ID != g.ada.Subject()+"/saves/slot1" || e.Actor.ID != g.operator.Subject() || strings.Contains(fmt.Sprint(e), "secret\"") {
		t.Errorf("audited %+v", e)
	}
}

func TestNoUpdateIsLost(t *testing.T) {
	g := newGame(t)
	const writers = 100
	ref := own(g.ada, "counter")
	if _, _, err := g.put(g.ada, ref, `{"n":0}`, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	type counter struct {
		N int `json:"n"`
	}
	increment := func() error {
		document, err := g.Documents.Get(context.Background(), g.ada, ref)
		for err == nil {
			var c counter
			if err := json.Unmarshal(document.Value, &c); err != nil {
				return err
			}
			_, _, err = g.put(g.ada, ref, fmt.Sprintf(`{"n":%d}`, c.N+1), storage.Precondition{Versions: []int64{document.Version}})
			var f *fault.Fault
			if !errors.As(err, &f) || f.Code != storage.ErrStale.Code {
				return err
			}
			// Merge into what the refusal carries, as a client would.
			document, err = f.Current.(storage.Document), nil
		}
		return err
	}
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			if err := increment(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	final, err := g.Documents.Get(t.Context(), g.ada, ref)
	if err != nil || string(final.Value) != fmt.Sprintf(`{"n":%d}`, writers) || final.Version != writers+1 {
		t.Errorf("%s, version %d, %v", final.Value, final.Version, err)
	}
}

func TestOneOfManyMakesADocument(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "first")
	var mu sync.Mutex
	made, refused := 0, 0
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			_, created, err := g.put(g.ada, ref, fmt.Sprintf(`{"by":%d}`, i), storage.Precondition{Absent: true})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && created:
				made++
			case errors.Is(err, storage.ErrStale):
				refused++
			default:
				t.Error(created, err)
			}
		})
	}
	wait.Wait()
	if made != 1 || refused != 31 {
		t.Errorf("%d made it, %d were refused", made, refused)
	}
}
