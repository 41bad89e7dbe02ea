package bootstrap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/plugin"
)

// shell runs commands on one data folder.
type shell struct {
	t    *testing.T
	data string
}

func newShell(t *testing.T) shell { return shell{t, filepath.Join(t.TempDir(), "data")} }

func (s shell) run(stdin string, arguments ...string) (string, error) {
	s.t.Helper()
	root := newRoot(plugin.NewRegistry(all.Plugins()...))
	var out bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append(arguments, "--data", s.data))
	err := root.ExecuteContext(s.t.Context())
	return out.String(), err
}

func (s shell) must(stdin string, arguments ...string) string {
	s.t.Helper()
	out, err := s.run(stdin, arguments...)
	if err != nil {
		s.t.Fatalf("overworld %s: %s", strings.Join(arguments, " "), explain(err))
	}
	return out
}

// refused wants a command to fail with these words.
func (s shell) refused(stdin, words string, arguments ...string) {
	s.t.Helper()
	out, err := s.run(stdin, arguments...)
	if err == nil {
		s.t.Errorf("overworld %s was not refused: %s", strings.Join(arguments, " "), out)
	} else if !strings.Contains(explain(err), words) {
		s.t.Errorf("overworld %s: %q, want %q", strings.Join(arguments, " "), explain(err), words)
	}
}

// shownBoard is what the tests read of --json.
type shownBoard struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Sort          string `json:"sort"`
	Operator      string `json:"operator"`
	TieBreak      string `json:"tie_break"`
	Attempts      int    `json:"attempts"`
	MinScore      *int64 `json:"min_score"`
	MaxScore      *int64 `json:"max_score"`
	Submitters    string `json:"submitters"`
	MetadataBytes int    `json:"metadata_bytes"`
	KeepSeasons   int    `json:"keep_seasons"`
	Schedule      *struct {
		Cron     string `json:"cron"`
		TimeZone string `json:"time_zone"`
	} `json:"schedule"`
	Version int64 `json:"version"`
	Current *struct {
		Season     int        `json:"season"`
		Sort       string     `json:"sort"`
		PlannedEnd *time.Time `json:"planned_end"`
	} `json:"current_season"`
}

func (s shell) board(stdin string, arguments ...string) shownBoard {
	s.t.Helper()
	out := s.must(stdin, append([]string{"board"}, append(arguments, "--environment", "staging", "--json")...)...)
	var shown shownBoard
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	return shown
}

