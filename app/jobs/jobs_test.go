package jobs_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/ports/lease"
)

var place = operators.Place{Project: "game", Environment: "development"}

const ttl = 15 * time.Second

// turn takes a job's turn for a holder.
func turn(t *testing.T, w *composetest.World, holder string) (jobs.Turn, lease.Lease) {
	t.Helper()
	l, held, err := w.Ports.Store.Leases().Acquire(t.Context(), jobs.LeasePrefix+"token-purge", holder, w.Clock.Now(), ttl)
	if err != nil || !held {
		t.Fatalf("acquire: %t, %v", held, err)
	}
	return jobs.NewTurn(w.Ports.Store, l), l
}

// ended makes n sessions of a new player that ended by now.
func ended(t *testing.T, w *composetest.World, client tenancy.Principal, n int) {
	t.Helper()
	player := w.Guest(t, client).Player
	err := w.Ports.Store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		for range n {
			s := identity.NewSession(identity.SessionID(w.Ports.IDs.New()), player, w.Clock.Now(), time.Hour).Revoked(identity.LoggedOut, w.Clock.Now())
			if err := tx.Sessions().Create(ctx, client.Scope(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// left counts what a purge of everything would still delete.
func left(t *testing.T, w *composetest.World, scope tenancy.Scope) int {
	t.Helper()
	n, err := w.Ports.Store.Sessions().Purge(t.Context(), scope, w.Clock.Now().Add(time.Microsecond), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestThePurgeDeletesWhatEndedLongAgo(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	elsewhere := w.Caller(t, operators.Place{Project: "game", Environment: "production"}, tenancy.PublishableKey)
	ended(t, w, client, 1203) // more than two batches
	ended(t, w, elsewhere, 3)
	if _, err := w.Operators.RotateSigningKey(t.Context(), composetest.Operator(), place, true); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(7*24*time.Hour + time.Microsecond)
	alive := w.Guest(t, client)
	ended(t, w, client, 2)

	job := jobs.TokenPurge(w.Ports.Store, w.Clock)
	mine, _ := turn(t, w, "one")
	if err := job.Run(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	w.Enter(t, alive.AccessToken)
	if n := left(t, w, elsewhere.Scope()); n != 0 {
		t.Errorf("%d are left in the other environment", n)
	}
	if n := left(t, w, client.Scope()); n != 2 {
		t.Errorf("%d that ended lately are left, want 2", n)
	}
	if keys, err := w.Ports.Store.SigningKeys().List(t.Context(), client.Scope()); err != nil || len(keys) != 1 {
		t.Errorf("%d keys are left, %v", len(keys), err)
	}
}

func TestThePurgeForgetsAnswers(t *testing.T) {
	w := composetest.New(t)
	answered := func(name string) idempotency.Record {
		return idempotency.Record{Key: idempotency.Key{Holder: "h", Name: name}, Reply: []byte("r"), ExpiresAt: w.Clock.Now().Add(once.Remembered)}
	}
	save := func(r idempotency.Record) {
		t.Helper()
		if err := w.Ports.Store.Idempotency().Save(t.Context(), r, w.Clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1001 { // more than two batches
		save(answered(strconv.Itoa(i)))
	}
	w.Clock.Advance(once.Remembered + time.Microsecond)
	fresh := answered("fresh")
	save(fresh)
	mine, _ := turn(t, w, "one")
	if err := jobs.TokenPurge(w.Ports.Store, w.Clock).Run(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		n, err := w.Ports.Store.Idempotency().Purge(t.Context(), fresh.ExpiresAt.Add(time.Hour), 5000)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := left(); n != 1 {
		t.Errorf("%d answers were left, want the fresh one", n)
	}
}

func TestAnOvertakenTurnWritesNothing(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	ended(t, w, client, 5)
	w.Clock.Advance(8 * 24 * time.Hour)
	paused, _ := turn(t, w, "one")
	w.Clock.Advance(ttl)
	successor, _ := turn(t, w, "two")

	job := jobs.TokenPurge(w.Ports.Store, w.Clock)
	if err := job.Run(t.Context(), paused); !errors.Is(err, lease.ErrLost) {
		t.Errorf("the paused one: %v", err)
	}
	if n := left(t, w, client.Scope()); n != 5 {
		t.Errorf("it deleted %d", 5-n)
	}
	if err := job.Run(t.Context(), successor); err != nil {
		t.Errorf("the successor: %v", err)
	}
}

func TestALapsedTurnThatNobodyTookIsWhole(t *testing.T) {
	w := composetest.New(t)
	mine, l := turn(t, w, "one")
	w.Clock.Advance(10 * ttl)
	wrote := func(turn jobs.Turn) error {
		return turn.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			return tx.Runs().Record(ctx, "token-purge", "one", w.Clock.Now(), w.Clock.Now(), "")
		})
	}
	if err := wrote(mine); err != nil {
		t.Errorf("lapsed: %v", err)
	}
	if err := w.Ports.Store.Leases().Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := wrote(mine); !errors.Is(err, lease.ErrLost) {
		t.Errorf("released: %v", err)
	}
	if runs, err := w.Ports.Store.Runs().List(t.Context()); err != nil || len(runs) != 1 || runs[0].Runs != 1 {
		t.Errorf("%+v, %v", runs, err)
	}
}

func TestWorkersTellTheirState(t *testing.T) {
	w := composetest.New(t)
	state := func() operators.WorkerStatus {
		t.Helper()
		all, err := w.Operators.Workers(t.Context(), w.Jobs)
		if err != nil || len(all) != len(w.Jobs) || all[0].Job != "token-purge" {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0]
	}
	if s := state(); s.Runs != 0 || s.LeaseHolder != "" || s.Lag != 0 || s.Every != w.Jobs[0].Every {
		t.Errorf("before: %+v", s)
	}
	mine, l := turn(t, w, "one")
	if s := state(); s.LeaseHolder != "one" || s.LeaseToken != l.Token || !s.LeaseExpires.Equal(l.ExpiresAt) {
		t.Errorf("running: %+v", s)
	}
	err := mine.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		return tx.Runs().Record(ctx, "token-purge", "one", w.Clock.Now(), w.Clock.Now(), "")
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(w.Jobs[0].Every + time.Minute)
	if s := state(); s.Runs != 1 || s.LeaseHolder != "" || s.Lag != time.Minute {
		t.Errorf("late: %+v", s)
	}
}
