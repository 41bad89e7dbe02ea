package removal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/removal"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

var (
	here     = operators.Place{Project: "game", Environment: "development"}
	there    = operators.Place{Project: "game", Environment: "staging"}
	everyone = storage.Query{Reads: []storage.Access{storage.Public}, Limit: 10_000}
)

// players of each environment, with a session and a document each, are more than two batches.
const players = 2*removal.Batch + 50

// world is one with two environments that have the same.
type world struct {
	*composetest.World
	t    *testing.T
	gone tenancy.Environment
	kept tenancy.Environment
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	w := &world{World: composetest.New(t), t: t}
	if address != "" {
		w.World = composetest.At(t, address)
	}
	w.Project(t, "game")
	w.gone, w.kept = w.fill(here), w.fill(there)
	return w
}

func (w *world) fill(place operators.Place) tenancy.Environment {
	w.t.Helper()
	e, err := w.Operators.Environment(w.t.Context(), composetest.Operator(), place.Project, place.Environment)
	w.must(err)
	scope, now := e.Scope(), w.Clock.Now()
	for first := 0; first < players; first += 50 {
		w.must(w.Ports.Store.InTx(w.t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			var writes []storage.Write
			for n := range 50 {
				player := identity.NewPlayer(identity.PlayerID(w.Ports.IDs.New()), now)
				login := identity.Login{Method: identity.Guest, Player: player.ID, CreatedAt: now}
				copy(login.Subject[:], player.ID)
				if err := tx.Players().Create(ctx, scope, identity.Newcomer{Player: player, Login: login}); err != nil {
					return err
				}
				writes = append(writes, w.written(fmt.Sprintf("k%d", first+n)))
			}
			return tx.Documents().WriteMany(ctx, scope, writes)
		}))
	}
	return e
}

func (w *world) written(key string) storage.Write {
	now := w.Clock.Now()
	return storage.Write{Document: storage.Document{Ref: storage.Ref{Collection: "c", Key: key}, Value: []byte("{}"), Version: 1, Read: storage.Public, Write: storage.ServerOnly, CreatedAt: now, UpdatedAt: now}}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// documents counts what is left of an environment's.
func (w *world) documents(e tenancy.Environment) int {
	w.t.Helper()
	page, err := w.Ports.Store.Documents().List(w.t.Context(), e.Scope(), everyone)
	w.must(err)
	return len(page)
}

// watched is a transaction that tells how much it purges.
type watched struct {
	datastore.Repos
	deleted *int
}

func (w watched) Environments() tenancy.Environments {
	return watchedPurge{w.Repos.Environments(), w.deleted}
}

type watchedPurge struct {
	tenancy.Environments
	deleted *int
}

func (w watchedPurge) Purge(ctx context.Context, id tenancy.EnvironmentID, step, limit int) (next, deleted int, err error) {
	next, deleted, err = w.Environments.Purge(ctx, id, step, limit)
	*w.deleted += deleted
	return next, deleted, err
}

var errDied = errors.New("the worker died")

func TestADeletedEnvironmentGoesInBatchesWhereverItsWorkerDies(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, address(t))
			w.must(w.Operators.DeleteEnvironment(t.Context(), composetest.Operator(), here.Project, here.Environment, operators.Confirmation{Slug: here.Environment}))
			if left := w.documents(w.gone); left != players {
				t.Fatalf("the request itself deleted %d documents", players-left)
			}
			again, err := w.Operators.CreateEnvironment(t.Context(), composetest.Operator(), here.Project, tenancy.EnvironmentSpec{Slug: here.Environment})
			w.must(err)

			rows, transactions, deaths, between := 0, 0, 0, 0
			for finished := false; !finished; deaths++ {
				lives := 2 + deaths
				err := w.Remover.Run(t.Context(), func(ctx context.Context, fn func(context.Context, datastore.Repos) error) error {
					if lives--; lives == 0 {
						return errDied
					}
					deleted := 0
					err := w.Ports.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
						deleted = 0
						return fn(ctx, watched{tx, &deleted})
					})
					if deleted > removal.Batch {
						t.Errorf("a transaction deleted %d rows, want %d at most", deleted, removal.Batch)
					}
					rows += deleted
					transactions++
					// Nobody waits longer than for one of them: somebody else writes after each.
					w.must(w.Ports.Store.Documents().WriteMany(ctx, w.kept.Scope(), []storage.Write{w.written(fmt.Sprintf("between%d", between))}))
					between++
					return err
				})
				if err != nil && !errors.Is(err, errDied) {
					t.Fatal(err)
				}
				finished = err == nil
			}
			if left, err := w.Ports.Store.Environments().Deleted(t.Context(), "", 10); err != nil || len(left) != 0 {
				t.Errorf("left are %+v, %v", left, err)
			}
			if least := 3 * players; rows < least || deaths < 3 {
				t.Errorf("%d rows went in %d transactions with %d deaths, want %d rows at least", rows, transactions, deaths-1, least)
			}
			if left := w.documents(w.gone); left != 0 {
				t.Errorf("%d documents are left", left)
			}
			if left := w.documents(w.kept); left != players+between {
				t.Errorf("the neighbour has %d documents, want %d", left, players+between)
			}
			if e, err := w.Operators.Environment(t.Context(), composetest.Operator(), here.Project, here.Environment); err != nil || e.ID != again.ID {
				t.Errorf("the new one of the same name: %+v, %v", e, err)
			}
			t.Logf("%d rows in %d transactions, %d deaths", rows, transactions, deaths-1)
		})
	}
}

