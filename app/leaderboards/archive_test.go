package leaderboards_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

// archived reads a season's archive, whose hash must be the one on record, and gives its lines.
func (g *game) archived(board ranking.BoardID, season int) (ranking.Archive, []string) {
	g.t.Helper()
	ctx := context.Background()
	found, err := g.Operators.SeasonArchive(ctx, g.operator, here, ranking.SeasonRef{Board: board, Number: season})
	g.must(err)
	content, err := g.Leaderboards.OpenArchive(ctx, found, 0, -1)
	g.must(err)
	packed, err := io.ReadAll(content)
	g.must(errors.Join(err, content.Close()))
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != found.SHA256() || int64(len(packed)) != found.Bytes {
		g.t.Fatalf("%d bytes of hash %x, on record are %d of %s", len(packed), sum, found.Bytes, found.SHA256())
	}
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	g.must(err)
	var lines []string
	scanner := bufio.NewScanner(plain)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	g.must(scanner.Err())
	if int64(len(lines)) != found.Entries {
		g.t.Fatalf("%d lines, on record are %d entries", len(lines), found.Entries)
	}
	return found.Archive, lines
}

// shown gives a season's standings, read by pages, as an archive should have them.
func (g *game) shown(board ranking.BoardID, season int) []string {
	g.t.Helper()
	var lines []string
	var after *ranking.Position
	for {
		page, err := g.Leaderboards.Top(context.Background(), g.server, board, season, after, 7)
		g.must(err)
		for _, p := range page.Places {
			run, achieved := page.Season.Rules.Read(p.Key)
			line := fmt.Sprintf(`{"rank":%d,"player":"%s","score":%d,"subscore":%d,"achieved_at":"%s"`, p.Rank, p.Player, run.Score, run.Subscore, achieved.Format(time.RFC3339Nano))
			if p.Metadata != "" {
				line += `,"metadata":` + p.Metadata
			}
			lines = append(lines, line+"}")
			after = &ranking.Position{Key: p.Key, Player: p.Player}
		}
		if len(page.Places) < 7 {
			return lines
		}
	}
}

func TestAnArchiveIsWhatStandingsShow(t *testing.T) {
	scores := []int64{math.MaxInt64, math.MinInt64, 0, -1, 5, 5, 5, 1 << 53, 1<<53 + 1, math.MaxInt64, 4, 4, 3, 2, 1, 0}
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, database(t), "", len(scores))
			for _, sort := range []ranking.Sort{ranking.Descending, ranking.Ascending} {
				for _, tie := range []ranking.TieBreak{ranking.EarliestFirst, ranking.LatestFirst, ranking.Shared} {
					board := ranking.BoardID(fmt.Sprintf("%s-%s", sort, tie))
					g.board(board, ranking.Definition{MetadataBytes: 99, Rules: ranking.Rules{Sort: sort, TieBreak: tie}})
					for i, score := range scores {
						run := ranking.Submission{Player: g.player(i), Run: ranking.Run{Score: score, Subscore: -score / 2}}
						if i%3 == 0 {
							run.Metadata = `{"car":"<red> & ü"}`
						}
						_, err := g.Leaderboards.Submit(t.Context(), g.server, board, run)
						g.must(err)
						g.Clock.Advance(time.Microsecond)
					}
					g.sequester(g.World, board, g.player(9), "a wallhack")
					g.must(g.Leaderboards.Remove(t.Context(), g.operator, board, g.player(12)))
					if _, err := g.Operators.SeasonArchive(t.Context(), g.operator, here, ranking.SeasonRef{Board: board, Number: 1}); !errors.Is(err, ranking.ErrArchiveNotFound) {
						t.Fatalf("while it is open: %v", err)
					}
					g.ends(board, 1)
					_, lines := g.archived(board, 1)
					if got, want := strings.Join(lines, "\n"), strings.Join(g.shown(board, 1), "\n"); got != want || len(lines) != len(scores)-2 || !json.Valid([]byte(lines[0])) {
						t.Errorf("%s: archived\n%s\nshown\n%s", board, got, want)
					}
				}
			}
			g.board("nobody", ranking.Definition{})
			g.ends("nobody", 1)
			if archive, _ := g.archived("nobody", 1); archive.Entries != 0 {
				t.Errorf("of nobody: %+v", archive)
			}
		})
	}
}

