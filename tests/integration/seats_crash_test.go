package integration

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const (
	// seatTime is how long reservations last, and leaseTime how long servers do after a heartbeat.
	seatTime  = 5 * time.Second
	leaseTime = 3 * time.Second

	seatClients = 8
	seatDeeds   = 140 // of a round, by all clients
	mostSeats   = 5

	// Players who sleep keep what they were promised, and hardly ever come or go.
	awake, asleep = 5, 5
)

var (
	grounds = []string{"arena-1", "arena-2"}

	// often says how often clients do what.
	often = map[string]int{
		"reserve": 32, "allocate": 4, "ticket": 18, "admit": 6, "leave": 14, "beat": 8, "browse": 4, "show": 5,
		"register": 2, "drain": 3, "end": 1, "force-drain": 1, "force-end": 1,
	}
	// What nobody does in a round: in calm ones promises live to see their end, in silent ones leases end.
	wild   []string
	calm   = []string{"register", "drain", "end", "force-drain", "force-end"}
	silent = append(slices.Clip(calm), "beat")
)

// TestSeatsUnderKill9 has clients do anything with two servers and their seats on all replicas, at random. In every other
// round replicas are killed at a random moment, and what they were asked for and haven't answered has happened or not.
// All that was ever told must be as of servers that do one thing after another in the simplest way, see arena.
// OVERWORLD_TEST_SEED, a number, draws the same again; who is faster stays open.
func TestSeatsUnderKill9(t *testing.T) {
	seed := rand.Uint64()
	if given := os.Getenv("OVERWORLD_TEST_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("OVERWORLD_TEST_SEED: %v", err)
		}
	}
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, kind.New(t), seed)
			defer func() {
				explained(t, c.deeds)
				fmt.Printf("kill -9 among %d deeds with seats on %s: %d kills left %d of them unknown; OVERWORLD_TEST_SEED=%d\n",
					len(c.deeds), kind.Name, c.kills, c.unknown, seed)
				t.Logf("answers: %v", c.answers)
			}()
			c.rounds(t, 3, wild)
			c.register(t)
			c.rounds(t, 2, calm)
			c.await(t, "end of promises", func(shown said) bool { return shown.Reserved == 0 })
			c.leave(t)
			c.fill(t)
			c.rounds(t, 2, calm)
			c.rounds(t, 1, silent)
			c.await(t, "end of leases", func(shown said) bool { return !shown.Alive })
			c.rounds(t, 1, silent)
			c.rounds(t, 2, calm)
			c.rounds(t, 2, wild)
			c.leave(t)
			for _, replica := range c.w.replicas() {
				if faults := replica.Faults(); len(faults) > 0 {
					t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
				}
			}
		})
	}
}

// crowd are those who do all that to the servers.
type crowd struct {
	w       world
	seed    uint64
	played  uint64 // rounds
	players []string
	tokens  map[string]string // of the players

	mu      sync.Mutex
	deeds   []*deed // all that was answered, or may have happened
	open    []*deed // those that may yet happen
	known   map[string]*known
	answers map[string]int
	unknown int
	kills   int
}

// known is what the crowd was told of a server.
type known struct {
	generations []int64
	tickets     []promise
	over        bool // it takes nobody in, and nobody has registered it again
	shown       said // the last that an operator saw
}

func newCrowd(t *testing.T, stack *harness.Stack, seed uint64) *crowd {
	t.Helper()
	const any = "1000000/s burst 1000000"
	stack = stack.With(fmt.Sprintf("LIMITS_SEAT_SECONDS=%.0f", seatTime.Seconds()), fmt.Sprintf("LIMITS_HEARTBEAT_SECONDS=%.0f", leaseTime.Seconds()/3),
		"LIMITS_RATES_TAKE_SEAT_CALLER="+any, "LIMITS_RATES_TAKE_SEAT_ADDRESS="+any)
	c := &crowd{w: newWorld(t, stack), seed: seed, tokens: map[string]string{}, known: map[string]*known{}, answers: map[string]int{}}
	for range awake + asleep {
		_, grant := c.w.player(t)
		c.players = append(c.players, grant.PlayerID)
		c.tokens[grant.PlayerID] = grant.AccessToken
	}
	for _, server := range grounds {
		c.known[server] = &known{}
	}
	c.register(t)
	return c
}

