package integration

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

const (
	// closingPlayers is how many submit, and closingSubmitters by how many they are submitted for.
	closingPlayers    = 40
	closingSubmitters = 4
)

// submitters submit to whichever replicas there are, and keep what they were told. A score is used once.
type submitters struct {
	token    string
	end      context.CancelFunc
	all      sync.WaitGroup
	mu       sync.Mutex
	replicas []*harness.Replica
	told     map[int]map[string][]int64 // by season and player, scores that count
	unsure   map[string][]int64         // by player, scores that nobody knows the end of
	score    int64
}

func newSubmitters(token string) *submitters {
	return &submitters{token: token, told: map[int]map[string][]int64{1: {}, 2: {}}, unsure: map[string][]int64{}}
}

// at tells which replicas there are.
func (s *submitters) at(replicas []*harness.Replica) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas = replicas
}

// counted is how many runs count in a season, for sure.
func (s *submitters) counted(season int) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scores := range s.told[season] {
		n += len(scores)
	}
	return n
}

// stop ends the submitting, and may be called again.
func (s *submitters) stop() {
	s.end()
	s.all.Wait()
}

func (s *submitters) submit(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	for nth := range closingSubmitters {
		s.all.Go(func() {
			for n := nth; ctx.Err() == nil; n += closingSubmitters {
				s.one(ctx, t, n)
			}
		})
	}
}

// one submits a better run than all before, for the n-th player in turn.
func (s *submitters) one(ctx context.Context, t *testing.T, n int) {
	player := fmt.Sprintf("00000000-0000-7000-8000-%012d", n%closingPlayers+1)
	s.mu.Lock()
	if len(s.replicas) == 0 {
		s.mu.Unlock()
		return
	}
	s.score++
	score, replica := s.score, s.replicas[n/closingSubmitters%len(s.replicas)]
	s.mu.Unlock()
	reply, err := replica.Client(s.token).Send(ctx, "POST", "/v1/leaderboards/laps/scores", object{"player": player, "score": score})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || reply.Status == http.StatusServiceUnavailable || reply.Status == http.StatusGatewayTimeout {
		s.unsure[player] = append(s.unsure[player], score)
		return
	}
	var receipt struct {
		Season   int
		Accepted bool
	}
	if err := json.Unmarshal(reply.Body, &receipt); err != nil || reply.Status != http.StatusOK || !receipt.Accepted || s.told[receipt.Season] == nil {
		t.Errorf("a run of %d was answered with %d %s", score, reply.Status, reply.Body)
		return
	}
	s.told[receipt.Season][player] = append(s.told[receipt.Season][player], score)
}

// archivedPlace is a line of an archive, as of the API.
type archivedPlace struct {
	Rank       int64  `json:"rank"`
	Player     string `json:"player"`
	Score      int64  `json:"score"`
	AchievedAt string `json:"achieved_at"`
}

// standings are those of the first season, whole.
func (c *closing) standings(t *testing.T) []archivedPlace {
	t.Helper()
	var page struct {
		Count int
		Items []archivedPlace
	}
	harness.Eventually(t, patience, "ranks", func() bool {
		reply := c.operator().As(c.token).Do(t, "GET", "/v1/leaderboards/laps/standings?season=1&limit=100", nil)
		if reply.Status == http.StatusServiceUnavailable {
			return false
		}
		reply.Want(t, http.StatusOK).Into(t, &page)
		return true
	})
	return page.Items
}

