package datastoretest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

type repos = datastore.Repos

// inTx runs fn in a transaction that must commit.
func (w *world) inTx(t *testing.T, fn func(tx repos) error) {
	t.Helper()
	must(t, w.InTx(w.ctx, func(_ context.Context, tx repos) error { return fn(tx) }))
}

// everyWrite writes through each repository of tx.
func everyWrite(ctx context.Context, tx repos, w *world, b belongings) error {
	p := project("in-tx")
	return errors.Join(
		tx.Projects().Create(ctx, p),
		tx.Environments().Create(ctx, environment(p, "in-tx")),
		tx.Players().Create(ctx, b.scope, identity.Newcomer{Player: b.player, Login: b.login}),
		tx.Sessions().Create(ctx, b.scope, b.session),
		tx.SigningKeys().Save(ctx, b.scope, []identity.SealedKey{b.key}),
		writeOne(ctx, tx, b.scope, b.document),
		tx.Credentials().Create(ctx, b.credential),
		tx.Runs().Record(ctx, "in-tx", "a", start, start, ""),
		tx.Idempotency().Save(ctx, record("in-tx", "in-tx"), start),
		second(tx.Environments().List(ctx, p.ID, "", 1)),
		func() error {
			_, held, err := tx.Leases().Acquire(ctx, "in-tx", "a", start, 1)
			if err == nil && !held {
				err = errors.New("lease not held")
			}
			return err
		}(),
	)
}

func unsaved(w *world) belongings {
	b := belongings{scope: w.here(), player: player(), key: signingKeys(1)[0], credential: credential(w.home), event: event(w.home, audit.EnvironmentUpdated, start)}
	b.login, b.session = login(b.player), session(b.player)
	b.document = document(string(b.player.ID), "saves", "slot-1", 1)
	return b
}

// untouched demands that nothing of everyWrite is there.
func untouched(t *testing.T, w *world, b belongings) {
	t.Helper()
	must(t, w.Audit().Append(w.ctx, b.event)) // gone expects one
	b.gone(t, w)
	fails(t, "project", second(w.Projects().BySlug(w.ctx, "in-tx")), tenancy.ErrProjectNotFound)
	fails(t, "record", second(w.Idempotency().Find(w.ctx, record("in-tx", "in-tx").Key, start)), idempotency.ErrNotFound)
	if runs, err := w.Runs().List(w.ctx); err != nil || len(runs) != 0 {
		t.Errorf("runs: %v %v", runs, err)
	}
	if leases, err := w.Leases().List(w.ctx, ""); err != nil || len(leases) != 0 {
		t.Errorf("leases: %v %v", leases, err)
	}
}