// TestBoardsByCommand makes a board, changes it by flags and by file, ends a season and deletes it.
func TestBoardsByCommand(t *testing.T) {
	s := newShell(t)
	s.must("", "project", "create", "my-game")
	made := s.board("", "create", "laps", "--sort", "asc", "--operator", "latest", "--tie-break", "shared", "--attempts", "3",
		"--min-score", "-9223372036854775808", "--max-score", "9223372036854775807", "--submitters", "player", "--metadata-bytes", "200")
	if made.ID != "laps" || made.Name != "laps" || made.Sort != "asc" || made.Operator != "latest" || made.TieBreak != "shared" || made.Attempts != 3 ||
		made.MinScore == nil || *made.MinScore != -1<<63 || made.MaxScore == nil || *made.MaxScore != 1<<63-1 || made.Submitters != "player" || made.MetadataBytes != 200 {
		t.Errorf("made %+v", made)
	}

	changed := s.board("", "update", "laps", "--min-score", "none", "--sort", "desc")
	if changed.MinScore != nil || changed.MaxScore == nil || changed.Sort != "desc" || changed.Current.Sort != "asc" || changed.Operator != "latest" || changed.Version != 2 {
		t.Errorf("changed by flags to %+v", changed)
	}

	file := filepath.Join(t.TempDir(), "laps.json")
	if err := os.WriteFile(file, []byte(`{"operator": "sum", "max_score": "50"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	changed = s.board("", "update", "laps", "--file", file, "--name", "Laps")
	if changed.Name != "Laps" || changed.Operator != "sum" || changed.TieBreak != "earliest" || changed.Attempts != 0 || *changed.MaxScore != 50 || changed.Submitters != "server" {
		t.Errorf("changed by file to %+v", changed)
	}
	if piped := s.board(`{"sort": "asc"}`, "create", "piped", "--file", "-", "--sort", "desc"); piped.Sort != "desc" {
		t.Errorf("flags come after the file: %+v", piped)
	}

	if after := s.board("", "close", "laps", "--season", "1"); after.Current.Season != 2 || after.Current.Sort != "desc" {
		t.Errorf("after the season: %+v", after)
	}
	if shown := s.board("", "show", "laps"); shown.Current.Season != 2 {
		t.Errorf("shows %+v", shown)
	}
	if out := s.must("", "board", "show", "laps", "--environment", "staging"); !strings.Contains(out, "desc, sum, earliest") {
		t.Errorf("shows %s", out)
	}

	in := func(arguments ...string) []string {
		return append(append([]string{"board"}, arguments...), "--environment", "staging")
	}
	for words, arguments := range map[string][]string{
		"There is a leaderboard":               in("create", "laps"),
		"id: 1 to 64":                          in("create", "Laps"),
		"sort: One of":                         in("create", "other", "--sort", "up"),
		"--attempts":                           in("create", "other", "--attempts", "many"),
		"--min-score":                          in("create", "other", "--min-score", "9223372036854775808"),
		"at least one of the flags":            in("update", "laps"),
		"in the group [access":                 {"environment", "set", "my-game", "staging"},
		"There is no such leaderboard":         in("show", "nothing"),
		"There is no such environment":         {"board", "list", "--environment", "moon"},
		"There is no such project":             {"board", "list", "--environment", "staging", "--project", "moon"},
		`"environment" not set`:                {"board", "list"},
		`"season" not set`:                     in("close", "laps"),
		"closed before":                        in("close", "laps", "--season", "1"),
		"no such season":                       in("close", "laps", "--season", "3"),
		"Repeat the leaderboard's id, laps":    in("delete", "laps"),
		"Repeat the leaderboard's id, laps, i": in("delete", "laps", "--confirm", "lap"),
	} {
		s.refused("", words, arguments...)
	}
	for stdin, words := range map[string]string{
		`{"sorting": "asc", "attempts": "x"}`: "sorting: There is no such member",
		`{"sort": "asc", "attempts": 1.5}`:    "attempts: An integer",
		`{"sort": "asc", "sort": "desc"}`:     "sort: This member is given twice",
		``:                                    "The JSON value has no end",
		strings.Repeat(" ", 1<<20) + `{}`:     "larger than 1048576 bytes",
	} {
		s.refused(stdin, words, in("create", "other", "--file", "-")...)
	}

	s.must("", in("delete", "laps", "--confirm", "laps")...)
	if out := s.must("", in("list")...); strings.Contains(out, "laps") || !strings.Contains(out, "piped") {
		t.Errorf("lists %s", out)
	}
}

func TestSchedulesByCommand(t *testing.T) {
	s := newShell(t)
	s.must("", "project", "create", "my-game")
	wants := func(b shownBoard, cron, zone string, kept int) {
		t.Helper()
		switch {
		case b.KeepSeasons != kept, (b.Schedule != nil) != (cron != ""), (b.Current.PlannedEnd != nil) != (cron != ""):
		case cron != "" && (b.Schedule.Cron != cron || b.Schedule.TimeZone != zone):
		default:
			return
		}
		t.Errorf("schedule %+v, planned end %v, keeps %d", b.Schedule, b.Current.PlannedEnd, b.KeepSeasons)
	}
	wants(s.board("", "create", "laps", "--time-zone", "Europe/Berlin", "--schedule", "0 5 * * mon", "--keep-seasons", "52"), "0 5 * * mon", "Europe/Berlin", 52)
	wants(s.board("", "update", "laps", "--schedule", "0 6 * * *"), "0 6 * * *", "Europe/Berlin", 52)
	wants(s.board("", "update", "laps", "--schedule", "none", "--keep-seasons", "0"), "", "", 0)
	wants(s.board("", "update", "laps", "--schedule", "0 6 * * *"), "0 6 * * *", "UTC", 0)
	wants(s.board("", "update", "laps", "--time-zone", "Asia/Tokyo"), "0 6 * * *", "Asia/Tokyo", 0)
	out := s.must("", "board", "show", "laps", "--environment", "staging")
	for _, words := range []string{"0 6 * * * in Asia/Tokyo", "21:00", "season 2 ends", "season 5 ends", "all"} {
		if !strings.Contains(out, words) {
			t.Errorf("it doesn't show %q: %s", words, out)
		}
	}
	for words, flags := range map[string][]string{
		"schedule/cron":      {"--schedule", "0 5 * *"},
		"schedule/time_zone": {"--schedule", "0 5 * * *", "--time-zone", "Berlin"},
		"keep_seasons":       {"--keep-seasons", "-1"},
	} {
		s.refused("", words, append([]string{"board", "update", "laps", "--environment", "staging"}, flags...)...)
	}
}

// TestArchivesByCommand downloads what a worker has archived, and what somebody has spoilt since.
func TestArchivesByCommand(t *testing.T) {
	s := newShell(t)
	s.must("", "project", "create", "my-game")
	s.board("", "create", "laps")
	file := filepath.Join(t.TempDir(), "laps.gz")
	download := []string{"board", "archive", "laps", "--environment", "staging", "--season", "1", "--output", file}
	s.refused("", "has no archive yet", download...)
	s.board("", "close", "laps", "--season", "1")
	s.must("", "environment", "set", "my-game", "staging", "--clock-offset", "1m")
	tend := onBoards(plugin.NewRegistry(all.Plugins()...), &cobra.Command{Use: "tend"}, func(ctx context.Context, b boards, _ []string) error {
		e, err := b.App.Operators.Environment(ctx, b.principal, b.place.Project, b.place.Environment)
		if err != nil {
			return err
		}
		return errors.Join(b.App.Leaderboards.Tend(ctx, e, b.Store.InTx), b.App.Leaderboards.Archive(ctx, e, b.Store.InTx))
	})
	config.AddFlags(tend.PersistentFlags())
	tend.SetArgs([]string{"--environment", "staging", "--data", s.data})
	if err := tend.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := s.must("", download...)
	written, err := os.ReadFile(file)
	if sum := fmt.Sprintf("%x", sha256.Sum256(written)); err != nil || !strings.Contains(out, sum) || !strings.Contains(out, "0 entries") {
		t.Errorf("wrote %d bytes of hash %s: %s, %v", len(written), sum, out, err)
	}
	if piped := s.must("", append(download, "--output", "-")...); piped != string(written) {
		t.Errorf("piped %d bytes", len(piped))
	}
	s.refused("", "exists", download...)
	s.refused("", "no such season", "board", "archive", "laps", "--environment", "staging", "--season", "9")
	var objects []string
	err = filepath.WalkDir(filepath.Join(s.data, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "archives") {
			objects = append(objects, path)
		}
		return err
	})
	if err != nil || len(objects) != 1 {
		t.Fatalf("objects %v, %v", objects, err)
	}
	stored, err := os.ReadFile(objects[0])
	at := bytes.Index(stored, written)
	if err != nil || at < 0 {
		t.Fatalf("the object doesn't hold the archive: %v", err)
	}
	stored[at+len(written)-1] ^= 1
	if err := errors.Join(os.Remove(file), os.WriteFile(objects[0], stored, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.refused("", "no longer what was archived", download...)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left a file: %v", err)
	}
}

// TestBoardsAreListedToTheLast, on however many pages.
func TestBoardsAreListedToTheLast(t *testing.T) {
	s := newShell(t)
	s.must("", "project", "create", "my-game")
	fill := onBoards(plugin.NewRegistry(all.Plugins()...), &cobra.Command{Use: "fill"}, func(ctx context.Context, b boards, _ []string) error {
		for i := range page + 1 {
			id := ranking.BoardID(fmt.Sprintf("b-%03d", i))
			if _, err := b.App.Operators.CreateLeaderboard(ctx, b.principal, b.place, id, ranking.Definition{}); err != nil {
				return err
			}
		}
		return nil
	})
	config.AddFlags(fill.PersistentFlags())
	fill.SetArgs([]string{"--environment", "staging", "--data", s.data})
	if err := fill.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var listed struct{ Items []shownBoard }
	if err := json.Unmarshal([]byte(s.must("", "board", "list", "--environment", "staging", "--json")), &listed); err != nil {
		t.Fatal(err)
	}
	if n := len(listed.Items); n != page+1 || listed.Items[n-1].ID != fmt.Sprintf("b-%03d", page) {
		t.Errorf("%d listed", n)
	}
}
