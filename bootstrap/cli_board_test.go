package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	Version       int64  `json:"version"`
	Current       *struct {
		Season int    `json:"season"`
		Sort   string `json:"sort"`
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
