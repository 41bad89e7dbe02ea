package bootstrap

import (
	"errors"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/ranking"
)

func TestTheIndexOfAnEmbeddedServer(t *testing.T) {
	s := newShell(t)
	for _, arguments := range [][]string{{"project", "create", "my-game"}, {"board", "create", "laps", "--environment", "production"}} {
		if out, err := s.run("", arguments...); err != nil {
			t.Fatalf("%v: %v: %s", arguments, err, out)
		}
	}
	if out, err := s.run("", "index", "verify", "--environment", "production"); !errors.Is(err, errIndexInServer) {
		t.Errorf("verify: %v: %s", err, out)
	}
	if out, err := s.run("", "index", "rebuild", "laps", "--environment", "production"); err != nil || !strings.Contains(out, "season 1 of laps") {
		t.Errorf("rebuild: %v: %s", err, out)
	}
	if out, err := s.run("", "index", "rebuild", "laps", "--environment", "production", "--season", "2"); !errors.Is(err, ranking.ErrSeasonNotFound) {
		t.Errorf("no such season: %v: %s", err, out)
	}
	if out, err := s.run("", "index", "rebuild", "lap", "--environment", "production"); !errors.Is(err, ranking.ErrBoardNotFound) {
		t.Errorf("no such leaderboard: %v: %s", err, out)
	}
}