var txTests = map[string]func(*testing.T, *world){
	"commit": func(t *testing.T, w *world) {
		b := unsaved(w)
		must(t, w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
			if err := everyWrite(ctx, tx, w, b); err != nil {
				return err
			}
			// A transaction sees what it wrote itself.
			same(t, "own write", get[storage.Document](t)(getOne(ctx, tx, b.scope, b.document.Ref)), b.document)
			return tx.Audit().Append(ctx, b.event)
		}))
		same(t, "player", get[identity.Player](t)(w.Players().Get(w.ctx, b.scope, b.player.ID)), b.player)
		same(t, "session", get[identity.Session](t)(w.Sessions().Get(w.ctx, b.scope, b.session.ID)), b.session)
		same(t, "document", get[storage.Document](t)(getOne(w.ctx, w, b.scope, b.document.Ref)), b.document)
	},
	"an error rolls back and is passed on": func(t *testing.T, w *world) {
		b, mine := unsaved(w), errors.New("mine")
		err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
			must(t, everyWrite(ctx, tx, w, b))
			return fmt.Errorf("wrapped: %w", mine)
		})
		fails(t, "error", err, mine)
		untouched(t, w, b)
	},
	"a panic rolls back and goes on": func(t *testing.T, w *world) {
		b := unsaved(w)
		func() {
			defer func() { same(t, "panic", recover(), any("mine")) }()
			_ = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				must(t, everyWrite(ctx, tx, w, b))
				panic("mine")
			})
			t.Error("the panic was swallowed")
		}()
		untouched(t, w, b)
		// The connection it held serves on.
		w.inTx(t, func(tx repos) error { return writeOne(w.ctx, tx, w.here(), document("p", "c", "k", 1)) })
	},
	"a context that ends rolls back": func(t *testing.T, w *world) {
		b := unsaved(w)
		bounded, cancel := context.WithCancel(w.ctx)
		err := w.InTx(bounded, func(ctx context.Context, tx repos) error {
			must(t, everyWrite(ctx, tx, w, b))
			cancel()
			return nil
		})
		fails(t, "commit", err, context.Canceled)
		untouched(t, w, b)
	},
	"others don't see what is not committed": func(t *testing.T, w *world) {
		d := document("p", "c", "k", 1)
		must(t, writeOne(w.ctx, w, w.here(), d))
		inside, looked := make(chan struct{}), make(chan error, 1)
		go func() {
			<-inside
			got, err := getOne(w.ctx, w, w.here(), d.Ref)
			if err == nil && got.Version != 1 {
				err = fmt.Errorf("version %d", got.Version)
			}
			looked <- err
		}()
		first := true
		w.inTx(t, func(tx repos) error {
			next := d
			next.Version = 2
			if err := writeOne(w.ctx, tx, w.here(), next); err != nil {
				return err
			}
			if !first {
				return nil
			}
			first = false
			close(inside)
			return <-looked // a reader never waits for a writer
		})
	},
	"a conflict in one is the domain's fault": func(t *testing.T, w *world) {
		fails(t, "slug", w.InTx(w.ctx, func(ctx context.Context, tx repos) error { return tx.Projects().Create(ctx, project("game")) }), tenancy.ErrSlugTaken)
	},
	"lock of a session keeps other writers out": func(t *testing.T, w *world) {
		const writers, each = 8, 3
		s := session(w.player(t, w.here()))
		must(t, w.Sessions().Create(w.ctx, w.here(), s))
		errs := make([]error, writers)
		together(writers, func(i int) {
			for range each {
				err := w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
					s, err := tx.Sessions().Lock(ctx, w.here(), s.ID)
					if err != nil {
						return err
					}
					s.Generation++
					return tx.Sessions().Update(ctx, w.here(), s)
				})
				errs[i] = errors.Join(errs[i], err)
			}
		})
		must(t, errors.Join(errs...))
		same(t, "generation", get[identity.Session](t)(w.Sessions().Get(w.ctx, w.here(), s.ID)).Generation, 1+writers*each)
	},
	"transactions that cross each other all commit": func(t *testing.T, w *world) {
		// Each locks two documents, half of them in the other order: a deadlock,
		// which the database breaks and InTx tries again.
		a, b := document("p", "c", "a", 1), document("q", "c", "b", 1)
		must(t, writeOne(w.ctx, w, w.here(), a))
		must(t, writeOne(w.ctx, w, w.here(), b))
		const writers = 4
		errs := make([]error, writers)
		together(writers, func(i int) {
			refs := []storage.Ref{a.Ref, b.Ref}
			if i%2 == 1 {
				refs[0], refs[1] = refs[1], refs[0]
			}
			errs[i] = w.InTx(w.ctx, func(ctx context.Context, tx repos) error {
				for _, ref := range refs {
					d, err := lockOne(ctx, tx, w.here(), ref)
					if err != nil {
						return err
					}
					d.Version++
					if err := writeOne(ctx, tx, w.here(), d); err != nil {
						return err
					}
				}
				return nil
			})
		})
		must(t, errors.Join(errs...))
		same(t, "a", get[storage.Document](t)(getOne(w.ctx, w, w.here(), a.Ref)).Version, 1+writers)
		same(t, "b", get[storage.Document](t)(getOne(w.ctx, w, w.here(), b.Ref)).Version, 1+writers)
	},
}