func TestADeletedProjectGoesOnceItsEnvironmentsHave(t *testing.T) {
	w := newWorld(t, "")
	other := w.Project(t, "other")
	key, token := w.Issue(t, operators.Place{Project: "game"}, tenancy.CredentialSpec{Kind: tenancy.SecretKey, Scopes: []tenancy.Permission{tenancy.Everything}})
	w.Enter(t, token)
	w.must(w.Operators.DeleteProject(t.Context(), composetest.Operator(), "game", operators.Confirmation{Slug: "game", Production: true}))
	if _, err := w.Authenticate(token); !errors.Is(err, tenancy.ErrCredential) {
		t.Errorf("a key of it: %v", err)
	}
	if left := w.documents(w.gone); left != players {
		t.Fatalf("the request itself deleted %d documents", players-left)
	}
	w.Project(t, "game") // again

	going := func() int {
		t.Helper()
		all, err := w.Ports.Store.Projects().Deleted(t.Context(), "", 10)
		w.must(err)
		return len(all)
	}
	lives := 5
	err := w.Remover.Run(t.Context(), func(ctx context.Context, fn func(context.Context, datastore.Repos) error) error {
		if lives--; lives < 0 {
			return errDied
		}
		return w.Ports.Store.InTx(ctx, fn)
	})
	if !errors.Is(err, errDied) || going() != 1 {
		t.Errorf("%v, with %d projects to go, want one whose environments are not gone", err, going())
	}
	w.must(w.Remover.Run(t.Context(), w.Ports.Store.InTx))
	if n := going(); n != 0 {
		t.Errorf("%d projects are left", n)
	}
	for _, e := range []tenancy.Environment{w.gone, w.kept} {
		if left := w.documents(e); left != 0 {
			t.Errorf("%d documents of %s are left", left, e.Slug)
		}
	}
	if _, err := w.Ports.Store.Credentials().Get(t.Context(), tenancy.CredentialOwner{Project: key.Project}, key.ID); !errors.Is(err, tenancy.ErrCredentialNotFound) {
		t.Errorf("its key: %v", err)
	}
	if left, err := w.Ports.Store.Projects().List(t.Context(), "", 10); err != nil || len(left) != 2 || left[1].ID != other.ID {
		t.Errorf("the other projects: %+v, %v", left, err)
	}
}
