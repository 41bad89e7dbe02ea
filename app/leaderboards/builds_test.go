package leaderboards_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/ranking"
)

// crowded counts the builds that are under way, none of which gets on before it is let.
type crowded struct {
	ranking.Index
	now, most atomic.Int64
	let       chan struct{}
}

func (c *crowded) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	for n := c.now.Add(1); ; {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	<-c.let
	return c.Index.Build(ctx, at, builder)
}

func (c *crowded) Finish(ctx context.Context, at ranking.Ladder, builder string) error {
	c.now.Add(-1)
	return c.Index.Finish(ctx, at, builder)
}

// Who asks for many old seasons at once has few of them built at a time, and gets them all.
func TestFewIndexesAreBuiltAtOnce(t *testing.T) {
	const boards = 8
	g := newGame(t, "", "", 1)
	index := &crowded{Index: g.index.Index, let: make(chan struct{})}
	g.World = g.Replica(func(p *compose.Ports) { p.Ranks = index })
	for b := range boards {
		g.board(ranking.BoardID(fmt.Sprint("board-", b)), ranking.Definition{})
	}
	read := func(b int) (int, error) {
		top, err := g.Leaderboards.Top(t.Context(), g.server, ranking.BoardID(fmt.Sprint("board-", b)), 0, nil, 1)
		return int(top.Sequence), err
	}
	var all sync.WaitGroup
	for b := range boards {
		all.Go(func() {
			if _, err := read(b); err != nil { // from the index, or from the database
				t.Error(err)
			}
		})
	}
	for index.now.Load() < 2 {
		runtime.Gosched()
	}
	for range 10_000 {
		runtime.Gosched()
	}
	close(index.let)
	all.Wait()
	if n := index.most.Load(); n != 2 {
		t.Errorf("%d indexes were built at once", n)
	}
	for b := range boards {
		for {
			if sequence, err := read(b); err != nil || sequence > 0 {
				g.must(err)
				break
			}
		}
	}
}
