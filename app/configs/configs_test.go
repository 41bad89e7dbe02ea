package configs_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/app/jobs"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/lease"
)

var here = operators.Place{Project: "game", Environment: "development"}

func push(t *testing.T, w *composetest.World, content string) configuration.Hash {
	t.Helper()
	received, err := w.Operators.ReceiveBundle(t.Context(), composetest.Operator(), here, configs.Upload{
		Content: strings.NewReader(content), Size: int64(len(content)), ContentType: "application/json",
	})
	if err != nil {
		t.Fatal(err)
	}
	added, err := w.Operators.AddBundle(t.Context(), composetest.Operator(), here, received)
	if err != nil {
		t.Fatal(err)
	}
	return added.Bundle.Hash
}

func activate(t *testing.T, w *composetest.World, rules ...configuration.Rule) {
	t.Helper()
	if _, err := w.Operators.Activate(t.Context(), composetest.Operator(), here, operators.Activation{Config: "gameplay", Rules: rules}); err != nil {
		t.Fatal(err)
	}
}

// await begins to wait and gives what will be answered.
func await(t *testing.T, w *composetest.World, p tenancy.Principal) (tag string, answered <-chan *configs.Answer) {
	t.Helper()
	answer, err := w.Configs.Read(t.Context(), p, configs.Query{})
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan *configs.Answer, 1)
	go func() {
		defer close(came)
		next, err := w.Configs.Await(context.Background(), p, netip.Addr{}, configs.Query{}, func(tag string) bool { return tag == answer.Tag }, time.Minute)
		if err != nil {
			t.Errorf("await: %v", err)
			return
		}
		came <- next
	}()
	return answer.Tag, came
}

// A release wakes who waits on the replica that made it, and on every other; nothing but the
// database is between them.
func TestAReleaseWakesWhoWaits(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	server := w.Caller(t, here, tenancy.ServerToken)
	other := w.Replica(nil)
	first, second := push(t, w, `{"n":1}`), push(t, w, `{"n":2}`)
	activate(t, w, configuration.Rule{Bundle: first})
	tag, mine := await(t, w, server)
	_, theirs := await(t, other, server)
	activate(t, w, configuration.Rule{Bundle: second})
	for _, answered := range []<-chan *configs.Answer{mine, theirs} {
		if answer := <-answered; answer == nil || answer.Tag == tag || string(answer.Items[0].Value) != `{"n":2}` {
			t.Errorf("answered %+v", answer)
		}
	}
}

func TestEndingAnswersWhoWaits(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	server := w.Caller(t, here, tenancy.ServerToken)
	var all sync.WaitGroup
	for range 20 {
		tag, answered := await(t, w, server)
		all.Go(func() {
			if answer := <-answered; answer == nil || answer.Tag != tag {
				t.Errorf("answered %+v", answer)
			}
		})
	}
	w.Configs.EndWaits()
	all.Wait()
}

// Reads ask the database nothing: they go on when it is gone.
func TestReadsDontAskTheDatabase(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	server := w.Caller(t, here, tenancy.ServerToken)
	activate(t, w, configuration.Rule{Bundle: push(t, w, `{"n":1}`)})
	read := func() error {
		_, err := w.Configs.Read(t.Context(), server, configs.Query{})
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	if err := w.Ports.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := read(); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(2 * time.Second)
	if err := read(); err == nil {
		t.Error("what is old is believed")
	}
}

// What a process leaves behind that dies between the bytes and the bundle goes after
// a week, and what is needed stays.
func TestTheSweepTakesWhatNobodyNeeds(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	kept := push(t, w, `{"kept":true}`)
	activate(t, w, configuration.Rule{Bundle: kept})
	loose := push(t, w, `{"loose":true}`)
	if _, err := w.Operators.ReceiveBundle(t.Context(), composetest.Operator(), here, configs.Upload{Content: strings.NewReader("cut"), Size: 3}); err != nil {
		t.Fatal(err) // and no bundle is ever made of it
	}
	sweep := func(after time.Duration, want int) {
		t.Helper()
		w.Clock.Advance(after)
		l, held, err := w.Ports.Store.Leases().Acquire(t.Context(), jobs.LeasePrefix+"bundle-sweep", "one", w.Clock.Now(), time.Minute)
		if err != nil || !held {
			t.Fatalf("acquire: %t, %v", held, err)
		}
		if err := run(t, w, l); err != nil {
			t.Fatal(err)
		}
		left, err := w.Ports.Blobs.List(t.Context(), custody.Bundles, "", 100)
		if err != nil || len(left) != want {
			t.Errorf("%d objects are left, %v; want %d", len(left), err, want)
		}
	}
	sweep(time.Minute, 3)
	sweep(custody.Kept, 2)
	sweep(30*24*time.Hour, 2)
	sweep(custody.Kept, 1)
	scope := w.Caller(t, here, tenancy.ServerToken).Scope()
	if _, err := w.Ports.Store.Bundles().Get(t.Context(), scope, loose); !errors.Is(err, configuration.ErrBundleNotFound) {
		t.Errorf("loose: %v", err)
	}
	if err := w.Operators.DeleteConfig(t.Context(), composetest.Operator(), here, "gameplay", "gameplay"); err != nil {
		t.Fatal(err)
	}
	sweep(time.Minute, 1)
	sweep(custody.Kept, 0)
}

func run(t *testing.T, w *composetest.World, l lease.Lease) error {
	return jobs.BundleSweep(w.Ports.Store, w.Custody, w.Clock).Run(t.Context(), jobs.NewTurn(w.Ports.Store, l))
}
