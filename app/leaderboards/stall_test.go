package leaderboards_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

// A writer that stands still after its intent, until a reader has settled it, and dies
// after its commit, leaves an intent behind all the same.
func TestAWriterThatStoodStillLeavesItsIntentBehind(t *testing.T) {
	g := newGame(t, "", "", 2)
	g.board("laps", ranking.Definition{})
	_, err := g.submit("laps", 0, 5, 0)
	g.must(err)
	read := func() int {
		t.Helper()
		top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
		g.must(err)
		return len(top.Places)
	}
	read()
	stall := func() {
		g.Clock.Advance(ranking.IntentFor)
		if n := read(); n != 1 {
			t.Errorf("while it stands still: %d places", n)
		}
	}
	dead := &faulty{Index: g.index.Index}
	dead.stall.Store(&stall)
	dead.dying.Store(true)
	writer := g.Replica(func(p *compose.Ports) { p.Ranks = dead })
	_, err = writer.Leaderboards.Submit(t.Context(), g.server, "laps", ranking.Submission{Player: g.player(1), Run: ranking.Run{Score: 6}})
	g.must(err)
	g.Clock.Advance(ranking.IntentFor)
	if n := read(); n != 2 {
		t.Errorf("after its death: %d places", n)
	}
}

// lateCommits calls a function before transactions commit.
type lateCommits struct {
	datastore.Datastore
	before func()
}

func (l *lateCommits) InTx(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
	return l.Datastore.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		err := fn(ctx, tx)
		if before := l.before; before != nil && err == nil {
			l.before = nil
			before()
		}
		return err
	})
}

// Who settles waits for a commit that is under way, also when it makes an entry where
// there was none to lock.
func TestSettlingWaitsForACommit(t *testing.T) {
	address := servers.Postgres(t)
	g := newGame(t, address, "", 2)
	db, err := sql.Open("pgx", address)
	g.must(err)
	defer db.Close()
	g.board("laps", ranking.Definition{})
	_, err = g.submit("laps", 0, 5, 0)
	g.must(err)
	_, err = g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
	g.must(err)

	late, dead := &lateCommits{Datastore: g.Ports.Store}, &faulty{Index: g.index.Index}
	dead.dying.Store(true)
	writer := g.Replica(func(p *compose.Ports) { p.Store, p.Ranks = late, dead })
	read := make(chan int, 1)
	late.before = func() {
		g.Clock.Advance(ranking.IntentFor)
		go func() {
			top, err := g.Leaderboards.Top(context.Background(), g.server, "laps", 0, nil, 10)
			if err != nil {
				t.Error(err)
			}
			read <- len(top.Places)
		}()
		for blocked := 0; blocked == 0 && len(read) == 0; {
			const blockedOnes = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			if err := db.QueryRowContext(context.Background(), blockedOnes).Scan(&blocked); err != nil {
				t.Error(err)
				return
			}
		}
	}
	_, err = writer.Leaderboards.Submit(t.Context(), g.server, "laps", ranking.Submission{Player: g.player(1), Run: ranking.Run{Score: 6}})
	g.must(err)
	if n := <-read; n != 2 {
		t.Errorf("%d places, though the commit was first", n)
	}
}

// untold is an index that takes its time to say that it can't be told of an intent.
type untold struct {
	ranking.Index
	wait func()
}

func (u *untold) Intend(context.Context, ranking.Ladder, ranking.Intent) error {
	u.wait()
	return fault.ErrUnavailable
}

// Who could note no intent has no time to lose one in: the run is taken, however long the index took.
func TestARunIsTakenThoughTheIndexIsSlowToFail(t *testing.T) {
	g := newGame(t, "", "", 1)
	g.board("laps", ranking.Definition{})
	tries := 0
	writer := g.Replica(func(p *compose.Ports) {
		p.Ranks = &untold{Index: g.index.Index, wait: func() {
			g.Clock.Advance(ranking.IntentFor)
			if tries++; tries > 1 {
				t.Error("it begins anew")
			}
		}}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := writer.Leaderboards.Submit(ctx, g.server, "laps", ranking.Submission{Player: g.player(0), Run: ranking.Run{Score: 6}})
	g.must(err)
	top, err := g.Leaderboards.Top(t.Context(), g.server, "laps", 0, nil, 10)
	g.must(err)
	if len(top.Places) != 1 {
		t.Errorf("%d places", len(top.Places))
	}
}
