package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// balancer sends requests to the replicas that lately said that they are ready,
// as a load balancer does.
type balancer struct {
	mu    sync.Mutex
	ready []*harness.Replica
	next  atomic.Int64
}

// watch asks the replicas until stop is closed; each answer holds until the next.
func (b *balancer) watch(replicas func() []*harness.Replica, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		var ready []*harness.Replica
		for _, r := range replicas() {
			if said, err := r.Readiness(); err == nil && said.Status == http.StatusOK {
				ready = append(ready, r)
			}
		}
		b.mu.Lock()
		b.ready = ready
		b.mu.Unlock()
	}
}

func (b *balancer) pick() *harness.Replica {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return nil
	}
	return b.ready[b.next.Add(1)%int64(len(b.ready))]
}

// TestStoppingAReplicaFailsNoRequest stops both replicas in turn, under load and
// behind a balancer: each request is answered, and answered well.
func TestStoppingAReplicaFailsNoRequest(t *testing.T) {
	t.Parallel()
	stack := harness.Production(t).With("DRAIN_SECONDS=4")
	w := newWorld(t, stack)
	l := newLedger(t, w)

	var mu sync.Mutex // guards the replicas of w
	b := &balancer{}
	over := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		b.watch(func() []*harness.Replica {
			mu.Lock()
			defer mu.Unlock()
			return w.replicas()
		}, over)
	})
	harness.Eventually(t, patience, "ready replica", func() bool { return b.pick() != nil })
	var answered atomic.Int64
	for _, writer := range l.writers {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				to := b.pick()
				if to == nil {
					t.Error("no replica is ready")
					return
				}
				if !writer.write(t, l.player.At(to)) {
					t.Errorf("a write to %s failed", to.URL)
					return
				}
				answered.Add(1)
			}
		})
	}
	for _, replica := range []**harness.Replica{&w.first, &w.second} {
		before := answered.Load()
		harness.Eventually(t, patience, "load", func() bool { return answered.Load() > before+100 })
		(*replica).Terminate()
		harness.Eventually(t, patience, "refusal of further requests", func() bool {
			said, err := (*replica).Readiness()
			return err == nil && said.Status == http.StatusServiceUnavailable
		})
		reply, err := l.player.At(*replica).Send(context.Background(), "GET", "/v1/players/me", nil)
		if err != nil || reply.Status != http.StatusOK {
			t.Errorf("a stopping replica doesn't serve on: %d %v", reply.Status, err)
		}
		if err := (*replica).Wait(); err != nil {
			t.Errorf("the server stopped uncleanly: %v", err)
		}
		fresh := stack.Serve(t)
		mu.Lock()
		*replica = fresh
		mu.Unlock()
	}
	close(over)
	all.Wait()
	if t.Failed() {
		return
	}
	fmt.Printf("both replicas stopped in turn under load: each of %d writes answered; %d verified\n", answered.Load(), l.check(t, w.first))
}
