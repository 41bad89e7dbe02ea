package configs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
)

// gated is an object store whose objects can be opened once, and as often, as it is let.
type gated struct {
	blob.Store
	open chan struct{} // nil: all are
	away atomic.Bool

	mu     sync.Mutex
	opened map[string]int
	asked  chan struct{} // told of each Get
}

func (g *gated) Get(ctx context.Context, key string, offset, length int64) (blob.Object, error) {
	if g.away.Load() {
		return blob.Object{}, fault.ErrUnavailable
	}
	if g.open != nil {
		g.asked <- struct{}{}
		select {
		case <-g.open:
		case <-ctx.Done():
			return blob.Object{}, ctx.Err()
		}
	}
	g.mu.Lock()
	g.opened[key]++
	g.mu.Unlock()
	return g.Store.Get(ctx, key, offset, length)
}

// onlyOnce demands that so many objects were opened, each once.
func (g *gated) onlyOnce(t *testing.T, want int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.opened) != want {
		t.Errorf("%d objects were opened, want %d", len(g.opened), want)
	}
	for key, n := range g.opened {
		if n != 1 {
			t.Errorf("%s was opened %d times", key, n)
		}
	}
}

// release makes a config with a value of its own.
func release(t *testing.T, w *composetest.World, config, value string) {
	t.Helper()
	activation := operators.Activation{Config: config, Rules: []configuration.Rule{{Bundle: push(t, w, value)}}}
	if _, err := w.Operators.Activate(t.Context(), composetest.Operator(), here, activation); err != nil {
		t.Fatal(err)
	}
}

func shown(t *testing.T, w *composetest.World, p tenancy.Principal) string {
	t.Helper()
	answer, err := w.Configs.Read(t.Context(), p, configs.Query{})
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, item := range answer.Items {
		text += string(item.Value)
	}
	return text
}

// started gives a new replica of an environment with configs, over an object store that is in the test's hands.
func started(t *testing.T, n int) (*composetest.World, *gated, tenancy.Principal) {
	t.Helper()
	w := composetest.New(t)
	w.Project(t, "game")
	for i := range n {
		release(t, w, fmt.Sprintf("config-%02d", i), fmt.Sprintf(`{ "n": %d }`, i))
	}
	g := &gated{opened: map[string]int{}, asked: make(chan struct{}, 10*n)}
	return w.Replica(func(p *compose.Ports) { g.Store = p.Blobs; p.Blobs = g }), g, w.Caller(t, here, tenancy.ServerToken)
}

// What is read for the first time takes longer than anybody waits: it goes on without him, and nothing is read twice.
func TestALoadOutlivesWhoBeganIt(t *testing.T) {
	const n = 20
	w, g, server := started(t, n)
	g.open = make(chan struct{})
	for range 5 {
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { _, err := w.Configs.Read(ctx, server, configs.Query{}); left <- err }()
		g.open <- struct{}{} // one more object, and he has lost patience
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	}
	close(g.open)
	answer, err := w.Configs.Read(t.Context(), server, configs.Query{})
	if err != nil || len(answer.Items) != n || string(answer.Items[7].Value) != `{"n":7}` {
		t.Fatalf("read: %+v, %v", answer, err)
	}
	g.onlyOnce(t, n)
}

func TestValuesAreReadAtOnce(t *testing.T) {
	w, g, server := started(t, 8)
	g.open = make(chan struct{})
	read := make(chan string)
	go func() { read <- shown(t, w, server) }()
	for range 8 { // before any of them is let
		<-g.asked
	}
	close(g.open)
	<-read
}

// A load that fails in the middle leaves what it read to the next.
func TestAFailedLoadIsGoneOnWith(t *testing.T) {
	const n = 40
	w, g, server := started(t, n)
	g.open = make(chan struct{})
	failed := make(chan string)
	go func() { failed <- shown(t, w, server) }()
	for range n / 2 {
		g.open <- struct{}{}
	}
	g.away.Store(true)
	close(g.open)
	if got := <-failed; got[0] == '{' {
		t.Fatalf("it did not fail: %s", got)
	}
	g.away.Store(false)
	if got := shown(t, w, server); len(got) < n*len(`{"n":1}`) {
		t.Errorf("read: %s", got)
	}
	g.onlyOnce(t, n)
}

// What was released while the object store is away shows when it is back, and until then what was.
func TestWithoutTheObjectStoreItIsAsBefore(t *testing.T) {
	w, g, server := started(t, 2)
	if got := shown(t, w, server); got != `{"n":0}{"n":1}` {
		t.Fatal(got)
	}
	other := w.Replica(func(p *compose.Ports) { p.Blobs = g.Store })
	g.away.Store(true)
	release(t, other, "config-01", `{"n":2}`)
	for range 3 {
		w.Clock.Advance(time.Second)
		if got := shown(t, w, server); got != `{"n":0}{"n":1}` {
			t.Errorf("while it is away: %s", got)
		}
	}
	g.away.Store(false)
	w.Clock.Advance(time.Second)
	if got := shown(t, w, server); got != `{"n":0}{"n":2}` {
		t.Errorf("when it is back: %s", got)
	}
	g.onlyOnce(t, 3)
	g.away.Store(true)
	if err := w.Ports.Store.Close(); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Second)
	if got := shown(t, w, server); got[0] == '{' {
		t.Errorf("without the database, which alone knows what is released: %s", got)
	}
}

// An activation shows in what this replica answers next, and to those of others within recent.Fresh.
func TestAnActivationShowsAtOnce(t *testing.T) {
	w, _, server := started(t, 1)
	for i := range 20 {
		release(t, w, "config-00", fmt.Sprintf(`{"n":%d}`, 100+i))
		if got, want := shown(t, w, server), fmt.Sprintf(`{"n":%d}`, 100+i); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What nobody reads any more, of a deleted environment say, is let go.
func TestUnreadSnapshotsGo(t *testing.T) {
	w, _, server := started(t, 1)
	shown(t, w, server)
	w.Clock.Advance(11 * time.Minute)
	elsewhere := w.Caller(t, operators.Place{Project: "game", Environment: "production"}, tenancy.ServerToken)
	shown(t, w, elsewhere)
	if n := w.Configs.Feeds(); n != 1 {
		t.Errorf("%d environments are remembered, want the one that is read", n)
	}
	if got := shown(t, w, server); got != `{"n":0}` {
		t.Errorf("when it is read again: %s", got)
	}
}
