package access_test

import (
	"context"
	"errors"
	"testing"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/ports/revocation"
)

// forgetful is a memory that is flushed whenever the test says so, which no
// real one does at the right moment.
type forgetful struct {
	revocation.Memory
	blocked map[string]bool
}

func (f *forgetful) Block(_ context.Context, keys ...string) error {
	for _, key := range keys {
		f.blocked[key] = true
	}
	return nil
}

func TestRevokeBlocksBeforeAndAfterItsCommit(t *testing.T) {
	memory, w := &forgetful{blocked: map[string]bool{}}, composetest.New(t)
	revoker := access.NewRevoker(w.Ports.Store, memory, w.Clock, w.Ports.Limits)
	failed := errors.New("not committed")
	err := revoker.Revoke(t.Context(), []string{"a", "b"}, func() error {
		if !memory.blocked["a"] || !memory.blocked["b"] {
			t.Error("a reader could vouch for a key while the commit is under way")
		}
		clear(memory.blocked)
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if !memory.blocked["a"] || !memory.blocked["b"] {
		t.Error("flushed during the commit, a key is as if it had never been blocked")
	}
}
