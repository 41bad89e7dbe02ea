package integration

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a refusal is told with.
const (
	notFound     = "404 registry.server_not_found"
	notSeated    = "404 registry.player_not_seated"
	superseded   = "409 registry.superseded"
	deregistered = "409 registry.deregistered"
	notReady     = "409 registry.not_ready"
	full         = "409 registry.full"
	ticketUsed   = "409 registry.ticket_used"
	ticketBad    = "422 registry.ticket_invalid"

	noneAvailable = "409 registry.none_available"
)

// deed is what a caller asked of a server, and what he was told.
type deed struct {
	what       string // reserve, admit, leave, beat, drain, end, register, show, and force-drain and force-end of operators
	server     string
	generation int64
	players    []string
	state      string // that a registration or a heartbeat says
	seats      int    // of a registration
	ticket     promise
	from, to   int64 // when it was sent and answered, in microseconds

	refusal string // status and code
	told    said
	unknown bool // whether it has had its effect: its replica was killed
}

// promise is a seat as a caller was told of it.
type promise struct {
	generation int64
	Player     string    `json:"player"`
	Seat       int       `json:"seat"`
	Ticket     string    `json:"ticket"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// said is what replies say of a server.
type said struct {
	ServerID     string    `json:"server_id,omitzero"`
	Generation   int64     `json:"generation,omitzero"`
	State        string    `json:"state,omitzero"`
	Alive        bool      `json:"alive,omitzero"` // only operators see it
	Deregistered bool      `json:"deregistered,omitzero"`
	MaxPlayers   int       `json:"max_players,omitzero"`
	Players      int       `json:"player_count,omitzero"`
	Reserved     int       `json:"reserved,omitzero"`
	Free         int       `json:"free_seats,omitzero"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
	Seats        []promise `json:"seats,omitzero"`
	Seat         int       `json:"seat,omitzero"`
}

func (d *deed) String() string {
	at := func(micros int64) string { return time.UnixMicro(micros).UTC().Format("04:05.000000") }
	text := fmt.Sprintf("%s–%s %s", at(d.from), at(d.to), d.what)
	switch d.what {
	case "reserve":
		text += fmt.Sprintf(" %v", d.players)
	case "admit", "leave":
		text += fmt.Sprintf(" %v of %d %s", d.players, d.generation, short(d.ticket.Ticket))
	case "register":
		text += fmt.Sprintf(" %d seats, %s", d.seats, d.state)
	case "beat", "drain", "end":
		text += fmt.Sprintf(" of %d %s", d.generation, d.state)
	}
	switch {
	case d.unknown:
		return text + ": unknown"
	case d.refusal != "":
		return text + ": " + d.refusal
	}
	told := d.told
	told.Seats = slices.Clone(told.Seats)
	for i := range told.Seats {
		told.Seats[i].Ticket = short(told.Seats[i].Ticket)
	}
	reply, _ := json.Marshal(told)
	return text + ": " + string(reply)
}

// short is the end of a ticket, by which one knows it.
func short(ticket string) string { return ticket[max(0, len(ticket)-6):] }

// moment is a time of which only bounds are known, in microseconds.
type moment struct{ first, last int64 }

func exactly(t time.Time) moment { return moment{t.UnixMicro(), t.UnixMicro()} }

// in is when something ends that a deed began for so long.
func (d *deed) in(duration time.Duration) moment {
	return moment{d.from + duration.Microseconds(), d.to + duration.Microseconds()}
}

func (m moment) has(other moment) bool { return m.first <= other.first && other.last <= m.last }

// ahead tells whether the moment is after now: each that may be.
func (m moment) ahead(now int64) []bool {
	switch {
	case now < m.first:
		return []bool{true}
	case now >= m.last:
		return []bool{false}
	}
	return []bool{true, false}
}

// arena is what a server may be, told in the simplest way. It is never changed, but followed by another.
type arena struct {
	generation int64 // 0: nobody was told
	before     int64 // the generation is greater
	state      string
	seats      int
	lease      moment
	held       []held // by player
}

