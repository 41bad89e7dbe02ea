package once_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

var (
	asked   = sha256.Sum256([]byte("what was asked"))
	another = sha256.Sum256([]byte("something else"))
)

func world(t *testing.T) (*composetest.World, tenancy.Principal) {
	w := composetest.New(t)
	w.Project(t, "game")
	return w, w.Caller(t, operators.Place{Project: "game", Environment: "development"}, tenancy.ServerToken)
}

// begin starts an attempt that must be the first.
func begin(t *testing.T, l *once.Ledger, p tenancy.Principal, key string) *once.Attempt {
	t.Helper()
	attempt, answer, err := l.Begin(t.Context(), p, key, asked)
	if err != nil || answer != nil || attempt == nil {
		t.Fatalf("begin %q: answered %q, %v", key, answer, err)
	}
	return attempt
}

func keep(t *testing.T, w *composetest.World, a *once.Attempt, answer string) error {
	t.Helper()
	return w.Ports.Store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error { return a.Keep(ctx, tx, []byte(answer)) })
}

func TestWhatWasAnsweredIsAnsweredAgain(t *testing.T) {
	w, p := world(t)
	attempt := begin(t, w.Ledger, p, "key")
	if _, _, err := w.Ledger.Begin(t.Context(), p, "key", asked); !errors.Is(err, once.ErrRunning) {
		t.Errorf("meanwhile: %v", err)
	}
	if err := keep(t, w, attempt, "done"); err != nil {
		t.Fatal(err)
	}
	attempt.End()
	for range 2 {
		if a, answer, err := w.Ledger.Begin(t.Context(), p, "key", asked); err != nil || a != nil || string(answer) != "done" {
			t.Errorf("again: %q, %v", answer, err)
		}
	}
	if a, answer, err := w.Ledger.Begin(t.Context(), p, "key", another); !errors.Is(err, once.ErrMismatch) || a != nil || answer != nil {
		t.Errorf("for something else: %q, %v", answer, err)
	}
	w.Clock.Advance(once.Remembered - time.Microsecond)
	if _, answer, err := w.Ledger.Begin(t.Context(), p, "key", asked); err != nil || string(answer) != "done" {
		t.Errorf("a day later, nearly: %q, %v", answer, err)
	}
	w.Clock.Advance(time.Microsecond)
	attempt = begin(t, w.Ledger, p, "key")
	if err := keep(t, w, attempt, "anew"); err != nil {
		t.Error(err)
	}
	attempt.End()
	if _, answer, err := w.Ledger.Begin(t.Context(), p, "key", asked); err != nil || string(answer) != "anew" {
		t.Errorf("after that: %q, %v", answer, err)
	}
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	w, p := world(t)
	attempt := begin(t, w.Ledger, p, "key")
	undone := errors.New("undone")
	err := w.Ports.Store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		return errors.Join(attempt.Keep(ctx, tx, []byte("never")), undone)
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	attempt.End()
	begin(t, w.Ledger, p, "key").End()
}

func TestOfTwoProcessesOneIsFirst(t *testing.T) {
	w, p := world(t)
	other := w.Replica(nil)
	mine, theirs := begin(t, w.Ledger, p, "key"), begin(t, other.Ledger, p, "key")
	if err := keep(t, w, theirs, "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, w, mine, "mine"); !errors.Is(err, idempotency.ErrTaken) {
		t.Errorf("the second: %v", err)
	}
	if answer, err := mine.Answer(t.Context()); err != nil || string(answer) != "theirs" {
		t.Errorf("its answer: %q, %v", answer, err)
	}
}

func TestKeysAreTheirHolders(t *testing.T) {
	w, p := world(t)
	here, there := operators.Place{Project: "game", Environment: "development"}, operators.Place{Project: "game", Environment: "staging"}
	if err := keep(t, w, begin(t, w.Ledger, p, "key"), "done"); err != nil {
		t.Fatal(err)
	}
	client := w.Caller(t, here, tenancy.PublishableKey)
	for name, other := range map[string]tenancy.Principal{
		"another token": w.Caller(t, here, tenancy.ServerToken), "a secret key": w.Caller(t, here, tenancy.SecretKey), "another environment": w.Caller(t, there, tenancy.ServerToken),
		"a player": w.Enter(t, w.Guest(t, client).AccessToken), "another player": w.Enter(t, w.Guest(t, client).AccessToken), "the command line": composetest.Operator(),
	} {
		attempt, answer, err := w.Ledger.Begin(t.Context(), other, "key", asked)
		if err != nil || answer != nil || attempt == nil {
			t.Errorf("%s is answered %q, %v", name, answer, err)
		}
	}
}

func TestKeysOfTheRightForm(t *testing.T) {
	w, p := world(t)
	for _, bad := range []string{"", strings.Repeat("k", once.MaxKey+1), "a\nb", "é", "\x7f"} {
		if _, _, err := w.Ledger.Begin(t.Context(), p, bad, asked); !errors.Is(err, once.ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{" ", "~", strings.Repeat("k", once.MaxKey)} {
		begin(t, w.Ledger, p, good).End()
	}
}

func TestAnswersAreSealed(t *testing.T) {
	w, p := world(t)
	if err := keep(t, w, begin(t, w.Ledger, p, "key"), "a refresh token"); err != nil {
		t.Fatal(err)
	}
	key := idempotency.Key{Holder: string(p.Scope().Environment()) + "/server_token/" + p.Subject(), Name: "key"}
	record, err := w.Ports.Store.Idempotency().Find(t.Context(), key, w.Clock.Now())
	if err != nil || bytes.Contains(record.Reply, []byte("token")) {
		t.Errorf("stored: %q, %v", record.Reply, err)
	}
	stranger := once.NewLedger(w.Ports.Store, w.Clock, system.NewVault([system.MasterKeySize]byte{2}))
	if _, answer, err := stranger.Begin(t.Context(), p, "key", asked); err == nil || answer != nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("with another master key: %q, %v", answer, err)
	}
	// A record that was moved to another key does not open.
	record.Key.Name = "other"
	if err := w.Ports.Store.Idempotency().Save(t.Context(), record, w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := w.Ledger.Begin(t.Context(), p, "other", asked); err == nil || answer != nil {
		t.Errorf("moved: %q, %v", answer, err)
	}
}

func TestEveryEffectIsTold(t *testing.T) {
	var told []int
	tell := func(n int, err error) once.Effect[int] {
		return func(_ context.Context, _ datastore.Repos, result int) error {
			told = append(told, n+result)
			return err
		}
	}
	stop := errors.New("stop")
	if err := once.Tell(t.Context(), nil, 10, []once.Effect[int]{nil, tell(1, nil), nil, tell(2, stop), tell(3, nil)}); !errors.Is(err, stop) || len(told) != 2 || told[0] != 11 || told[1] != 12 {
		t.Errorf("told %v, %v", told, err)
	}
	if once.Wanted[int](nil) || once.Wanted([]once.Effect[int]{nil}) || !once.Wanted([]once.Effect[int]{nil, tell(1, nil)}) {
		t.Error("who is wanted")
	}
}
