package integration

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// Whoever gives the rewards of a season is killed in the middle of it, again and again.
// Each winner has one reward in the end, that of his place.
func TestRewardsAreGivenOnceThoughTheirGiversAreKilled(t *testing.T) {
	t.Parallel()
	const winners = 2600 // six batches, the last of which ends short
	stack := harness.Production(t).With("WORKER_LEASE_SECONDS=3", "LIMITS_REQUEST_SECONDS=1")
	project := stack.Project(t, "space-race")
	db, err := pgx.Connect(t.Context(), stack.Settings["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	exec := func(statement string, arguments ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement, arguments...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END $$`)
	exec(`CREATE TRIGGER wait AFTER INSERT ON rewards FOR EACH STATEMENT EXECUTE FUNCTION wait()`)

	first := stack.Serve(t)
	const boards = "/v1/projects/space-race/environments/development/leaderboards"
	operator := first.Client(project.Secret)
	operator.Do(t, "POST", boards, object{"id": "laps", "rewards": []object{{"top_basis_points": 10_000, "payload": object{"coins": 5}}}}).Want(t, http.StatusCreated)
	exec(`INSERT INTO players (environment_id, id, display_name, created_at, last_seen_at)
		SELECT e.id, '00000000-0000-7000-8000-' || lpad(n::text, 12, '0'), '', now(), now() FROM environments e, generate_series(1, $1::int) n WHERE e.slug = 'development'`, winners)
	rules, achieved := ranking.Rules{Sort: ranking.Descending, TieBreak: ranking.EarliestFirst}, time.Unix(1_700_000_000, 0)
	var keys [][]byte
	for n := range winners {
		key := rules.Key(ranking.Run{Score: int64(winners - n)}, achieved) // the n-th player is n-th
		keys = append(keys, key[:])
	}
	exec(`INSERT INTO leaderboard_entries (environment_id, player_id, board_id, season, rank_key, score, subscore, achieved_at, metadata, submissions, revision, created_at, updated_at)
		SELECT e.id, '00000000-0000-7000-8000-' || lpad(given.n::text, 12, '0'), 'laps', 1, given.key, $2::int + 1 - given.n, 0, to_timestamp(1700000000), '', 0, 1, now(), now()
		FROM environments e, unnest($1::bytea[]) WITH ORDINALITY AS given (key, n) WHERE e.slug = 'development'`, keys, winners)
	operator.Do(t, "POST", boards+"/laps/seasons", object{"closes": 1}).Want(t, http.StatusCreated)

	given := func() (n int) {
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM rewards`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var cut []int
	for r, seen := first, 0; seen < winners; {
		next := stack.Serve(t)
		harness.Eventually(t, patience, "another batch", func() bool { return given() > seen })
		r.Kill() // it has the job, or the one before had it: someone is in the middle of a batch
		seen = given()
		cut = append(cut, seen)
		r = next
	}
	if len(cut) < 2 || cut[0] == winners {
		t.Fatalf("given before anybody was killed: %v", cut)
	}
	var players, places, wrong int
	if err := db.QueryRow(t.Context(), `SELECT count(DISTINCT player_id), count(DISTINCT place),
			count(*) FILTER (WHERE rank <> place OR player_id <> '00000000-0000-7000-8000-' || lpad(place::text, 12, '0'))
			FROM rewards WHERE board_id = 'laps' AND season = 1`).Scan(&players, &places, &wrong); err != nil {
		t.Fatal(err)
	}
	if n := given(); n != winners || players != winners || places != winners || wrong != 0 {
		t.Errorf("%d rewards for %d winners: %d players, %d places, %d of them wrong", n, winners, players, places, wrong)
	}
	fmt.Printf("givers were killed after %v of %d rewards\n", cut, winners)
}
