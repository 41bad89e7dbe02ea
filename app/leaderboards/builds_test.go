package leaderboards_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
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

// filled is an index that is asked about what comes to it from builders.
type filled struct {
	ranking.Index
	builds, reads atomic.Int64
	fill          func(ctx context.Context, at ranking.Ladder) error
}

func (f *filled) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	f.builds.Add(1)
	return f.Index.Build(ctx, at, builder)
}

func (f *filled) Fill(ctx context.Context, at ranking.Ladder, builder string, marks []ranking.Mark) error {
	if err := f.fill(ctx, at); err != nil {
		return err
	}
	return f.Index.Fill(ctx, at, builder, marks)
}

func (f *filled) Read(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) ([]ranking.View, error) {
	f.reads.Add(1)
	return f.Index.Read(ctx, at, shared, questions...)
}

func (g *game) filled(fill func(ctx context.Context, at ranking.Ladder) error) *filled {
	index := &filled{Index: g.index.Index, fill: fill}
	g.World = g.Replica(func(p *compose.Ports) { p.Ranks = index })
	return index
}

// around asks for what only an index knows.
func (g *game) around(id ranking.BoardID) error {
	_, err := g.Leaderboards.Around(context.Background(), g.server, id, 0, g.player(0), ranking.Window{Before: 1, After: 1})
	return err
}

// While this process builds an index, who can't be answered yet doesn't ask it.
func TestReadersLeaveABuilderAlone(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	building, let := make(chan struct{}), make(chan struct{})
	index := g.filled(func(context.Context, ranking.Ladder) error {
		close(building)
		<-let
		return nil
	})
	first := make(chan error, 1)
	go func() { first <- g.around("laps") }()
	<-building
	g.Clock.Advance(buildPatience)
	before := index.reads.Load()
	for range 100 {
		if err := g.around("laps"); !errors.Is(err, ranking.ErrWarming) {
			t.Fatal(err)
		}
	}
	if n := index.reads.Load(); n != before {
		t.Errorf("the index was asked %d times while it was built", n-before)
	}
	close(let)
	<-first
	for {
		if err := g.around("laps"); !errors.Is(err, ranking.ErrWarming) {
			g.must(err)
			return
		}
	}
}

// buildPatience is how long a reader waits for an index that is being built.
const buildPatience = time.Second

// A builder to whom the index is away for a while goes on where it was.
func TestABuilderGoesOnAfterAnOutage(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	tries := 0
	index := g.filled(func(context.Context, ranking.Ladder) error {
		if tries++; tries < 4 {
			return fault.ErrUnavailable
		}
		return nil
	})
	for {
		if err := g.around("laps"); !errors.Is(err, ranking.ErrWarming) {
			g.must(err)
			break
		}
	}
	if n := index.builds.Load(); n != 1 || tries != 4 {
		t.Errorf("it began %d times, and brought its entries %d times", n, tries)
	}
}

// Builders of indexes that were left behind make place for those that are asked for.
func TestABuildingIsGivenUpWhenItsIndexWasLeftBehind(t *testing.T) {
	const boards = 4 // more than are built at once
	g := newGame(t, "", "", 1)
	var stale sync.Map
	g.filled(func(_ context.Context, at ranking.Ladder) error {
		if _, ok := stale.Load(at); ok {
			return fault.ErrUnavailable // as long as anybody tries
		}
		return nil
	})
	for b := range boards {
		id := ranking.BoardID(fmt.Sprint("board-", b))
		g.board(id, ranking.Definition{})
		_, err := g.submit(id, 0, 1, 0)
		g.must(err)
		stale.Store(g.ladder(id), true)
	}
	for b := range boards {
		if err := g.around(ranking.BoardID(fmt.Sprint("board-", b))); !errors.Is(err, ranking.ErrWarming) {
			t.Fatal(err)
		}
	}
	for b := range boards {
		id := ranking.BoardID(fmt.Sprint("board-", b))
		g.must(g.Ports.Store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			return tx.Boards().Renew(ctx, g.server.Scope(), id, 1)
		}))
		g.Leaderboards.Forget(g.server.Scope(), id)
	}
	for b := range boards {
		for {
			if err := g.around(ranking.BoardID(fmt.Sprint("board-", b))); !errors.Is(err, ranking.ErrWarming) {
				g.must(err)
				break
			}
		}
	}
	if s := g.Leaderboards.Index(); s.Failed > 0 {
		t.Errorf("to give up is no failure: %+v", s)
	}
}

// rivals is an index that somebody else builds, silently, as long as it is said.
type rivals struct {
	ranking.Index
	busy atomic.Bool
}

func (r *rivals) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	if r.busy.Load() {
		return ranking.ErrBuilding
	}
	return r.Index.Build(ctx, at, builder)
}

// A reader needn't come again for a replica that was killed while it built to be replaced.
func TestABuilderThatFellSilentIsReplaced(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 1, 0)
	g.must(err)
	index := &rivals{Index: g.index.Index}
	index.busy.Store(true)
	g.World = g.Replica(func(p *compose.Ports) { p.Ranks = index })
	if err := g.around("laps"); !errors.Is(err, ranking.ErrWarming) {
		t.Fatal(err)
	}
	index.busy.Store(false)
	for g.Leaderboards.Index().Built == 0 {
		runtime.Gosched()
	}
	g.must(g.around("laps"))
}
