package integration

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// Ends that come while the process is down are made up for at its next start, each at its own time and in
// order; so is one that it was killed before it got to.
func TestSeasonsThatWereDueWhileDownCloseAtTheNextStart(t *testing.T) {
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			stack := kind.New(t)
			d := &downtime{t: t, stack: stack, project: stack.Project(t, "space-race")}
			d.serve()
			d.board("daily", farFromNow(), "UTC")
			d.board("weekly", fmt.Sprintf("30 5 * * %d", time.Now().Add(72*time.Hour).Weekday()), "America/New_York")
			d.board("never", "", "")
			player := d.replica.Client(d.project.Publishable["development"]).Guest(t).PlayerID
			submit := func(board string, season int) {
				t.Helper()
				var told struct{ Season int }
				d.replica.Client(d.project.Server["development"]).Do(t, "POST", "/v1/leaderboards/"+board+"/scores", object{"player": player, "score": 5}).Want(t, http.StatusOK).Into(t, &told)
				if told.Season != season {
					t.Errorf("a run on %s counts in season %d, not %d", board, told.Season, season)
				}
			}
			for _, board := range []string{"daily", "weekly", "never"} {
				submit(board, 1)
			}
			first := d.seasons("daily")[0]
			d.replica.Stop()
			d.move(9*24*time.Hour + time.Until(first.PlannedEnd) + time.Minute) // ten ends
			d.serve()
			d.inOrder("daily", 10, 24*time.Hour, first)
			d.inOrder("never", 0, 0, seasonState{})
			weekly := d.inOrder("weekly", -1, 7*24*time.Hour, seasonState{})
			submit("daily", 11)
			submit("weekly", weekly+1)

			// It is killed, and one more end comes while it is.
			d.replica.Kill()
			d.move(10*24*time.Hour + time.Until(first.PlannedEnd) + time.Minute)
			d.serve()
			d.inOrder("daily", 11, 24*time.Hour, first)
			submit("daily", 12)
			if faults := d.replica.Faults(); len(faults) > 0 {
				t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
			}
			fmt.Printf("ends that came while the process was down, %s: 11 of a daily leaderboard and %d of a weekly one were made up for in order\n", kind.Name, weekly)
		})
	}
}

// downtime is one replica that isn't always there.
type downtime struct {
	t       *testing.T
	stack   *harness.Stack
	project harness.Project
	replica *harness.Replica
}

func (d *downtime) serve() { d.t.Helper(); d.replica = d.stack.Serve(d.t) }

func (d *downtime) board(id, cron, zone string) {
	d.t.Helper()
	definition := object{"id": id}
	if cron != "" {
		definition["schedule"] = object{"cron": cron, "time_zone": zone}
	}
	d.replica.Client(d.project.Secret).Do(d.t, "POST", closingBoards, definition).Want(d.t, http.StatusCreated)
}

// seasons are those of a leaderboard, the first of them first.
func (d *downtime) seasons(board string) (all []seasonState) {
	d.t.Helper()
	var page struct{ Items []seasonState }
	d.replica.Client(d.project.Server["development"]).Do(d.t, "GET", "/v1/leaderboards/"+board+"/seasons?limit=100", nil).Want(d.t, http.StatusOK).Into(d.t, &page)
	for _, s := range page.Items {
		all = append([]seasonState{s}, all...)
	}
	return all
}

// move moves the environment's clock while no process runs.
func (d *downtime) move(by time.Duration) {
	d.t.Helper()
	driver, source, change := "pgx", d.stack.Settings["DATABASE"], `UPDATE environments SET settings = jsonb_set(settings::jsonb, '{clock_offset_seconds}', to_jsonb($1::bigint))::text WHERE slug = 'development'`
	if source == "" {
		driver, source = "sqlite", filepath.Join(d.stack.Settings["DATA"], "overworld.db")
		change = `UPDATE environments SET settings = json_set(settings, '$.clock_offset_seconds', $1) WHERE slug = 'development'`
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), change, int64(by/time.Second)); err != nil {
		d.t.Fatal(err)
	}
}

// inOrder waits until so many seasons are archived (-1: as many as there are, of which one at least ended), and makes
// sure that each ended at its planned end, so far from the one before, and began the next. It gives how many ended.
func (d *downtime) inOrder(board string, ended int, apart time.Duration, first seasonState) int {
	d.t.Helper()
	var all []seasonState
	harness.Eventually(d.t, patience, fmt.Sprintf("%d archives of %s", ended, board), func() bool {
		all = d.seasons(board)
		archived := 0
		for _, s := range all {
			if s.State == "archived" {
				archived++
			}
		}
		return archived == len(all)-1 && (archived == ended || ended < 0 && archived > 0)
	})
	var told []string
	for i, s := range all[:len(all)-1] {
		entries := 0
		if i == 0 || i == len(all)-2 && ended == 11 {
			entries = 1
		}
		if s.Number != i+1 || !s.EndedAt.Equal(s.PlannedEnd) || s.Archive == nil || s.Archive.Entries != entries || !all[i+1].StartedAt.Equal(s.EndedAt) {
			d.t.Errorf("season %d of %s: %+v, %+v", i+1, board, s, s.Archive)
		}
		// Clocks may be put forward or back in between.
		if between := s.EndedAt.Sub(s.StartedAt); i > 0 && (between < apart-time.Hour || between > apart+time.Hour) {
			d.t.Errorf("season %d of %s lasted %s", i+1, board, between)
		}
		told = append(told, s.EndedAt.Format(time.RFC3339))
	}
	if last := all[len(all)-1]; last.State != "open" || last.Number != len(all) {
		d.t.Errorf("the last season of %s is %+v", board, last)
	}
	if ended > 0 && !all[0].EndedAt.Equal(first.PlannedEnd) {
		d.t.Errorf("the seasons of %s ended at %s", board, strings.Join(told, ", "))
	}
	return len(all) - 1
}
