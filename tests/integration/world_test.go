package integration

import (
	"sync"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// world is an installation with a project in it, and its replicas: two where
// the stack may have them, so that what one does is seen on the other.
type world struct {
	stack   *harness.Stack
	project harness.Project
	first   *harness.Replica
	second  *harness.Replica // the first again on a stack of one
	revived *revived
}

// revived is what must hold after all replicas were stopped and new ones started.
type revived struct {
	mu     sync.Mutex
	checks []func(t *testing.T, w world)
}

const env = "development"

func newWorld(t *testing.T, stack *harness.Stack) world {
	t.Helper()
	w := world{stack: stack, project: stack.Project(t, "space-race"), revived: &revived{}}
	w.serve(t)
	return w
}

func (w *world) serve(t *testing.T) {
	t.Helper()
	w.first = w.stack.Serve(t)
	w.second = w.first
	if w.stack.Replicated {
		w.second = w.stack.Serve(t)
	}
}

// revive starts replicas in the place of those that were killed.
func (w *world) revive(t *testing.T) {
	t.Helper()
	if w.first.Ended() {
		w.first = w.stack.Serve(t)
	}
	switch {
	case !w.stack.Replicated:
		w.second = w.first
	case w.second.Ended():
		w.second = w.stack.Serve(t)
	}
}

// afterRestart notes a check for when the replicas have been restarted.
func (w world) afterRestart(check func(t *testing.T, w world)) {
	w.revived.mu.Lock()
	defer w.revived.mu.Unlock()
	w.revived.checks = append(w.revived.checks, check)
}

// game is a game client's way in: the publishable key, on the first replica.
func (w world) game() harness.Client { return w.first.Client(w.project.Publishable[env]) }

// server is a dedicated game server.
func (w world) server() harness.Client { return w.first.Client(w.project.Server[env]) }

// operator holds the key of the whole project.
func (w world) operator() harness.Client { return w.first.Client(w.project.Secret) }

// player signs a new player in.
func (w world) player(t *testing.T) (harness.Client, harness.Grant) {
	t.Helper()
	grant := w.game().Guest(t)
	return w.first.Client(grant.AccessToken), grant
}

// replicas are both.
func (w world) replicas() []*harness.Replica { return []*harness.Replica{w.first, w.second} }

// object is a JSON object.
type object = map[string]any
