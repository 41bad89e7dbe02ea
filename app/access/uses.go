package access

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Uses collects when credentials were last used, so that it costs one write a
// minute and not one a request. What it holds when a process dies is lost.
type Uses struct {
	store datastore.Datastore
	mu    sync.Mutex
	last  map[string]time.Time
}

func NewUses(store datastore.Datastore) *Uses {
	return &Uses{store: store, last: map[string]time.Time{}}
}

func (u *Uses) note(c tenancy.Credential, now time.Time) {
	now = now.Truncate(time.Minute)
	if !c.LastUsedAt.Before(now) {
		return
	}
	u.mu.Lock()
	u.last[c.ID] = now
	u.mu.Unlock()
}

// Flush stores what was collected. Every replica flushes its own.
func (u *Uses) Flush(ctx context.Context) error {
	u.mu.Lock()
	last := u.last
	u.last = map[string]time.Time{}
	u.mu.Unlock()
	if len(last) == 0 {
		return nil
	}
	if err := u.store.Credentials().Touch(ctx, last); err != nil {
		return fmt.Errorf("store last uses: %w", err)
	}
	return nil
}
