package httpapi

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHoldsShareTheirRoom(t *testing.T) {
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for name, c := range map[string]struct {
		// arriving are the callers, each an address and a credential, the oldest first; there is no more room.
		arriving string
		age      time.Duration // of the oldest
		newcomer string
		ended    int // -1: the newcomer is refused
	}{
		"the oldest of who has the most yields":              {"1a 2b 1a 1a", 0, "2b", 0},
		"not to who has as many after that":                  {"1a 2b 1a", 0, "2b", -1},
		"to somebody new":                                    {"1a 1a", 0, "2b", 0},
		"not to somebody new if all have but one":            {"1a 2b", 0, "3c", -1},
		"many guests at one address are one client":          {"1a 1b 1c 2d", 0, "2d", 0},
		"of those at one address, who has the most":          {"1a 1b 1b 1b", 0, "1a", 1},
		"one address doesn't yield to itself for an equal":   {"1a 1b", 0, "1a", -1},
		"who has been at it for long enough yields to all":   {"1a 2b 2b 2b 2b", fairTime, "2b", 0},
		"but not a moment earlier":                           {"1a 2b", fairTime - 1, "2b", -1},
		"who has the most yields, though others came before": {"2b 1a 1a 1a", 0, "3c", 1},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(client string) *hold {
				address := map[byte]netip.Addr{'1': one, '2': other, '3': netip.MustParseAddr("2001:db8::3")}[client[0]]
				return &hold{address: address, caller: client[1:], size: 1}
			}
			clock := &movable{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
			callers, ended := strings.Fields(c.arriving), -1
			r := room{clock: clock, most: len(callers), fair: fairTime}
			var all []*hold
			for i, caller := range callers {
				one := read(caller)
				one.end = func() {
					if ended >= 0 {
						t.Error("two had to make room")
					}
					ended = i
				}
				if err := r.begin(one); err != nil {
					t.Fatal(err)
				}
				if all = append(all, one); i == 0 {
					clock.advance(c.age)
				}
			}
			newcomer := read(c.newcomer)
			if err := r.begin(newcomer); ended != c.ended || (err == nil) != (c.ended >= 0) {
				t.Fatalf("%d had to make room (%v), want %d", ended, err, c.ended)
			}
			for i, one := range append(all, newcomer) {
				if letBe := r.done(one); letBe != (i != c.ended) {
					t.Errorf("%d was let be: %t", i, letBe)
				}
			}
			if len(r.holds) > 0 {
				t.Errorf("%d are left", len(r.holds))
			}
		})
	}
}

// TestHoldsHaveTheirSize has a room of 100 for holds of several sizes.
func TestHoldsHaveTheirSize(t *testing.T) {
	t.Parallel()
	bodies := map[string]*byte{"x": new(byte), "y": new(byte)}
	for name, c := range map[string]struct {
		// Each is an address, a size, perhaps the body that it shares, and ! if there must be room for it.
		holding  string
		newcomer string
		ended    []int
		refused  bool
	}{
		"it fits":                                    {holding: "1:50", newcomer: "2:50"},
		"several yield to a large one":               {holding: "1:30 1:30 1:30", newcomer: "2:45", ended: []int{0, 1}},
		"nobody yields if it would not be enough":    {holding: "1:12 1:40 2:40", newcomer: "4:45", refused: true},
		"a share is told by size, not by number":     {holding: "1:10 1:10 1:10 2:70", newcomer: "1:20", ended: []int{3}},
		"what is as large as others' is refused":     {holding: "1:50 2:50", newcomer: "3:50", refused: true},
		"unless there must be room":                  {holding: "1:50 2:50", newcomer: "3:60!", ended: []int{0, 1}},
		"also where nobody has more":                 {holding: "1:100", newcomer: "1:10!", ended: []int{0}},
		"what many hold is held once":                {holding: "1:60x 2:60x 3:40", newcomer: "4:60x"},
		"and is there until the last of them leaves": {holding: "1:60x 1:60x 2:40", newcomer: "3:50", ended: []int{0, 1}},
		"another body takes its own":                 {holding: "1:60x 2:40", newcomer: "2:60y", refused: true},
		"what is larger than all room is alone":      {holding: "", newcomer: "1:200"},
		"but not beside others":                      {holding: "1:1", newcomer: "2:200", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended []int
			r := room{clock: &movable{now: time.Unix(0, 0)}, most: 100, fair: fairTime}
			read := func(text string) *hold {
				one := &hold{}
				text, one.must = strings.CutSuffix(text, "!")
				for body, first := range bodies {
					if before, shared := strings.CutSuffix(text, body); shared {
						text, one.body = before, first
					}
				}
				var address byte
				if _, err := fmt.Sscanf(text, "%d:%d", &address, &one.size); err != nil {
					t.Fatal(err)
				}
				one.address = netip.AddrFrom4([4]byte{192, 0, 2, address})
				return one
			}
			var all []*hold
			for i, text := range strings.Fields(c.holding) {
				one := read(text)
				one.end = func() { ended = append(ended, i) }
				if err := r.begin(one); err != nil {
					t.Fatal(err)
				}
				all = append(all, one)
			}
			newcomer := read(c.newcomer)
			if err := r.begin(newcomer); (err != nil) != c.refused || !slices.Equal(ended, c.ended) {
				t.Errorf("%v had to make room: %v", ended, err)
			}
			for _, one := range append(all, newcomer) {
				r.done(one)
			}
			if r.taken != 0 || len(r.holds) != 0 || len(r.bodies) != 0 {
				t.Errorf("%d are taken by nobody, %d holds, %d bodies", r.taken, len(r.holds), len(r.bodies))
			}
		})
	}
}
