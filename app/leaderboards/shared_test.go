package leaderboards_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

// held is a store whose first transaction waits until it is let go, so that
// writers gather behind it, and that counts transactions.
type held struct {
	datastore.Datastore
	commits atomic.Int64
	begun   chan struct{}
	let     chan struct{}
}

func (h *held) InTx(ctx context.Context, fn func(context.Context, datastore.Repos) error) error {
	if h.commits.Add(1) == 1 {
		close(h.begun)
		<-h.let
	}
	return h.Datastore.InTx(ctx, fn)
}

// Runs under Idempotency-Keys, on several boards, share commits; each has its effect once, and
// one whose effect fails leaves its neighbours alone.
func TestKeyedRunsOfSeveralBoardsShareCommits(t *testing.T) {
	const boards, writers = 3, 90
	g := newGame(t, "", "", 4)
	h := &held{begun: make(chan struct{}), let: make(chan struct{})}
	for b := range boards {
		g.board(ranking.BoardID(fmt.Sprint("board-", b)), ranking.Definition{Rules: ranking.Rules{Operator: ranking.Sum}})
	}
	g.World = g.Replica(func(p *compose.Ports) { h.Datastore = p.Store; p.Store = h })
	refused := fault.New(fault.Conflict, "test.refused", "No.")
	submit := func(i int) (answer string, err error) {
		key := fmt.Sprint("key-", i)
		attempt, before, err := g.Ledger.Begin(context.Background(), g.server, key, sha256.Sum256([]byte(key)))
		if err != nil || before != nil {
			return string(before), err
		}
		defer attempt.End()
		run := ranking.Submission{Player: g.player(i % 4), Run: ranking.Run{Score: 1}}
		receipt, err := g.Leaderboards.Submit(context.Background(), g.server, ranking.BoardID(fmt.Sprint("board-", i%boards)), run,
			func(ctx context.Context, tx datastore.Repos, r ranking.Receipt) error {
				if i%10 == 7 {
					return refused
				}
				return attempt.Keep(ctx, tx, fmt.Append(nil, r.Current.Score))
			})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(receipt.Current.Score), nil
	}
	answers := make([]string, writers)
	write := func(i int) {
		var err error
		answers[i], err = submit(i)
		if i%10 == 7 != errors.Is(err, refused) || i%10 != 7 && err != nil {
			t.Errorf("run %d: %v", i, err)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { write(0) })
	<-h.begun
	for i := 1; i < writers; i++ {
		wait.Go(func() { write(i) })
	}
	for g.Leaderboards.Writes().Waiting < writers-1 {
		runtime.Gosched()
	}
	close(h.let)
	wait.Wait()
	if n := h.commits.Load(); n > writers/4 {
		t.Errorf("%d transactions for %d runs that were there together", n, writers)
	}
	sums := map[string]int64{}
	for i, answer := range answers {
		if i%10 == 7 {
			continue
		}
		sums[fmt.Sprintf("board-%d/%d", i%boards, i%4)]++
		if again, err := submit(i); err != nil || again != answer {
			t.Errorf("key %d answers %s, and again %s, %v", i, answer, again, err)
		}
	}
	for b := range boards {
		for i := range 4 {
			one, err := g.Leaderboards.One(t.Context(), g.server, ranking.BoardID(fmt.Sprint("board-", b)), 0, g.player(i))
			g.must(err)
			run, _ := one.Season.Rules.Read(one.Places[0].Key)
			if want := sums[fmt.Sprintf("board-%d/%d", b, i)]; run.Score != want {
				t.Errorf("board %d, player %d: %d, want %d", b, i, run.Score, want)
			}
		}
	}
}

// A key that another process used first undoes the run, and nothing else.
func TestAKeyThatWasUsedElsewhereUndoesItsRun(t *testing.T) {
	g := newGame(t, "", "", 2)
	g.board("laps", ranking.Definition{Rules: ranking.Rules{Operator: ranking.Sum}})
	other := g.Replica(nil)
	mine, _, err := g.Ledger.Begin(t.Context(), g.server, "key", [32]byte{1})
	g.must(err)
	theirs, _, err := other.Ledger.Begin(t.Context(), g.server, "key", [32]byte{1})
	g.must(err)
	g.must(g.Ports.Store.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error { return theirs.Keep(ctx, tx, []byte("elsewhere")) }))
	_, err = g.Leaderboards.Submit(t.Context(), g.server, "laps", ranking.Submission{Player: g.player(0), Run: ranking.Run{Score: 1}},
		func(ctx context.Context, tx datastore.Repos, _ ranking.Receipt) error {
			return mine.Keep(ctx, tx, []byte("here"))
		})
	if !errors.Is(err, idempotency.ErrTaken) {
		t.Errorf("got %v", err)
	}
	if _, err := g.Leaderboards.One(t.Context(), g.server, "laps", 0, g.player(0)); !errors.Is(err, ranking.ErrNotRanked) {
		t.Errorf("after it: %v", err)
	}
}
