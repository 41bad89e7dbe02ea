package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// closeSteps are what the close of a season does to the database, each in a transaction of its own, and
// the trigger that is at it. What it does to the object store is putStep.
var closeSteps = map[string]string{
	"end":     "INSERT ON leaderboard_seasons %s FOR EACH ROW WHEN (NEW.number = 2)",
	"freeze":  "UPDATE ON leaderboard_seasons %s FOR EACH ROW WHEN (OLD.state = 'closing' AND NEW.state = 'closed')",
	"reward":  "INSERT ON rewards %s FOR EACH ROW",
	"archive": "UPDATE ON leaderboard_seasons %s FOR EACH ROW WHEN (NEW.state = 'archived')",
}

const putStep = "put"

// closing is a season that is closed by replicas of which each is killed that comes to a step first.
type closing struct {
	t        *testing.T
	stack    *harness.Stack
	project  harness.Project
	db       *pgx.Conn // holds the lock of each step at which a replica is still to be killed
	locks    map[string]int64
	store    *store
	replicas map[string]*harness.Replica // by name
	started  int
	killed   []string
	*submitters
}

// Whoever comes to a step of a season's close is killed in it, one after the other, while two replicas race and
// runs come in all along: before its commit, and with the commit on its way, which succeeds though nobody is told.
func TestASeasonIsClosedOnceThoughItsClosersAreKilledAtEachStep(t *testing.T) {
	for name, committed := range map[string]bool{"before its commit": false, "while its commit is on its way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClosing(t, committed)
			c.serve()
			c.serve()
			planned := c.begin()
			c.submitters = newSubmitters(c.project.Server["development"])
			c.at(slices.Collect(maps.Values(c.replicas)))
			c.submit(t)
			defer c.stop()
			harness.Eventually(t, patience, "runs in the first season", func() bool { return c.counted(1) > 50 })
			c.moveTo(planned)
			for len(c.locks) > 0 || c.store.armed.Load() {
				c.killOne(committed)
			}
			harness.Eventually(t, patience, "archive", func() bool { return c.season(t).State == "archived" && c.rewarded() })
			harness.Eventually(t, patience, "runs of everybody in the next season", func() bool { return c.counted(2) > 50 })
			before := c.standings(t)
			c.stop()
			c.check(t, before)
			fmt.Printf("a season was closed once: %s, its closer was killed at each of: %s; %d runs counted in it, %d in the next\n", name, strings.Join(c.killed, ", "), c.counted(1), c.counted(2))
		})
	}
}

func newClosing(t *testing.T, committed bool) *closing {
	t.Helper()
	stack := harness.Production(t).With("WORKER_LEASE_SECONDS=3", "LIMITS_REQUEST_SECONDS=3")
	c := &closing{t: t, stack: stack, project: stack.Project(t, "space-race"), locks: map[string]int64{}, replicas: map[string]*harness.Replica{}}
	var err error
	if c.db, err = pgx.Connect(t.Context(), stack.Settings["DATABASE"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close(context.Background()) })
	c.exec(`CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint); RETURN NULL; END $$`)
	for step, on := range closeSteps {
		c.locks[step] = int64(len(c.locks) + 1)
		kind, when := "TRIGGER", ""
		if committed {
			kind, when = "CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED"
		}
		c.exec(fmt.Sprintf("CREATE %s at_%s AFTER %s EXECUTE FUNCTION step(%d)", kind, step, fmt.Sprintf(on, when), c.locks[step]))
		c.exec(`SELECT pg_advisory_lock($1)`, c.locks[step])
	}
	c.store = newStore(t, stack.Settings["BLOBS"], committed)
	return c
}

func (c *closing) exec(statement string, arguments ...any) {
	c.t.Helper()
	if _, err := c.db.Exec(c.t.Context(), statement, arguments...); err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
}

// serve starts a replica that the database and the object store can tell from others.
func (c *closing) serve() {
	c.t.Helper()
	c.started++
	name := fmt.Sprint("replica-", c.started)
	address, err := url.Parse(c.stack.Settings["DATABASE"])
	if err != nil {
		c.t.Fatal(err)
	}
	query := address.Query()
	query.Set("application_name", name)
	address.RawQuery = query.Encode()
	c.replicas[name] = c.stack.With("DATABASE="+address.String(), "BLOBS="+c.store.address(c.t, name)).Serve(c.t)
	if c.submitters != nil {
		c.at(slices.Collect(maps.Values(c.replicas)))
	}
}

func (c *closing) operator() harness.Client {
	for _, r := range c.replicas {
		return r.Client(c.project.Secret)
	}
	panic("no replica is there")
}

