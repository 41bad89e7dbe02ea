package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/tests/entrants"
)

// movers have the last places of a season, and submit: whatever they do moves none of the others,
// whose ranks are known.
const movers = 1000

// counting is where a place is that the database counts itself.
const counting = 5000

var usedMemory = regexp.MustCompile(`used_memory:(\d+)`)

// reference is what a season must show, and what it showed.
type reference struct {
	season        entrants.Season
	still, moving []int // players
	first         int   // one of those whose place the database counts itself

	right, wrong, warming, sent, broken atomic.Int64
	faults                              faultCount // answers that were neither right nor a 503 that may be
}

func newReference(season entrants.Season) *reference {
	r := &reference{season: season}
	for i := range season.Size {
		switch place := season.Place(i); {
		case place < movers:
			r.moving = append(r.moving, i)
		case place >= movers+10:
			r.still = append(r.still, i)
		}
		if season.Place(i) == season.Size-counting {
			r.first = i
		}
	}
	return r
}

// shown is what the checks read of standings, and of one.
type shown struct {
	Count *int64      `json:"count"`
	Items []shownRank `json:"items"`
	shownRank
}

type shownRank struct {
	Rank  int64 `json:"rank"`
	Score int64 `json:"score"`
}

// holds tells whether ranks are those of players who stay where they are.
func (r *reference) holds(s shown) bool {
	if s.Rank > 0 {
		s.Items = append(s.Items, s.shownRank)
	}
	for i, item := range s.Items {
		if item.Score < 0 || item.Score%10 != 0 || item.Rank != int64(r.season.Size)-item.Score/10 || i > 0 && item.Rank != s.Items[i-1].Rank+1 {
			return false
		}
	}
	return len(s.Items) > 0 && (s.Count == nil || *s.Count == int64(r.season.Size))
}

// finding is what became of a request.
type finding int

const (
	refused finding = iota // 503
	right
	bad // wrong, or not what may be
)

// check reads a reply to a question about ranks, and counts it unless it was a 503.
func (r *reference) check(what string, status int, body []byte, good func(shown) bool) finding {
	var s shown
	switch {
	case status == 503:
		return refused
	case status != 200 || json.Unmarshal(body, &s) != nil:
		r.faults.add(fmt.Errorf("%s: %d %.300s", what, status, body))
		return bad
	case !good(s):
		r.wrong.Add(1)
		r.faults.add(fmt.Errorf("%s: wrong: %.300s", what, body))
		return bad
	}
	r.right.Add(1)
	return right
}

// step is one request of a worker; its error is that of the connection.
type step func(c *connection) error

// get reads ranks.
func (l *loss) get(c *connection, path string, good func(shown) bool) (finding, error) {
	status, body, err := c.exchange(c.request("GET", board+path, l.token, nil))
	if err != nil {
		return refused, err
	}
	return l.check(path, status, body, good), nil
}

// read is get for workers, whose refusals are counted.
func (l *loss) read(c *connection, path string, good func(shown) bool) error {
	found, err := l.get(c, path, good)
	if err == nil && found == refused {
		l.warming.Add(1)
	}
	return err
}

func standingsAround(player int) string {
	return fmt.Sprintf("/standings?around=%s&before=5&after=5", entrants.Player(player))
}

// asks reads: one standing, neighbours, and the top.
func (l *loss) asks(seed int) step {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	n := seed
	return func(c *connection) error {
		n++
		player := l.still[random.IntN(len(l.still))]
		path := "/standings/" + string(entrants.Player(player))
		switch n % 3 {
		case 1:
			path = standingsAround(player)
		case 2:
			path = "/standings?limit=100"
		}
		return l.read(c, path, l.holds)
	}
}

// sends submits for players of its own, and reads what became of it.
func (l *loss) sends(nth int) step {
	mine := l.moving[nth*len(l.moving)/senders : (nth+1)*len(l.moving)/senders]
	n := int64(0)
	return func(c *connection) error {
		n++
		player := entrants.Player(mine[int(n)%len(mine)])
		body := fmt.Appendf(nil, `{"player":%q,"score":%d}`, player, -n)
		status, body, err := c.exchange(c.request("POST", board+"/scores", l.token, body))
		switch {
		case err != nil:
			return err
		case status == 503:
			l.warming.Add(1)
			return nil
		case status != 200:
			l.faults.add(fmt.Errorf("submit: %d %.300s", status, body))
			return nil
		}
		l.sent.Add(1)
		return l.read(c, "/standings/"+string(player), func(s shown) bool {
			return s.Score == -n && s.Rank > int64(l.season.Size-movers) && s.Rank <= int64(l.season.Size)
		})
	}
}

// again is how long one waits who found no server, or no ranks.
const again = 10 * time.Millisecond

// work repeats a step at one of the processes, through connections that may break with it.
func (l *loss) work(nth int, do step) {
	for !l.stop.Load() {
		at := *l.at.Load()
		c, err := dial(at[nth%len(at)])
		if err != nil {
			time.Sleep(again)
			continue
		}
		for !l.stop.Load() {
			if err := do(c); err != nil {
				l.broken.Add(1)
				break
			}
		}
		c.close()
	}
}

// rebuilt asks each process for what only the index knows.
func (l *loss) rebuilt(c *connection) (finding, error) {
	return l.get(c, standingsAround(l.still[0]), l.holds)
}

// counted asks for what the database can count too.
func (l *loss) counted(c *connection) (finding, error) {
	return l.get(c, "/standings/"+string(entrants.Player(l.first)), l.holds)
}

// awaited asks until it is answered, by every process, and tells how long that took.
func (l *loss) awaited(ctx context.Context, ask func(c *connection) (finding, error)) (time.Duration, error) {
	begun := time.Now()
	for _, address := range *l.at.Load() {
		c, err := dial(address)
		if err != nil {
			return 0, err
		}
		err = l.until(ctx, func() (bool, error) {
			found, err := ask(c)
			return found != refused, err
		})
		c.close()
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}

// until does something until it is done.
func (l *loss) until(ctx context.Context, do func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, given)
	defer cancel()
	for {
		if done, err := do(); done || err != nil {
			return err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
