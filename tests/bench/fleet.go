package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fleetName is no scenario like the others: clients look for game servers while very many
// of those send their heartbeats.
const fleetName = "fleet"

const (
	fleetSize = 10_000
	// beatEvery is how often each of them sends a heartbeat.
	beatEvery = 10 * time.Second
	// beaters are the connections over which they do.
	beaters = 64
	// lookers are the clients who browse, each with a filter of a few.
	lookers = 64
)

// filters are what clients look for.
var filters = []string{
	"?region=r1&limit=20", "?region=r2&mode=ctf&limit=20", "?mode=duel&free_seats=4&sort=free_seats&limit=20", "?not_empty=true&limit=20",
	"?tags_all=ranked&sort=name&limit=20", "?tags_any=ranked,casual&region=r3&limit=20", "?name=arena%2099&limit=20", "?sort=newest&limit=20",
}

// fleet is the registered servers, by their generations.
type fleet struct {
	r           *replica
	generations []int64
}

func (f *fleet) id(i int) string { return "arena-" + strconv.Itoa(i) }

// newFleet registers them all.
func (r *replica) newFleet() (*fleet, error) {
	f := &fleet{r: r, generations: make([]int64, fleetSize)}
	return f, f.each(func(c *connection, i int) error {
		body := fmt.Appendf(nil, `{"server_id":%q,"name":"Arena %d","region":"r%d","mode":%q,"map":"canyon","version":"1.4.2","tags":[%q],"max_players":16,`+
			`"address":{"host":"192.0.2.7","ports":{"game":7777,"query":7778}},"metadata":{"motd":"be kind"}}`,
			f.id(i), i, i%5, []string{"ctf", "duel", "race"}[i%3], []string{"ranked", "casual"}[i%2])
		reply, err := c.want(201, c.request("POST", "/v1/servers", r.place.laps.server, body))
		if err != nil {
			return err
		}
		var told struct {
			Generation int64 `json:"generation"`
		}
		err = json.Unmarshal(reply, &told)
		f.generations[i] = told.Generation
		return err
	})
}

// each does something for all servers, over the connections of the beaters.
func (f *fleet) each(do func(c *connection, i int) error) error {
	var failures faultCount
	var all sync.WaitGroup
	for b := range beaters {
		all.Go(func() {
			c, err := dial(f.r.place.address)
			if err != nil {
				failures.add(err)
				return
			}
			defer c.close()
			for i := b; i < fleetSize && err == nil; i += beaters {
				err = do(c, i)
			}
			if err != nil {
				failures.add(err)
			}
		})
	}
	all.Wait()
	return failures.first
}

// beat sends heartbeats at their pace until ctx ends, each with another number of players.
func (f *fleet) beat(ctx context.Context) error {
	round := 0
	for ctx.Err() == nil {
		round++
		begun := time.Now()
		err := f.each(func(c *connection, i int) error {
			due := begun.Add(beatEvery * time.Duration(i) / fleetSize)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Until(due)):
			}
			body := fmt.Appendf(nil, `{"generation":%d,"player_count":%d}`, f.generations[i], (i+round)%16)
			_, err := c.want(200, c.request("POST", "/v1/servers/"+f.id(i)+"/heartbeat", f.r.place.laps.server, body))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fleet gives the figures of the registry.
func (r *replica) fleet(ctx context.Context, o options, folder string) ([]line, error) {
	var lines []line
	add := func(what string, connections int, f figures, note string) {
		l := line{stack: r.stack.name, what: what, connections: connections, figures: f, note: note}
		lines = append(lines, l)
		tell(l)
	}
	f, err := r.newFleet()
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	beating, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- f.beat(beating) }()

	before, err := r.counts()
	if err != nil {
		return nil, err
	}
	used, err := r.used()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	select {
	case <-time.After(2 * beatEvery):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := r.counts()
	if err != nil {
		return nil, err
	}
	now, err := r.used()
	if err != nil {
		return nil, err
	}
	took, spent := time.Since(begun).Seconds(), now.since(used)
	beats := after["overworld_server_changes_total"] - before["overworld_server_changes_total"]
	commits := after["overworld_server_commits_total"] - before["overworld_server_commits_total"]
	add("heartbeats of 10,000 servers", beaters, figures{
		persecond: beats / took, server: spent.server.Seconds() / beats * 1000, database: spent.database.Seconds() / beats * 1000, cache: spent.cache.Seconds() / beats * 1000,
	}, fmt.Sprintf("%.0f commits/s; %.2f cores", commits/took, (spent.server+spent.database+spent.cache).Seconds()/took))

	browse := scenario{name: "browse", prepare: browses}
	before, err = r.counts()
	if err != nil {
		return nil, err
	}
	begun = time.Now()
	busy, err := r.run(ctx, o, browse, lookers)
	if err != nil {
		return nil, err
	}
	if after, err = r.counts(); err != nil {
		return nil, err
	}
	took = time.Since(begun).Seconds()
	pages, pictures, fetched := "browsed", "taken", "fetched"
	since := func(event string) float64 {
		name := `overworld_server_pictures_total{event="` + event + `"}`
		return after[name] - before[name]
	}
	add("browse, 8 filters, beside heartbeats", lookers, busy, fmt.Sprintf("%.1f pictures/s of %.0f servers each; %.5f queries a browse",
		since(pictures)/took, since(fetched)/max(1, since(pictures)), (since(pictures)+since(fetched)/1000)/max(1, since(pages))))
	stop()
	if err := <-ended; err != nil {
		return nil, fmt.Errorf("heartbeats: %w", err)
	}
	calm, err := r.run(ctx, o, browse, lookers)
	if err != nil {
		return nil, err
	}
	c, err := dial(r.place.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	reply, err := c.want(200, c.request("GET", "/v1/servers"+filters[0], r.place.laps.server, nil))
	if err != nil {
		return nil, err
	}
	bare, err := bareHandler(ctx, folder, append([]byte{}, reply...), o.load(lookers))
	if err != nil {
		return nil, err
	}
	add(fmt.Sprintf("floor: bare, %d bytes", len(reply)), lookers, bare, "")
	add("browse, 8 filters", lookers, calm, fmt.Sprintf("%.2f of bare", calm.persecond/bare.persecond))
	if busy.errors+calm.errors > 0 {
		return nil, errors.Join(errors.New("browsing failed"), busy.fault, calm.fault)
	}
	return lines, ctx.Err()
}

// browses has a player look for servers by one filter.
func browses(p place, c *connection) (operation, error) {
	g, err := signIn(p, c)
	n := 0
	return func() error {
		n++
		_, err := c.want(200, c.request("GET", "/v1/servers"+filters[n%len(filters)], g.AccessToken, nil))
		return err
	}, err
}

// counts reads the process's metrics.
func (r *replica) counts() (map[string]float64, error) {
	reply, err := http.Get(r.metrics + "/metrics")
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	found := map[string]float64{}
	lines := bufio.NewScanner(reply.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			found[name] = n
		}
	}
	return found, lines.Err()
}