const (
	closingPlace  = "/v1/projects/space-race/environments/development"
	closingBoards = closingPlace + "/leaderboards"
)

// begin makes the leaderboard and its players, and gives the end of its first season.
func (c *closing) begin() time.Time {
	c.t.Helper()
	var made struct {
		Current seasonState `json:"current_season"`
	}
	c.operator().Do(c.t, "POST", closingBoards, object{
		"id": "laps", "schedule": object{"cron": farFromNow()}, "rewards": []object{{"top_basis_points": 10_000, "payload": object{"coins": 5}}},
	}).Want(c.t, http.StatusCreated).Into(c.t, &made)
	c.exec(`INSERT INTO players (environment_id, id, display_name, created_at, last_seen_at)
		SELECT e.id, '00000000-0000-7000-8000-' || lpad(n::text, 12, '0'), '', now(), now() FROM environments e, generate_series(1, $1::int) n WHERE e.slug = 'development'`, closingPlayers)
	return made.Current.PlannedEnd
}

// farFromNow is a schedule by which a season ends each day, but not while the test runs by itself.
func farFromNow() string { return fmt.Sprintf("0 %d * * *", time.Now().UTC().Add(12*time.Hour).Hour()) }

// moveTo puts the environment's clock a second after a moment.
func (c *closing) moveTo(moment time.Time) {
	c.t.Helper()
	offset := int64(time.Until(moment)/time.Second) + 2
	c.operator().Do(c.t, "PATCH", closingPlace, object{"settings": object{"clock_offset_seconds": offset}}).Want(c.t, http.StatusOK)
}

type seasonState struct {
	Number     int       `json:"season"`
	State      string    `json:"state"`
	StartedAt  time.Time `json:"started_at"`
	PlannedEnd time.Time `json:"planned_end"`
	EndedAt    time.Time `json:"ended_at"`
	Archive    *struct {
		SHA256  string `json:"sha256"`
		Bytes   int64  `json:"bytes"`
		Entries int    `json:"entries"`
	} `json:"archive"`
}

// season is the first one.
func (c *closing) season(t *testing.T) (s seasonState) {
	t.Helper()
	var all struct{ Items []seasonState }
	c.operator().As(c.project.Server["development"]).Do(t, "GET", "/v1/leaderboards/laps/seasons", nil).Want(t, http.StatusOK).Into(t, &all)
	for _, one := range all.Items {
		if one.Number == 1 {
			return one
		}
	}
	t.Fatalf("there is no first season in %+v", all)
	return s
}

// rewarded tells whether all rewards of the first season are given.
func (c *closing) rewarded() (finished bool) {
	c.t.Helper()
	if err := c.db.QueryRow(c.t.Context(), `SELECT coalesce(bool_and(finished), false) FROM awards`).Scan(&finished); err != nil {
		c.t.Fatal(err)
	}
	return finished
}

// killOne kills the next replica that is at one of the steps that are left, and starts another.
func (c *closing) killOne(committed bool) {
	c.t.Helper()
	var step, name string
	var backend int
	harness.Eventually(c.t, patience, "replica at one of "+fmt.Sprint(slices.Sorted(maps.Keys(c.locks)))+" or the object store", func() bool {
		select {
		case name = <-c.store.reached:
			step = putStep
			return c.replicas[name] != nil
		default:
		}
		var lock int64
		err := c.db.QueryRow(c.t.Context(), `SELECT a.application_name, a.pid, l.objid::bigint FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database() AND a.application_name = ANY($1) LIMIT 1`,
			slices.Collect(maps.Keys(c.replicas))).Scan(&name, &backend, &lock)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			c.t.Fatal(err)
		}
		for of, number := range c.locks {
			if err == nil && number == lock {
				step = of
				return true
			}
		}
		return false
	})
	c.replicas[name].Kill()
	delete(c.replicas, name)
	c.at(slices.Collect(maps.Values(c.replicas)))
	// Its other transactions end with it, and this one if it was not to be committed.
	if !committed {
		backend = 0
	}
	harness.Eventually(c.t, patience, "end of its transactions", func() bool {
		var left int
		if err := c.db.QueryRow(c.t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND pid <> $2`, name, backend).Scan(&left); err != nil {
			c.t.Fatal(err)
		}
		return left == 0
	})
	if step == putStep {
		c.store.armed.Store(false)
	} else {
		c.exec(`SELECT pg_advisory_unlock($1)`, c.locks[step])
		delete(c.locks, step)
	}
	c.killed = append(c.killed, step)
	c.serve()
}