// check makes sure that the season was closed once, as of its end.
func (c *closing) check(t *testing.T, before []archivedPlace) {
	t.Helper()
	season := c.season(t)
	if !season.EndedAt.Equal(season.PlannedEnd) {
		t.Errorf("the season ended at %s, not at %s", season.EndedAt, season.PlannedEnd)
	}
	var closes, seasons, rewards, winners, wrong, strays int
	err := c.db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM audit_events WHERE action = $1), (SELECT count(*) FROM leaderboard_seasons),
		(SELECT count(*) FROM rewards), (SELECT count(DISTINCT player_id) FROM rewards),
		(SELECT count(*) FROM rewards r LEFT JOIN (SELECT player_id, row_number() OVER (ORDER BY rank_key, player_id) AS place FROM leaderboard_entries WHERE season = 1) e USING (player_id)
			WHERE e.place IS DISTINCT FROM r.place OR r.rank <> r.place OR r.season <> 1),
		(SELECT count(*) FROM leaderboard_entries e WHERE (e.season = 1) <> (e.achieved_at < $2))`, string(audit.SeasonClosed), season.PlannedEnd).Scan(&closes, &seasons, &rewards, &winners, &wrong, &strays)
	if err != nil {
		t.Fatal(err)
	}
	if closes != 1 || seasons != 2 {
		t.Errorf("%d closes are on record, and there are %d seasons", closes, seasons)
	}
	if strays != 0 {
		t.Errorf("%d runs count in the season on the other side of its end", strays)
	}
	if rewards != len(before) || winners != len(before) || wrong != 0 {
		t.Errorf("%d rewards for %d of %d winners, %d of them wrong", rewards, winners, len(before), wrong)
	}
	if after := c.standings(t); !slices.Equal(before, after) {
		t.Errorf("the standings changed after they were archived:\n%v\n%v", before, after)
	}
	archive := c.operator().Do(t, "GET", closingBoards+"/laps/seasons/1/archive", nil).Want(t, http.StatusOK)
	if hash := fmt.Sprintf("%x", sha256.Sum256(archive.Body)); season.Archive == nil || season.Archive.SHA256 != hash || season.Archive.Entries != len(before) {
		t.Errorf("the archive of %d entries has the hash %s; on record is %+v", len(before), hash, season.Archive)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(archive.Body))
	if err != nil {
		t.Fatal(err)
	}
	var archived []archivedPlace
	for lines := json.NewDecoder(unpacked); ; {
		var line archivedPlace
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		archived = append(archived, line)
	}
	if !slices.Equal(archived, before) {
		t.Errorf("archived is\n%v\nand shown is\n%v", archived, before)
	}
	c.checkScores(t, archived)
}

// checkScores compares a season's frozen scores with what submitters were told.
func (c *closing) checkScores(t *testing.T, archived []archivedPlace) {
	t.Helper()
	left := maps.Clone(c.told[1])
	for _, p := range archived {
		best := int64(0)
		if scores := left[p.Player]; len(scores) > 0 {
			best = slices.Max(scores)
		}
		delete(left, p.Player)
		switch {
		case slices.Contains(c.told[2][p.Player], p.Score):
			t.Errorf("%s has %d in the first season, which was told to count in the second", p.Player, p.Score)
		case p.Score != best && (p.Score < best || !slices.Contains(c.unsure[p.Player], p.Score)):
			t.Errorf("%s has %d, and was told that %d counts", p.Player, p.Score, best)
		}
	}
	if len(left) > 0 {
		t.Errorf("not in the archive, though they were told of runs that count: %v", left)
	}
}

// store stands before the object store, and holds who puts an archive into it.
type store struct {
	to     string
	base   *url.URL
	stored bool // hold it when the object is stored, not before
	armed  atomic.Bool
	// reached names replicas that are held.
	reached chan string
}

func newStore(t *testing.T, address string, stored bool) *store {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{to: base.Host, base: base, stored: stored, reached: make(chan string, 100)}
	s.armed.Store(true)
	return s
}

// address is where a replica finds the object store.
func (s *store) address(t *testing.T, replica string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go s.pass(from, replica)
		}
	}()
	own := *s.base
	own.Host = listener.Addr().String()
	return own.String()
}

// pass passes a connection on until an archive is put into the store.
func (s *store) pass(from net.Conn, replica string) {
	defer from.Close()
	to, err := net.Dial("tcp", s.to)
	if err != nil {
		return
	}
	defer to.Close()
	var putting atomic.Bool
	copying := func(dst, src net.Conn, hold func(sent []byte) bool) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := src.Read(buffer)
			if n > 0 && hold(buffer[:n]) {
				s.reached <- replica
				_, _ = io.Copy(io.Discard, from) // until it is killed
				return
			}
			if _, failed := dst.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	go func() {
		defer from.Close()
		copying(from, to, func([]byte) bool { return putting.Load() })
	}()
	copying(to, from, func(sent []byte) bool {
		if !s.armed.Load() || !bytes.HasPrefix(sent, []byte("PUT ")) || !bytes.Contains(sent, []byte("/archives/")) {
			return false
		}
		putting.Store(s.stored)
		return !s.stored
	})
}