// rounds has all clients do as they like in so many rounds, but what they never do. After each, all is quiet and told.
func (c *crowd) rounds(t *testing.T, n int, never []string) {
	t.Helper()
	var likes []string
	for _, what := range slices.Sorted(maps.Keys(often)) {
		if !slices.Contains(never, what) {
			likes = append(likes, slices.Repeat([]string{what}, often[what])...)
		}
	}
	for range n {
		c.played++
		c.round(t, likes)
		c.settle(t)
	}
}

// round is one of them: every other time one replica or all are killed.
func (c *crowd) round(t *testing.T, likes []string) {
	t.Helper()
	draw := rand.New(rand.NewPCG(c.seed, c.played<<8))
	fatal := 1 + draw.Int64N(seatDeeds*3/4) // of the deeds, when it begins
	var victims []*harness.Replica
	if c.played%2 == 0 {
		victims = slices.Compact(c.w.replicas())
		if n := draw.IntN(len(victims) + 1); n < len(victims) {
			victims = victims[n : n+1]
		}
	}
	var begun atomic.Int64
	var all sync.WaitGroup
	for client := range uint64(seatClients) {
		all.Go(func() {
			draw := rand.New(rand.NewPCG(c.seed, c.played<<8|(1+client)))
			for n := begun.Add(1); n <= seatDeeds; n = begun.Add(1) {
				if n == fatal {
					for _, victim := range victims {
						all.Go(victim.Kill)
					}
				}
				if !c.acts(t, draw, likes) {
					return
				}
			}
		})
	}
	all.Wait()
	c.kills += len(victims)
	c.w.revive(t)
}

// acts does something, and tells whether there was a replica to do it.
func (c *crowd) acts(t *testing.T, draw *rand.Rand, likes []string) bool {
	chance := func(percent int) bool { return draw.IntN(100) < percent }
	d := &deed{what: likes[draw.IntN(len(likes))], server: grounds[draw.IntN(len(grounds))]}

	c.mu.Lock()
	known := c.known[d.server]
	if chance(20) && known.over && slices.Contains(likes, "register") {
		d.what, known.over = "register", false
	}
	d.generation = c.generation(d.server)
	if chance(8) {
		d.generation = known.generations[draw.IntN(len(known.generations))]
	}
	var ticket promise
	if n := len(known.tickets); n > 0 {
		ticket = known.tickets[max(0, n-1-draw.IntN(8))]
	}
	c.mu.Unlock()

	wakes := chance(4)
	sleeps := func(player string) bool { return !wakes && slices.Index(c.players, player) >= awake }
	party := make([]string, len(c.players))
	for i, j := range draw.Perm(len(party)) {
		party[i] = c.players[j]
	}
	if sleeps(party[0]) && (d.what == "admit" || d.what == "ticket" || d.what == "leave") {
		party[0] = c.players[draw.IntN(awake)]
	}
	d.players = party[:1]
	switch d.what {
	case "register":
		d.seats, d.state = 1+draw.IntN(mostSeats), "ready"
		if chance(15) {
			d.state = "starting"
		}
	case "allocate":
		d.players = party[:2+draw.IntN(2)]
	case "ticket":
		d.what = "admit"
		if ticket.Ticket != "" && (!sleeps(ticket.Player) || ticket.ExpiresAt.Before(time.Now())) {
			d.ticket, d.players = ticket, []string{ticket.Player}
			if chance(90) {
				d.generation = ticket.generation
			}
		}
	case "beat":
		if chance(20) && slices.Contains(likes, "drain") {
			d.state = []string{"ready", "starting", "draining"}[draw.IntN(3)]
		}
	}
	himself := chance(50)
	for {
		replicas := slices.DeleteFunc(c.w.replicas(), (*harness.Replica).Ended)
		if len(replicas) == 0 {
			return false
		}
		if c.does(t, replicas[draw.IntN(len(replicas))], d, himself) {
			return true
		}
	}
}