// held is a player's seat.
type held struct {
	player string
	number int    // 0: nobody was told
	in     bool   // he is on the server
	ticket string // "": there is none
	until  moment // when the ticket ends
}

// untold is a ticket that nobody was told.
const untold = "?"

func (a arena) equal(b arena) bool {
	return a.generation == b.generation && a.before == b.before && a.state == b.state && a.seats == b.seats && a.lease == b.lease && slices.Equal(a.held, b.held)
}

func (a arena) String() string {
	text := fmt.Sprintf("%d (after %d), %d seats, %s, lease %d–%d", a.generation, a.before, a.seats, a.state, a.lease.first, a.lease.last)
	for _, h := range a.held {
		text += fmt.Sprintf("; %d is %s's, there: %t, ticket %s to %d–%d", h.number, h.player, h.in, short(h.ticket), h.until.first, h.until.last)
	}
	return text
}

func (a arena) of(player string) int {
	return slices.IndexFunc(a.held, func(h held) bool { return h.player == player })
}

// after gives what may have become of the server by the deed: nothing, if what was told can't be.
func (a arena) after(d *deed) []arena {
	var all []arena
	if d.unknown {
		all = append(all, a)
	}
	for _, v := range a.views(d) {
		next, refusal := v.done(a, d)
		switch {
		case d.unknown && refusal == "":
			all = append(all, next)
		case d.unknown || refusal != d.refusal:
		case refusal != "":
			all = append(all, a)
		default:
			if next, ok := next.as(d); ok {
				all = append(all, next)
			}
		}
	}
	return all
}

// view is a server as a deed may find it.
type view struct {
	arena      // without what has expired
	alive bool // its lease
	named bool // the deed's generation is this one
	good  bool // the deed's ticket has not ended
}

// views gives all the ways in which the server may be found while the deed is under way.
func (a arena) views(d *deed) []view {
	times := []int64{d.from}
	bounds := []int64{a.lease.first, a.lease.last}
	for _, h := range a.held {
		bounds = append(bounds, h.until.first, h.until.last)
	}
	for _, at := range bounds {
		if d.from < at && at <= d.to {
			times = append(times, at)
		}
	}
	named := []bool{a.generation == d.generation && d.generation != 0}
	if a.generation == 0 && d.generation > a.before {
		named = []bool{true, false}
	}
	good := []bool{true}
	if d.ticket.Ticket != "" { // a token ends at a whole second, and is read before the server is
		ends := d.ticket.ExpiresAt.Truncate(time.Second).UnixMicro()
		good = nil
		if d.from < ends {
			good = append(good, true)
		}
		if d.to >= ends {
			good = append(good, false)
		}
	}
	var all []view
	for _, now := range times {
		for _, alive := range a.lease.ahead(now) {
			for _, held := range a.live(now) {
				for _, named := range named {
					for _, good := range good {
						v := view{a, alive, named, good}
						v.held = held
						all = append(all, v)
					}
				}
			}
		}
	}
	return all
}

// live gives the seats that are taken or promised at a time: each list that may be.
func (a arena) live(now int64) [][]held {
	lists := [][]held{nil}
	for _, h := range a.held {
		var longer [][]held
		for _, list := range lists {
			if h.ticket == "" {
				longer = append(longer, append(slices.Clip(list), h))
				continue
			}
			for _, ahead := range h.until.ahead(now) {
				switch {
				case ahead:
					longer = append(longer, append(slices.Clip(list), h))
				case h.in:
					longer = append(longer, append(slices.Clip(list), held{player: h.player, number: h.number, in: true}))
				default:
					longer = append(longer, list)
				}
			}
		}
		lists = longer
	}
	return lists
}

