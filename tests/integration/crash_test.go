package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// ledger is what the clients of a load were told. Each writer has a document of
// its own, so that every write it is told of can be checked by its number.
type ledger struct {
	player  harness.Client // whose documents they are, at any replica
	writers []*writer
	game    harness.Client
	guests  []harness.Grant // those who were told that they are in; under mu
	mu      sync.Mutex
	told    atomic.Int64 // writes and sign-ins, over all rounds
}

// writer writes n = 1, 2, 3, … into its document, each once.
type writer struct {
	path string
	told int64 // the newest that was acknowledged
	// pending was sent and not answered; 0 when there is none.
	pending int64
}

const loadWriters = 16

func newLedger(t *testing.T, w world) *ledger {
	t.Helper()
	player, _ := w.player(t)
	l := &ledger{player: player, game: w.game()}
	for i := range loadWriters {
		l.writers = append(l.writers, &writer{path: fmt.Sprintf("/v1/players/me/documents/load/w%d", i)})
	}
	return l
}

// run lets all writers write, and a device after another sign in, on the
// replica, until a request of theirs fails; stop is called once they were told
// of as many more writes as enough says, and should make it fail.
func (l *ledger) run(t *testing.T, replica *harness.Replica, enough int64, stop func()) {
	t.Helper()
	goal := l.told.Load() + enough
	reached := make(chan struct{})
	var once sync.Once
	count := func() {
		if l.told.Add(1) >= goal {
			once.Do(func() { close(reached) })
		}
	}
	var all sync.WaitGroup
	for _, w := range l.writers {
		all.Go(func() {
			for w.write(t, l.player.At(replica)) {
				count()
			}
		})
	}
	all.Go(func() {
		for {
			reply, err := l.game.At(replica).Send(context.Background(), "POST", "/v1/auth/guest", object{})
			if err != nil || reply.Status != http.StatusCreated {
				return
			}
			var grant harness.Grant
			if err := json.Unmarshal(reply.Body, &grant); err != nil {
				t.Errorf("%v in %s", err, reply.Body)
				return
			}
			l.mu.Lock()
			l.guests = append(l.guests, grant)
			l.mu.Unlock()
			count()
		}
	})
	failed := make(chan struct{})
	go func() { all.Wait(); close(failed) }()
	select {
	case <-reached:
	case <-failed:
		t.Fatal("the load failed before anything was broken")
	}
	stop()
	<-failed
}

// write is false when the write was not acknowledged.
func (w *writer) write(t *testing.T, c harness.Client) bool {
	w.pending = w.told + 1
	reply, err := c.Send(context.Background(), "PUT", w.path, object{"value": object{"n": w.pending}})
	if err != nil {
		return false
	}
	switch reply.Status {
	case http.StatusOK, http.StatusCreated:
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if _, err := reply.Problem(); err != nil {
			t.Error(err)
		}
		return false
	default:
		t.Errorf("a write was answered with %d %s", reply.Status, reply.Body)
		return false
	}
	var d struct{ Version int64 }
	if err := json.Unmarshal(reply.Body, &d); err != nil || d.Version != w.pending {
		t.Errorf("write %d made version %d (%v)", w.pending, d.Version, err)
	}
	w.told, w.pending = w.pending, 0
	return true
}

// check compares what is stored with what the clients were told: every write
// acknowledged is there, each happened once, and at most the one whose reply
// never came is there besides. It gives how many it verified.
func (l *ledger) check(t *testing.T, replica *harness.Replica) int64 {
	t.Helper()
	verified := int64(0)
	for _, w := range l.writers {
		if w.told == 0 && w.pending == 0 {
			continue
		}
		reply := l.player.At(replica).Do(t, "GET", w.path, nil)
		if w.told == 0 && reply.Status == http.StatusNotFound {
			w.pending = 0
			continue
		}
		d := reply.Want(t, http.StatusOK).Document(t)
		if d.Version != w.told && (w.pending == 0 || d.Version != w.pending) {
			t.Errorf("%s: version %d; %d was acknowledged and %d pending", w.path, d.Version, w.told, w.pending)
		}
		if want := fmt.Sprintf(`{"n":%d}`, d.Version); string(d.Value) != want {
			t.Errorf("%s: version %d holds %s", w.path, d.Version, d.Value)
		}
		verified += w.told
		w.told, w.pending = d.Version, 0
	}
	for _, guest := range l.guests {
		var again harness.Grant
		reply := l.game.At(replica).Do(t, "POST", "/v1/auth/guest", object{"device_secret": guest.DeviceSecret})
		reply.Want(t, http.StatusOK).Into(t, &again)
		if again.PlayerID != guest.PlayerID {
			t.Errorf("player %s came back as %s", guest.PlayerID, again.PlayerID)
		}
		l.player.At(replica).As(guest.AccessToken).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)
		verified++
	}
	return verified
}

// TestKill9UnderLoad kills the server process while clients write, on both
// databases, and then checks every acknowledged write.
func TestKill9UnderLoad(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			l := newLedger(t, w)
			verified := int64(0)
			for range 3 {
				l.run(t, w.first, 400, w.first.Kill)
				w.first = w.stack.Serve(t)
				verified = l.check(t, w.first)
			}
			fmt.Printf("kill -9 of the server on %s: %d acknowledged writes and sign-ins verified after 3 kills\n", kind.Name, verified)
		})
	}
}

// TestKill9OfPostgres kills the database instead: the server must come back to
// it by itself.
func TestKill9OfPostgres(t *testing.T) {
	t.Parallel()
	stack, postgres, _ := harness.Durable(t)
	w := newWorld(t, stack)
	l := newLedger(t, w)
	l.run(t, w.first, 400, postgres.Kill)
	postgres.Start()
	harness.Eventually(t, patience, "database", func() bool {
		reply := l.player.At(w.first).Do(t, "GET", "/v1/players/me", nil)
		return reply.Status == http.StatusOK
	})
	verified := l.check(t, w.first)
	fmt.Printf("kill -9 of PostgreSQL: %d acknowledged writes and sign-ins verified\n", verified)
	if faults := w.first.Faults(); len(faults) > 0 {
		t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
	}
}
