package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limits = registry.Limits{MetadataBytes: 4096, Tags: 32, Seats: 1000}
)

const (
	lease = 30 * time.Second
	hold  = time.Minute
)

func announced(seats int) registry.Announcement {
	return registry.Announcement{Name: "a", Address: registry.Address{Host: "192.0.2.1", Ports: map[string]int{"game": 7777}}, MaxPlayers: seats}
}

func opened(t rapid.TB, seats int) registry.Server {
	t.Helper()
	s, err := registry.Register("arena", nil, announced(seats), registry.Ready, noon, lease)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func one(player string) []registry.Wanted {
	return []registry.Wanted{{Player: identity.PlayerID(player), Ticket: "t-" + player}}
}

func TestAddresses(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:DB8::1": "2001:db8::1", "::ffff:192.0.2.1": "192.0.2.1", "Play.Example.com": "play.example.com", "localhost": "localhost", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"": "", "0.0.0.0": "", "::": "", "224.0.0.1": "", "255.255.255.255": "", "fe80::1%eth0": "", "192.0.2.256": "", "1.2": "", "a..b": "", "-a.example": "", "a_b.example": "",
		"http://a.example": "", "a.example:80": "", "a b": "", "a\n.example": "", strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 127) + "example": "", "[::1]": "", "bücher.example": "",
	} {
		a := announced(4)
		a.Address.Host = host
		got, err := a.Checked("arena", limits)
		if want == "" && err == nil || want != "" && (err != nil || got.Address.Host != want) {
			t.Errorf("%q became %q, %v; want %q", host, got.Address.Host, err, want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	a := registry.Announcement{
		Name: "a\x00", Region: strings.Repeat("r", 65), Tags: []string{"ok", ",", ""}, MaxPlayers: 1001, Metadata: strings.Repeat("{", 5000),
		Address: registry.Address{Ports: map[string]int{"a/b": 0}},
	}
	_, err := a.Checked("Arena", limits)
	var f *fault.Fault
	if !errors.As(err, &f) {
		t.Fatal(err)
	}
	var got []string
	for _, field := range f.Fields {
		got = append(got, field.Pointer)
	}
	want := []string{"/server_id", "/name", "/region", "/address/host", "/address/ports/a~1b", "/address/ports/a~1b", "/tags/1", "/tags/2", "/max_players", "/metadata"}
	if !slices.Equal(got, want) {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func TestGenerationsGrow(t *testing.T) {
	first := opened(t, 4)
	back, err := registry.Register("arena", &first, announced(4), "", noon.Add(-time.Hour), lease)
	if err != nil || back.Generation <= first.Generation || back.State != registry.Ready || back.Revision != 2 {
		t.Errorf("registered again by a clock that is behind: %+v, %v", back, err)
	}
	if err := back.Of(first.Generation); !errors.Is(err, registry.ErrSuperseded) {
		t.Errorf("the older one: %v", err)
	}
	ended := back.Deregister(noon)
	if err := ended.Of(back.Generation); !errors.Is(err, registry.ErrDeregistered) || ended.Alive(noon.Add(-time.Second)) {
		t.Errorf("ended: %v", err)
	}
	if _, err := registry.Register("arena", nil, announced(4), registry.Draining, noon, lease); fault.KindOf(err) != fault.Invalid {
		t.Errorf("registered draining: %v", err)
	}
}

func TestTheLastSeat(t *testing.T) {
	s := opened(t, 1)
	s, seats, err := s.Reserve(one("ada"), noon, hold)
	if err != nil || seats[0].Number != 1 || !seats[0].Until.Equal(noon.Add(hold)) {
		t.Fatalf("%+v, %v", seats, err)
	}
	if _, _, err := s.Reserve(one("bob"), noon, hold); !errors.Is(err, registry.ErrFull) {
		t.Errorf("a second: %v", err)
	}
	again, same, err := s.Reserve([]registry.Wanted{{Player: "ada", Ticket: "other"}}, noon.Add(time.Second), hold)
	if err != nil || same[0] != seats[0] || again.Revision != s.Revision {
		t.Errorf("the same again: %+v, %v", same, err)
	}
	s.ExpiresAt = noon.Add(time.Hour)
	s, _, err = s.Reserve(one("bob"), noon.Add(hold), hold)
	if err != nil {
		t.Fatalf("once the promise has run out: %v", err)
	}
	if _, _, err := s.Admit("ada", "t-ada", noon.Add(hold)); !errors.Is(err, registry.ErrTicketUsed) {
		t.Errorf("a promise that has run out: %v", err)
	}
	s, seat, err := s.Admit("bob", "t-bob", noon.Add(hold))
	if err != nil || seat.Number != 1 || s.Players != 1 {
		t.Fatalf("admitted: %+v, %v", seat, err)
	}
	if _, _, err := s.Admit("bob", "t-bob", noon.Add(hold)); !errors.Is(err, registry.ErrTicketUsed) {
		t.Errorf("the ticket again: %v", err)
	}
	back, seats, err := s.Drain(true).Reserve([]registry.Wanted{{Player: "bob", Ticket: "back"}}, noon.Add(hold), hold)
	if err != nil || seats[0].Number != 1 || seats[0].Ticket != "back" {
		t.Errorf("coming back to a draining server: %+v, %v", seats, err)
	}
	if _, _, err := back.Reserve(one("ada"), noon.Add(hold), hold); !errors.Is(err, registry.ErrNotReady) {
		t.Errorf("somebody new: %v", err)
	}
	if s, err = s.Leave("bob", noon); err != nil || s.Occupancy(noon) != (registry.Occupancy{Free: 1}) {
		t.Errorf("after he left: %+v, %v", s.Occupancy(noon), err)
	}
	if _, err := s.Leave("bob", noon); !errors.Is(err, registry.ErrNotSeated) {
		t.Errorf("left twice: %v", err)
	}
}

func TestAPartyIsSeatedWholeOrNotAtAll(t *testing.T) {
	s := opened(t, 3)
	s, _, _ = s.Reserve(one("ada"), noon, hold)
	if _, _, err := s.Reserve(slices.Concat(one("bob"), one("cyd"), one("dan")), noon, hold); !errors.Is(err, registry.ErrFull) {
		t.Errorf("three on two: %v", err)
	}
	_, seats, err := s.Reserve(slices.Concat(one("bob"), one("ada"), one("cyd")), noon, hold)
	if err != nil || seats[0].Number != 2 || seats[1].Number != 1 || seats[2].Number != 3 || seats[1].Ticket != "t-ada" {
		t.Errorf("one of them has a seat: %+v, %v", seats, err)
	}
}

func TestHeartbeatsSayWhoIsThere(t *testing.T) {
	s := opened(t, 4)
	for _, player := range []string{"ada", "bob", "cyd"} {
		s, _, _ = s.Reserve(one(player), noon, hold)
	}
	s, _, _ = s.Admit("ada", "t-ada", noon)
	s, _, _ = s.Admit("bob", "t-bob", noon.Add(time.Second))
	beat := func(b registry.Beat, after time.Duration) registry.Server {
		t.Helper()
		next, err := s.Beat(b, limits, noon.Add(after), lease)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	// Written before bob and ada came in.
	none := 0
	if got := beat(registry.Beat{Count: &none}, 2*time.Second).Occupancy(noon); got != (registry.Occupancy{Players: 2, Reserved: 1, Free: 1}) {
		t.Errorf("an early count: %+v", got)
	}
	if got := beat(registry.Beat{Players: []identity.PlayerID{}}, 2*time.Second).Occupancy(noon); got.Players != 2 {
		t.Errorf("an early list: %+v", got)
	}
	// ada left without a word: she came first.
	count := 1
	next := beat(registry.Beat{Count: &count}, 11*time.Second)
	if got := next.Occupancy(noon.Add(11 * time.Second)); got != (registry.Occupancy{Players: 1, Reserved: 1, Free: 2}) {
		t.Errorf("a count of one: %+v of %+v", got, next.Seats)
	}
	if _, err := next.Leave("ada", noon); !errors.Is(err, registry.ErrNotSeated) {
		t.Errorf("ada: %v", err)
	}
	// cyd took her seat, and two came without one, for whom one is left.
	next = beat(registry.Beat{Players: []identity.PlayerID{"cyd", "eve", "fay", "gus"}}, 11*time.Second)
	if got := next.Occupancy(noon.Add(11 * time.Second)); got.Players != 4 || got.Free != 0 || len(next.Seats) != 4 {
		t.Errorf("a list: %+v of %+v", got, next.Seats)
	}
	five, word := 5, "x\x00"
	for name, bad := range map[string]registry.Beat{"too many": {Count: &five}, "both": {Count: &none, Players: []identity.PlayerID{}}, "a state": {State: "gone"}, "a map": {Map: &word}, "a tag": {Tags: []string{" "}}} {
		if _, err := s.Beat(bad, limits, noon, lease); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	quiet := beat(registry.Beat{}, time.Second)
	if quiet.Changes != s.Changes || quiet.Revision != s.Revision+1 || !quiet.ExpiresAt.Equal(noon.Add(time.Second+lease)) {
		t.Errorf("nothing new: %+v", quiet)
	}
}

// TestSeatsNeverExceedWhatThereIs does anything in any order: no number is given
// twice or past the last, nobody has two, and no promise is made past what is free.
func TestSeatsNeverExceedWhatThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := opened(t, rapid.IntRange(1, 4).Draw(t, "seats"))
		now := noon
		players := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			before, player := s, players.Draw(t, "player")
			var next registry.Server
			var err error
			switch rapid.SampledFrom([]string{"reserve", "admit", "walk in", "leave", "count", "list", "drain", "again"}).Draw(t, "what") {
			case "reserve":
				wanted := slices.Concat(one(player), one(players.Draw(t, "second")+"2"))
				if next, _, err = s.Reserve(wanted, now, hold); err == nil && before.Occupancy(now).Free == 0 && next.Occupancy(now).Reserved > before.Occupancy(now).Reserved {
					t.Fatalf("step %d promised what was not free: %+v", step, next.Seats)
				}
			case "admit":
				next, _, err = s.Admit(identity.PlayerID(player), "t-"+player, now)
			case "walk in":
				next, _, err = s.Admit(identity.PlayerID(player), "", now)
			case "leave":
				next, err = s.Leave(identity.PlayerID(player), now)
			case "count":
				count := rapid.IntRange(0, s.MaxPlayers).Draw(t, "count")
				next, err = s.Beat(registry.Beat{Count: &count}, limits, now, lease)
			case "list":
				list := rapid.SliceOfNDistinct(rapid.Map(players, func(p string) identity.PlayerID { return identity.PlayerID(p) }), 0, s.MaxPlayers, rapid.ID).Draw(t, "list")
				next, err = s.Beat(registry.Beat{Players: list}, limits, now, lease)
			case "drain":
				next = s.Drain(false)
			case "again":
				next, err = registry.Register(s.ID, &s, announced(s.MaxPlayers), registry.Ready, now, lease)
			}
			if err != nil {
				continue
			}
			s = next
			if s.Revision < before.Revision || s.Revision == before.Revision && fmt.Sprint(s) != fmt.Sprint(before) {
				t.Fatalf("step %d changed something in revision %d after %d", step, s.Revision, before.Revision)
			}
			seen := map[identity.PlayerID]bool{}
			last := 0
			for _, seat := range s.Seats {
				if seat.Number <= last || seat.Number > s.MaxPlayers || seen[seat.Player] {
					t.Fatalf("step %d: %+v", step, s.Seats)
				}
				last, seen[seat.Player] = seat.Number, true
			}
			if o := s.Occupancy(now); o.Free < 0 || o.Players > s.MaxPlayers {
				t.Fatalf("step %d: %+v", step, o)
			}
		}
	})
}

func TestFilters(t *testing.T) {
	s := opened(t, 4)
	s.Name, s.Region, s.Mode, s.Tags, s.Players = "Die Straße 7", "eu", "ctf", []string{"a", "b"}, 1
	shown := registry.Show(s, noon)
	for name, c := range map[string]struct {
		f    registry.Filter
		lets bool
	}{
		"all": {registry.Filter{}, true}, "region": {registry.Filter{Region: "eu", Mode: "ctf"}, true}, "another": {registry.Filter{Region: "eu", Mode: "CTF"}, false},
		"all tags": {registry.Filter{AllTags: []string{"b", "a"}}, true}, "not all": {registry.Filter{AllTags: []string{"b", "c"}}, false},
		"any tag": {registry.Filter{AnyTags: []string{"c", "b"}}, true}, "no tag": {registry.Filter{AnyTags: []string{"c"}}, false},
		"free": {registry.Filter{MinFree: 3}, true}, "not as free": {registry.Filter{MinFree: 4}, false}, "busy": {registry.Filter{NotEmpty: true}, true},
		"a part": {registry.Filter{NameContains: "STRASSE"}, false}, "a part of it": {registry.Filter{NameContains: "die STRAßE"}, true},
	} {
		if got := c.f.Normal().Lets(&shown); got != c.lets {
			t.Errorf("%s: %t", name, got)
		}
	}
}