// done gives the server after the deed, or what it is refused with. The stored server still has what has expired.
func (v view) done(stored arena, d *deed) (arena, string) {
	switch d.what {
	case "register":
		return arena{before: max(v.generation, v.before), state: d.state, seats: d.seats, lease: d.in(leaseTime)}, ""
	case "show":
		return stored, ""
	case "reserve":
		return v.reserved(d)
	case "force-drain":
		if v.state == "" || v.state == "deregistered" || !v.alive {
			return stored, notFound
		}
		return stored.drained(), ""
	case "force-end":
		if v.state == "" || v.state == "deregistered" {
			return stored, notFound
		}
		return v.ended(), ""
	}
	if d.ticket.Ticket != "" && (!v.good || d.ticket.generation != d.generation) {
		return stored, ticketBad
	}
	switch {
	case v.state == "":
		return stored, notFound
	case !v.named:
		return stored, superseded
	}
	v.arena, stored = v.called(d.generation), stored.called(d.generation)
	if v.state == "deregistered" {
		return stored, deregistered
	}
	switch d.what {
	case "beat":
		if stored.state != "draining" && d.state != "" {
			stored.state = d.state
		}
		stored.lease = d.in(leaseTime)
		return stored, ""
	case "drain":
		return stored.drained(), ""
	case "end":
		return v.ended(), ""
	case "admit":
		return v.admitted(d)
	case "leave":
		at := v.of(d.players[0])
		if at < 0 {
			return stored, notSeated
		}
		v.held = slices.Delete(slices.Clone(v.held), at, at+1)
		return v.arena, ""
	}
	panic("seats: no such deed: " + d.what)
}

// called is the server whose generation is told.
func (a arena) called(generation int64) arena {
	a.generation, a.before = generation, 0
	return a
}

func (a arena) drained() arena {
	a.state = "draining"
	return a
}

func (a arena) ended() arena {
	a.state, a.held, a.lease = "deregistered", nil, moment{}
	return a
}

// reserved promises all players of the deed a seat.
func (v view) reserved(d *deed) (arena, string) {
	if v.state == "" || v.state == "deregistered" || !v.alive {
		return arena{}, notFound
	}
	next := v.arena
	next.held = slices.Clone(v.held)
	for _, player := range d.players {
		at := v.of(player)
		switch {
		case at >= 0 && v.held[at].ticket != "":
		case at >= 0:
			next.held[next.of(player)].ticket, next.held[next.of(player)].until = untold, d.in(seatTime)
		case v.state != "ready":
			return arena{}, notReady
		case len(next.held) >= v.seats:
			return arena{}, full
		default:
			next.held = append(next.held, held{player: player, ticket: untold, until: d.in(seatTime)})
		}
	}
	slices.SortFunc(next.held, func(a, b held) int { return strings.Compare(a.player, b.player) })
	return next, ""
}

// admitted lets the deed's player in.
func (v view) admitted(d *deed) (arena, string) {
	player := d.players[0]
	at := v.of(player)
	switch {
	case d.ticket.Ticket != "" && (at < 0 || v.held[at].ticket != d.ticket.Ticket):
		return arena{}, ticketUsed
	case at < 0 && len(v.held) >= v.seats:
		return arena{}, full
	}
	next := v.arena
	next.held = slices.Clone(v.held)
	if at >= 0 {
		next.held[at] = held{player: player, number: next.held[at].number, in: true}
		return next, ""
	}
	next.held = append(next.held, held{player: player, in: true})
	slices.SortFunc(next.held, func(a, b held) int { return strings.Compare(a.player, b.player) })
	return next, ""
}