// does sends what is to be done to a replica, and notes what was told. It is false when nothing could be sent.
func (c *crowd) does(t *testing.T, on *harness.Replica, d *deed, himself bool) bool {
	client, one := c.w.server().At(on), "/v1/servers/"+d.server
	operator, operated := client.As(c.w.project.Secret), "/v1/projects/"+c.w.project.Slug+"/environments/"+env+"/servers"
	query := "?generation=" + strconv.FormatInt(d.generation, 10)
	method, path, body := "POST", one, any(nil)
	switch d.what {
	case "register":
		path = "/v1/servers"
		body = object{"server_id": d.server, "address": object{"host": "192.0.2.7", "ports": object{"game": 7777}}, "max_players": d.seats, "state": d.state}
	case "beat":
		path, body = one+"/heartbeat", object{"generation": d.generation}
		if d.state != "" {
			body = object{"generation": d.generation, "state": d.state}
		}
	case "drain":
		path, body = one+"/drain", object{"generation": d.generation}
	case "end":
		method, path = "DELETE", one+query
	case "reserve":
		path, body = one+"/seats", object{"player": d.players[0]}
		if himself {
			client, body = client.As(c.tokens[d.players[0]]), object{}
		}
	case "allocate":
		path, body = "/v1/servers:allocate", object{"players": d.players}
	case "admit":
		path, body = one+"/players", object{"generation": d.generation, "player": d.players[0]}
		if d.ticket.Ticket != "" {
			body = object{"generation": d.generation, "ticket": d.ticket.Ticket}
		}
	case "leave":
		method, path = "DELETE", one+"/players/"+d.players[0]+query
	case "force-drain":
		client, path, body = operator, operated+"/"+d.server+"/drain", object{}
	case "force-end":
		client, method, path = operator, "DELETE", operated+"/"+d.server
	case "show":
		client, method, path = operator, "GET", operated
	case "browse":
		method, path = "GET", "/v1/servers"
	}
	d.from = time.Now().UnixMicro()
	reply, err := client.Send(t.Context(), method, path, body)
	d.to = time.Now().UnixMicro()
	var failed *net.OpError
	if errors.As(err, &failed) && failed.Op == "dial" {
		return false
	}
	c.note(t, d, reply, err)
	return true
}

// note keeps what came of a deed.
func (c *crowd) note(t *testing.T, d *deed, reply harness.Reply, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list struct{ Items []said }
	switch {
	case err != nil:
		c.loses(d)
		return
	case reply.Status >= http.StatusBadRequest:
		problem, err := reply.Problem()
		if err != nil {
			t.Error(err)
		}
		d.refusal = fmt.Sprintf("%d %s", problem.Status, problem.Code)
	case d.what == "show" || d.what == "browse":
		err = json.Unmarshal(reply.Body, &list)
	case reply.Status != http.StatusNoContent:
		err = json.Unmarshal(reply.Body, &d.told)
	}
	if err != nil {
		t.Errorf("%s: %v in %s", d, err, reply.Body)
	}
	c.answers[strings.TrimSpace(d.what+" "+d.refusal)]++
	switch {
	case d.what == "show" || d.what == "browse":
		for _, shown := range list.Items {
			one := *d
			one.server, one.told = shown.ServerID, shown
			c.learns(t, &one)
		}
	case d.refusal == noneAvailable: // whether there was one depends on the picture
	default:
		if d.what == "allocate" {
			d.what, d.server = "reserve", cmp.Or(d.told.ServerID, d.server)
		}
		c.learns(t, d)
	}
}

