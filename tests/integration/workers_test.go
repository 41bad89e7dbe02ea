package integration

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const (
	job = "token-purge"
	// endedSessions are 40 batches of the job's.
	endedSessions = 20_000
)

// purge is a world in which the purge of ended sessions takes as long as the test wants.
type purge struct {
	world
	db *pgx.Conn
}

// newPurge fills the database with sessions that ended long ago before any
// replica runs, and lets each batch of deleting them wait.
func newPurge(t *testing.T) *purge {
	t.Helper()
	// Short, and yet long enough to be extended in time beside all other tests.
	stack := harness.Production(t).With("WORKER_LEASE_SECONDS=3")
	p := &purge{world: world{stack: stack, project: stack.Project(t, "space-race")}}
	var err error
	if p.db, err = pgx.Connect(t.Context(), stack.Settings["DATABASE"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close(context.Background()) })
	p.exec(t, `CREATE TABLE pace (seconds float8 NOT NULL)`)
	p.exec(t, `INSERT INTO pace VALUES (0.3)`)
	p.exec(t, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(seconds) FROM pace; RETURN NULL; END $$`)
	p.exec(t, `CREATE TRIGGER wait BEFORE DELETE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION wait()`)
	p.exec(t, `INSERT INTO players (environment_id, id, display_name, created_at, last_seen_at)
		SELECT id, '00000000-0000-0000-0000-000000000001', '', now(), now() FROM environments`)
	p.insert(t, endedSessions)
	return p
}

func (p *purge) insert(t *testing.T, sessions int) {
	t.Helper()
	p.exec(t, `INSERT INTO sessions (environment_id, id, player_id, generation, rotated_at, created_at, expires_at, reason, client, address)
		SELECT e.id, gen_random_uuid()::text, '00000000-0000-0000-0000-000000000001', 1, now(), now(), now() - interval '30 days', '', '', ''
		FROM environments e, generate_series(1, $1::int) WHERE e.slug = 'development'`, sessions)
}

func (p *purge) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	if _, err := p.db.Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// left is how many ended sessions are still there.
func (p *purge) left(t *testing.T) (n int) {
	t.Helper()
	if err := p.db.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE expires_at < now() - interval '8 days'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// hurry lets batches go without waiting.
func (p *purge) hurry(t *testing.T) { t.Helper(); p.exec(t, `UPDATE pace SET seconds = 0`) }

type workerState struct {
	Job        string `json:"job"`
	Holder     string `json:"holder"`
	Token      int64  `json:"fencing_token"`
	LastHolder string `json:"last_holder"`
	Runs       int64  `json:"runs"`
	Failures   int64  `json:"failures"`
}

func (p *purge) state(t *testing.T, r *harness.Replica) workerState {
	t.Helper()
	var list struct{ Items []workerState }
	r.Client(p.project.Secret).Do(t, "GET", "/v1/workers", nil).Want(t, http.StatusOK).Into(t, &list)
	for _, s := range list.Items {
		if s.Job == job {
			return s
		}
	}
	t.Fatalf("there is no job %s in %+v", job, list)
	return workerState{}
}

// holder starts a replica, which gets the job because it is alone.
func (p *purge) holder(t *testing.T) (*harness.Replica, workerState) {
	t.Helper()
	r := p.stack.Serve(t)
	var s workerState
	harness.Eventually(t, patience, "holder at work", func() bool {
		s = p.state(t, r)
		return s.Holder != "" && p.left(t) < endedSessions
	})
	return r, s
}

// overtaken waits until another than the holder has the job or has done it, and
// makes sure that of every turn there is one holder only.
func (p *purge) overtaken(t *testing.T, at *harness.Replica, before workerState) {
	t.Helper()
	holders := map[int64]string{before.Token: before.Holder}
	harness.Eventually(t, patience, "successor", func() bool {
		s := p.state(t, at)
		if s.Holder != "" {
			if known, ok := holders[s.Token]; ok && known != s.Holder {
				t.Fatalf("turn %d is held by %s and %s", s.Token, known, s.Holder)
			}
			holders[s.Token] = s.Holder
		}
		if s.Token < before.Token {
			t.Fatalf("the token went from %d to %d", before.Token, s.Token)
		}
		return s.Token > before.Token && s.Holder != before.Holder
	})
}

// finished waits until nothing is left and the run is on record, and gives the state.
func (p *purge) finished(t *testing.T, at *harness.Replica) (s workerState) {
	t.Helper()
	p.hurry(t)
	harness.Eventually(t, patience, "finished run", func() bool { s = p.state(t, at); return s.Runs > 0 && s.Holder == "" })
	if left := p.left(t); left != 0 {
		t.Errorf("%d sessions are left after the run", left)
	}
	return s
}

func TestAJobMovesWhenItsHolderIsKilled(t *testing.T) {
	t.Parallel()
	p := newPurge(t)
	first, before := p.holder(t)
	second := p.stack.Serve(t)
	if s := p.state(t, second); s.Holder != before.Holder || s.Token != before.Token || s.Runs != 0 {
		t.Fatalf("with both running it is %+v, want the holder %+v", s, before)
	}
	first.Kill()
	left := p.left(t)
	if left == 0 {
		t.Fatal("the job was done before its holder was killed")
	}
	p.overtaken(t, second, before)
	s := p.finished(t, second)
	if s.Runs != 1 || s.Failures != 0 || s.LastHolder == before.Holder || s.Token <= before.Token {
		t.Errorf("after the successor's run: %+v, before: %+v", s, before)
	}
	fmt.Printf("the holder of %s was killed with %d of %d rows left; turn %d went to its successor as turn %d\n", job, left, endedSessions, before.Token, s.Token)
}

func TestAPausedHolderThatWakesLateChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPurge(t)
	first, before := p.holder(t)
	second := p.stack.Serve(t)
	first.Pause()
	left := p.left(t)
	if left == 0 {
		t.Fatal("the job was done before its holder was paused")
	}
	p.overtaken(t, second, before)
	after := p.finished(t, second)
	if after.Runs != 1 || after.LastHolder == before.Holder {
		t.Errorf("after the successor's run: %+v, before: %+v", after, before)
	}
	// What it would go on deleting, if it could.
	const late = 2000
	p.insert(t, late)
	first.Resume()
	harness.Eventually(t, patience, "word that the late one was taken over", func() bool {
		return len(first.Log("job was taken over by another replica")) > 0
	})
	if left := p.left(t); left != late {
		t.Errorf("%d of %d rows are left after the late holder woke", left, late)
	}
	if s := p.state(t, second); s.Runs != after.Runs || s.Failures != after.Failures || s.LastHolder != after.LastHolder || s.Token != after.Token {
		t.Errorf("the late holder left its trace: %+v, it was %+v", s, after)
	}
	first.Client("").Do(t, "GET", "/readyz", nil).Want(t, http.StatusOK)
	fmt.Printf("the holder of %s was paused with %d of %d rows left and woke after turn %d; it changed nothing\n", job, left, endedSessions, after.Token)
}