// as gives the server with what was told of it, unless that can't be.
func (a arena) as(d *deed) (arena, bool) {
	t := d.told
	if d.what == "leave" || d.what == "end" || d.what == "force-end" {
		return a, true
	}
	if d.what != "admit" {
		if a.generation != t.Generation && (a.generation != 0 || t.Generation <= a.before) {
			return a, false
		}
		a = a.called(t.Generation)
	}
	a.held = slices.Clone(a.held)
	switch d.what {
	case "reserve":
		if len(t.Seats) != len(d.players) {
			return a, false
		}
		for i, seat := range t.Seats {
			h := &a.held[a.of(d.players[i])]
			if seat.Player != h.player || !h.until.has(exactly(seat.ExpiresAt)) || h.ticket != untold && h.ticket != seat.Ticket || !a.numbers(h, seat.Seat) {
				return a, false
			}
			h.ticket, h.until = seat.Ticket, exactly(seat.ExpiresAt)
		}
		return a, true
	case "admit":
		return a, a.numbers(&a.held[a.of(d.players[0])], t.Seat)
	}
	if t.Deregistered != (a.state == "deregistered") || !t.Deregistered && (t.State != a.state || !a.lease.has(exactly(t.ExpiresAt))) {
		return a, false
	}
	if !t.Deregistered {
		a.lease = exactly(t.ExpiresAt)
	}
	if operator := d.what == "show" || d.what == "force-drain"; operator && (t.Alive && a.lease.last <= d.from || !t.Alive && a.lease.first > d.to) {
		return a, false
	}
	in, least, most := 0, 0, 0 // who is there, and how many promises there were when it was told
	for _, h := range a.held {
		switch {
		case h.in:
			in++
		case h.until.first > d.to:
			least, most = least+1, most+1
		case h.until.last > d.from:
			most++
		}
	}
	return a, t.Players == in && least <= t.Reserved && t.Reserved <= most && t.Free == a.seats-t.Players-t.Reserved
}

// numbers gives a seat the number that was told, unless it is another's.
func (a arena) numbers(h *held, number int) bool {
	if number < 1 || number > a.seats || h.number != 0 && h.number != number {
		return false
	}
	for _, other := range a.held {
		if other.player != h.player && other.number == number {
			return false
		}
	}
	h.number = number
	return true
}

// explained ends the test unless, for each server, there is an order of all deeds in which what was told of them came about: one in which each
// happened at one moment while it was under way. A deed that is unknown has happened or not.
func explained(t *testing.T, deeds []*deed) {
	t.Helper()
	byServer := map[string][]porcupine.Operation{}
	for _, d := range deeds {
		byServer[d.server] = append(byServer[d.server], porcupine.Operation{Input: d, Call: d.from, Return: d.to})
	}
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{arena{}} },
		Step: func(state, input, _ any) []any {
			var all []any
			for _, next := range state.(arena).after(input.(*deed)) {
				all = append(all, next)
			}
			return all
		},
		Equal: func(a, b any) bool { return a.(arena).equal(b.(arena)) },
	}
	for server, history := range byServer {
		result, how := porcupine.CheckOperationsVerbose(model.ToModel(), history, patience)
		if result != porcupine.Ok {
			t.Errorf("%s of %d deeds of %s: %s", result, len(history), server, stuck(history, how.PartialLinearizationsOperations()[0]))
		}
	}
}

// stuck tells how far an explanation gets, and what can't follow.
func stuck(history []porcupine.Operation, attempts [][]porcupine.Operation) string {
	var longest []porcupine.Operation
	for _, attempt := range attempts {
		if len(attempt) > len(longest) {
			longest = attempt
		}
	}
	var text strings.Builder
	states, explained := []arena{{}}, map[*deed]bool{}
	for i, o := range longest {
		d := o.Input.(*deed)
		explained[d] = true
		var next []arena
		for _, a := range states {
			next = append(next, a.after(d)...)
		}
		states = next
		if i >= len(longest)-20 {
			fmt.Fprintf(&text, "\n  %s", d)
		}
	}
	fmt.Fprintf(&text, "\nmake one of")
	for _, a := range states {
		fmt.Fprintf(&text, "\n  %s", a)
	}
	fmt.Fprintf(&text, "\nand then none can follow of")
	end := int64(math.MaxInt64)
	for _, o := range history {
		if !explained[o.Input.(*deed)] {
			end = min(end, o.Return)
		}
	}
	for _, o := range history {
		if d := o.Input.(*deed); !explained[d] && d.from <= end {
			fmt.Fprintf(&text, "\n  %s", d)
		}
	}
	return text.String()
}
