package servers

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/shelf"
)

// answers are the pages of one picture that were made lately, by name. Who asks for one that is there waits for
// nobody. One that isn't is made once for all who ask for it, a few at once, so that those who ask what
// nobody else does wait for each other and leave the processors to the rest.
type answers struct {
	kept  *shelf.Shelf[string, *Page]
	desks chan struct{} // of those that are being made

	mu      sync.Mutex
	pending map[string]*pending
}

// pending is a page that somebody makes, or waits to make.
type pending struct {
	over chan struct{}
	page *Page // nil: he left before it was made
}

// answerBytes bounds the pages that are kept of one picture.
const answerBytes = 16 << 20

func newAnswers() *answers {
	return &answers{
		kept:    shelf.New[string, *Page](answerBytes),
		desks:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		pending: map[string]*pending{},
	}
}

// get gives the page of the name, as it was made if that is still good at now.
func (a *answers) get(ctx context.Context, name string, now time.Time, compute func() *Page) (*Page, error) {
	for {
		if page, ok := a.ready(name, now); ok {
			return page, nil
		}
		p, first := a.join(name)
		if first {
			return a.made(ctx, name, now, p, compute)
		}
		select {
		case <-p.over:
			if p.page != nil {
				return p.page, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *answers) ready(name string, now time.Time) (*Page, bool) {
	page, ok := a.kept.Get(name)
	return page, ok && now.Before(page.until)
}

// join gives the page that somebody makes, or has the caller make it.
func (a *answers) join(name string) (_ *pending, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.pending[name]
	if !ok {
		p = &pending{over: make(chan struct{})}
		a.pending[name] = p
	}
	return p, !ok
}

// made makes the page that the caller was the first to ask for, once it is his turn.
func (a *answers) made(ctx context.Context, name string, now time.Time, p *pending, compute func() *Page) (*Page, error) {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.pending, name)
		close(p.over)
	}()
	select {
	case a.desks <- struct{}{}:
		defer func() { <-a.desks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	page, ok := a.ready(name, now) // the one before may just have made it
	if !ok {
		page = compute()
		a.kept.Put(name, page, len(name)+page.bytes())
	}
	p.page = page
	return page, nil
}

// bytes is about what a page takes, with its encoded forms.
func (p *Page) bytes() int {
	n := 512
	for _, s := range p.Servers {
		n += 1024 + len(s.Metadata)
	}
	return n
}
