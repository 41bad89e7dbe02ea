package servers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// Fresh is how old what lists show can be.
	Fresh = time.Second
	// ahead is how long before that the next picture is begun, if anybody looks, so
	// that nobody has to wait for it.
	ahead = 200 * time.Millisecond
	// unseen is how long a picture is kept that nobody looks at.
	unseen = time.Minute
	// fetchedAtOnce bounds the servers that one query reads.
	fetchedAtOnce = 1000
)

// gallery has a picture of each environment whose servers somebody looks for.
type gallery struct {
	store    datastore.Datastore
	clock    clock.Clock
	most     int
	deadline time.Duration
	taken    atomic.Uint64 // pictures
	fetched  atomic.Uint64 // servers that were read for them
	browses  atomic.Uint64
	answers  atomic.Uint64 // pages that were computed

	mu    sync.Mutex
	books map[tenancy.Scope]*book
}

// book is the pictures of one environment.
type book struct {
	mu      sync.Mutex
	current *picture // nil: none yet
	next    *coming  // nil: none is under way
	begun   uint64   // how many were
	seen    time.Time

	claims claims
}

// number is that of the last picture that was begun: one with a greater number shows what was stored when
// number was called, or later.
func (b *book) number() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begun
}

// coming is a picture that is being taken.
type coming struct {
	done chan struct{}
	err  error
}

// picture gives one that is at most Fresh old. It is shared and never changes.
func (g *gallery) picture(ctx context.Context, scope tenancy.Scope) (*picture, error) {
	return g.current(ctx, scope, g.book(scope), nil)
}

// current is picture of a book that is known, and another than the given one, if there is one.
func (g *gallery) current(ctx context.Context, scope tenancy.Scope, b *book, but *picture) (*picture, error) {
	since := g.clock.Now().Add(-Fresh)
	for {
		b.mu.Lock()
		now := g.clock.Now()
		good := b.current != nil && b.current != but && b.current.at.After(since)
		if b.next == nil && (!good || now.Sub(b.current.at) >= Fresh-ahead) {
			b.next = &coming{done: make(chan struct{})}
			b.begun++
			go g.take(scope, b, b.current, b.begun, b.next)
		}
		current, next := b.current, b.next
		b.mu.Unlock()
		if good {
			return current, nil
		}
		select {
		case <-next.done:
			if next.err != nil {
				return nil, next.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// book gives that of an environment, which is then remembered for a while.
func (g *gallery) book(scope tenancy.Scope) *book {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	b := g.books[scope]
	if b == nil {
		maps.DeleteFunc(g.books, func(_ tenancy.Scope, other *book) bool { return other.idle(now) })
		b = &book{}
		g.books[scope] = b
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = now
	return b
}

// lately gives the books of environments that somebody asked of, or wrote to, lately.
func (g *gallery) lately() map[tenancy.Scope]*book {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	books := maps.Clone(g.books)
	maps.DeleteFunc(books, func(_ tenancy.Scope, b *book) bool { return b.idle(now) })
	return books
}

func (b *book) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next == nil && b.seen.Add(unseen).Before(now)
}

// take takes the next picture. It outlives who asked for it, since others wait for it too.
func (g *gallery) take(scope tenancy.Scope, b *book, before *picture, number uint64, next *coming) {
	ctx, cancel := context.WithTimeout(context.Background(), g.deadline)
	defer cancel()
	taken, err := g.look(ctx, scope, before, number)
	b.mu.Lock()
	defer b.mu.Unlock()
	if next.err = err; err == nil {
		b.current = taken
	}
	b.next = nil
	close(next.done)
}

// look asks what is stored of which server, and reads those that have changed.
func (g *gallery) look(ctx context.Context, scope tenancy.Scope, before *picture, number uint64) (*picture, error) {
	now := g.clock.Now()
	marks, err := g.store.Servers().Marks(ctx, scope, now, g.most)
	if err != nil {
		return nil, fmt.Errorf("look for servers: %w", err)
	}
	p := &picture{number: number, at: now, answers: newAnswers(), known: make(map[registry.ServerID]registry.Server, len(marks))}
	var changed []registry.ServerID
	for _, mark := range marks {
		known, ok := registry.Server{}, false
		if before != nil {
			known, ok = before.known[mark.ID]
		}
		if !ok || known.Generation != mark.Generation || known.Changes != mark.Changes {
			changed = append(changed, mark.ID)
			continue
		}
		known.ExpiresAt = mark.ExpiresAt
		p.known[mark.ID] = known
	}
	for part := range slices.Chunk(changed, fetchedAtOnce) {
		found, err := g.store.Servers().GetMany(ctx, scope, part)
		if err != nil {
			return nil, fmt.Errorf("read servers: %w", err)
		}
		for _, s := range found {
			p.known[s.ID] = s
		}
	}
	g.taken.Add(1)
	g.fetched.Add(uint64(len(changed)))
	for _, s := range p.known {
		if s.Alive(now) && s.Listed() {
			p.shown = append(p.shown, registry.Show(s, now))
		}
	}
	slices.SortFunc(p.shown, func(a, b registry.Shown) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return p, nil
}