// loses notes a deed without an answer. Who only looks changes nothing, and a party may have been sent to any server.
func (c *crowd) loses(d *deed) {
	servers := []string{d.server}
	switch d.what {
	case "show", "browse":
		return
	case "allocate":
		d.what, servers = "reserve", grounds
	}
	c.unknown++
	for _, server := range servers {
		one := *d
		one.server, one.unknown = server, true
		c.deeds, c.open = append(c.deeds, &one), append(c.open, &one)
	}
}

// learns notes a deed that was answered.
func (c *crowd) learns(t *testing.T, d *deed) {
	known := c.known[d.server]
	if most := d.told.MaxPlayers; most > 0 && d.told.Players+d.told.Reserved+d.told.Free != most || d.told.Free < 0 {
		t.Errorf("there are not so many seats: %s", d)
	}
	if d.what == "browse" {
		return // a picture of a while ago
	}
	if c.deeds = append(c.deeds, d); d.what == "show" {
		known.shown = d.told
	}
	if n := len(known.generations); n == 0 || d.told.Generation > known.generations[n-1] {
		known.generations = append(known.generations, d.told.Generation)
	}
	for _, seat := range d.told.Seats {
		seat.generation = d.told.Generation
		known.tickets = append(known.tickets, seat)
	}
	switch {
	case d.refusal == notFound || d.refusal == notReady || d.refusal == deregistered:
		known.over = true
	case d.what == "register":
		known.over = false
	}
}

// register begins a new generation of all servers.
func (c *crowd) register(t *testing.T) {
	t.Helper()
	for _, server := range grounds {
		c.must(t, &deed{what: "register", server: server, seats: mostSeats, state: "ready"})
	}
}

// settle makes sure that nothing is under way any more, and looks at what has come about.
func (c *crowd) settle(t *testing.T) {
	t.Helper()
	for _, server := range grounds {
		// Who writes a server waits for those who began to before, and the dead have.
		c.must(t, &deed{what: "beat", server: server, generation: 1})
	}
	for _, d := range c.open {
		d.to = time.Now().UnixMicro()
	}
	c.open = nil
	c.must(t, &deed{what: "show", server: grounds[0]})
}

// await waits until the servers are shown so.
func (c *crowd) await(t *testing.T, what string, so func(shown said) bool) {
	t.Helper()
	harness.Eventually(t, patience, what, func() bool {
		c.must(t, &deed{what: "show", server: grounds[0]})
		return so(c.known[grounds[0]].shown) && so(c.known[grounds[1]].shown)
	})
}

// leave has everybody leave, so that the answers tell who was there.
func (c *crowd) leave(t *testing.T) {
	t.Helper()
	for _, server := range grounds {
		for _, player := range c.players {
			c.must(t, &deed{what: "leave", server: server, generation: c.generation(server), players: []string{player}})
		}
	}
}

// fill has all seats taken: those that were promised to others, and are free, as well.
func (c *crowd) fill(t *testing.T) {
	t.Helper()
	for _, server := range grounds {
		generation := c.generation(server)
		for _, player := range c.players[:mostSeats] {
			if d := c.must(t, &deed{what: "admit", server: server, generation: generation, players: []string{player}}); d.refusal != "" {
				t.Errorf("a seat is not free: %s", d)
			}
		}
		if d := c.must(t, &deed{what: "beat", server: server, generation: generation}); d.told.Players != mostSeats || d.told.Free != 0 {
			t.Errorf("a full server: %s", d)
		}
	}
}

// generation is the newest of a server that was told.
func (c *crowd) generation(server string) int64 {
	told := c.known[server].generations
	return told[len(told)-1]
}

// must does what has to be answered.
func (c *crowd) must(t *testing.T, d *deed) *deed {
	t.Helper()
	unknown := c.unknown
	if !c.does(t, c.w.second, d, false) || c.unknown != unknown {
		t.Fatalf("%s: no answer", d)
	}
	return d
}