// dying does so many things to the object store and the database; of the last, nobody learns
// what became of it, and it happened or, if it is early, it didn't.
type dying struct {
	blob.Store
	lives int
	early bool
}

func (d *dying) dies(do func() error) error {
	if d.lives == 0 || d.lives == 1 && d.early {
		d.lives = 0
		return errKilled
	}
	err := do()
	if d.lives--; d.lives == 0 {
		return errKilled
	}
	return err
}

func (d *dying) Put(ctx context.Context, key string, content io.Reader, size int64, contentType string) error {
	return d.dies(func() error { return d.Store.Put(ctx, key, content, size, contentType) })
}

// Wherever a worker dies while it ends a season, and however often, in the end there is one closed
// season, one archive and one reward for each winner.
func TestASeasonEndsOnceWhereverItsWorkerDies(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": nowhere, "postgres": servers.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players = 1203
			g := newGame(t, database(t), "", 0)
			seasons := 0
			for _, early := range []bool{false, true} {
				for lives, ran := 1, false; !ran; lives++ {
					seasons++
					ran = true
					board := ranking.BoardID(fmt.Sprintf("laps-%d", seasons))
					g.board(board, ranking.Definition{Schedule: daily, Prizes: []ranking.Prize{{FromRank: 1, ToRank: players, Payload: `{"medal":"gold"}`}}})
					g.populate(board, players)
					g.Clock.Advance(24 * time.Hour)
					for _, wait := range []time.Duration{0, grace} {
						g.Clock.Advance(wait)
						for range 2 { // the second one comes after the first died
							d := &dying{Store: g.Ports.Blobs, lives: lives, early: early}
							mortal := g.Replica(func(p *compose.Ports) { p.Blobs = d })
							inTx := func(ctx context.Context, fn func(ctx context.Context, tx datastore.Repos) error) error {
								return d.dies(func() error { return g.Ports.Store.InTx(ctx, fn) })
							}
							err := mortal.Leaderboards.Tend(t.Context(), g.environment(), inTx)
							if err == nil {
								err = mortal.Leaderboards.Archive(t.Context(), g.environment(), inTx)
							}
							if ran = ran && err == nil; err != nil && !errors.Is(err, errKilled) {
								t.Fatal(err)
							}
						}
						g.tend(g.World)
					}
					g.endedOnce(g.World, board, players)
					g.must(g.Operators.DeleteLeaderboard(t.Context(), g.operator, here, board, string(board))) // it has other ends
					if lives > 40 {
						t.Fatal("it never ran through")
					}
				}
			}
		})
	}
}

func (g *game) endedOnce(w *composetest.World, board ranking.BoardID, winners int) {
	g.t.Helper()
	ctx := context.Background()
	all, err := w.Ports.Store.Boards().Seasons(ctx, g.server.Scope(), board, 0, 9)
	g.must(err)
	if len(all) != 2 || all[0].State != ranking.Open || all[1].State != ranking.Archived {
		g.t.Fatalf("seasons %+v", all)
	}
	_, lines := g.archived(board, 1)
	objects, err := w.Ports.Blobs.List(ctx, "archives/"+string(g.server.Scope().Environment())+"/"+string(board)+"/", "", 9)
	g.must(err)
	won, err := w.Leaderboards.SeasonRewards(ctx, g.server, ranking.SeasonRef{Board: board, Number: 1}, ranking.RewardQuery{Limit: 10_000}, 0)
	g.must(err)
	if len(lines) != winners || len(objects) != 1 || len(won) != winners {
		g.t.Fatalf("%d lines, %d objects, %d rewards for %d winners", len(lines), len(objects), len(won), winners)
	}
	for i, r := range won {
		if !strings.HasPrefix(lines[i], fmt.Sprintf(`{"rank":%d,"player":"%s"`, r.Rank, r.Player)) {
			g.t.Fatalf("reward %+v, archived %s", r, lines[i])
		}
	}
}
