package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/entrants"
)

const (
	// boardSize is how many have a place on the leaderboard, and submitters how many of
	// them submit.
	boardSize  = 100_000
	submitters = 10_000
	board      = "/v1/leaderboards/laps"
)

// leaderboard is what the scenarios of ranks are about. It is made when the first of
// them begins.
type leaderboard struct {
	database string // address
	secret   string // key of the project
	server   string // token
	season   entrants.Season
	made     bool
	scores   []int64 // of those who submit
	opened   int     // connections, so that each submits for players of its own
}

func (s *stack) leaderboard(secret, server string) *leaderboard {
	l := &leaderboard{database: s.settings["DATABASE"], secret: secret, server: server}
	if s.servers == nil {
		l.database = "sqlite://" + filepath.Join(s.settings["DATA"], "overworld.db")
	}
	return l
}

// make makes the leaderboard and its entries, and waits until their ranks are there.
func (l *leaderboard) make(c *connection) error {
	if l.made {
		return nil
	}
	l.made = true
	if err := l.fill(c, boardSize, ranking.Best); err != nil {
		return err
	}
	l.scores = make([]int64, submitters)
	for i := range l.scores {
		l.scores[i] = l.season.Score(i)
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		reply, err := c.want(200, c.request("GET", board+"/standings?limit=1", l.server, nil))
		if err != nil {
			return err
		}
		var page struct {
			Count int `json:"count"`
		}
		if err := json.Unmarshal(reply, &page); err != nil || page.Count == boardSize {
			return err
		}
	}
	return errors.New("the ranks of the leaderboard are not there")
}

// fill makes the leaderboard, and players who each have an entry.
func (l *leaderboard) fill(c *connection, size int, operator ranking.Operator) error {
	const environment = "/v1/projects/bench/environments/production"
	if _, err := c.want(201, c.request("POST", environment+"/leaderboards", l.secret, fmt.Appendf(nil, `{"id":"laps","operator":%q}`, operator))); err != nil {
		return err
	}
	reply, err := c.want(200, c.request("GET", environment, l.secret, nil))
	if err != nil {
		return err
	}
	var found struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(reply, &found); err != nil {
		return err
	}
	l.season = entrants.Season{
		Environment: found.ID, Board: "laps", Number: 1, Size: size,
		Rules: ranking.Rules{Sort: ranking.Descending, Operator: operator, TieBreak: ranking.EarliestFirst},
	}
	return l.season.Fill(context.Background(), l.database)
}

// submit has a server send runs that are each better than the player's last.
func submit(p place, c *connection) (operation, error) {
	if err := p.laps.make(c); err != nil {
		return nil, err
	}
	const apart = 64 // as many connections as there are at most
	first := p.laps.opened % apart
	p.laps.opened++
	next := first
	var body []byte
	return func() error {
		if next += apart; next >= submitters {
			next = first
		}
		p.laps.scores[next] += 1 + rand.Int64N(1000)
		body = fmt.Appendf(body[:0], `{"player":"%s","score":%d}`, entrants.Player(next), p.laps.scores[next])
		_, err := c.want(200, c.request("POST", board+"/scores", p.laps.server, body))
		return err
	}, nil
}

// ranks has a player read one of the paths.
func ranks(path func() string) func(place, *connection) (operation, error) {
	return func(p place, c *connection) (operation, error) {
		if err := p.laps.make(c); err != nil {
			return nil, err
		}
		g, err := signIn(p, c)
		return func() error {
			_, err := c.want(200, c.request("GET", path(), g.AccessToken, nil))
			return err
		}, err
	}
}

func topPath() string { return board + "/standings?limit=100" }

func aroundPath() string {
	return fmt.Sprintf("%s/standings?around=%s&before=5&after=5", board, entrants.Player(rand.IntN(boardSize)))
}

func standingPath() string {
	return board + "/standings/" + string(entrants.Player(rand.IntN(boardSize)))
}

// replyTo is what a bare handler answers in the place of a scenario, which has been run.
func (r *replica) replyTo(path string) ([]byte, error) {
	c, err := dial(r.place.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.want(200, c.request("GET", path, r.place.laps.server, nil))
}
