package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestUploadsShareTheirRoom(t *testing.T) {
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
		"who has been at it for long enough yields to all":   {"1a 2b 2b 2b 2b", uploadTime, "2b", 0},
		"but not a moment earlier":                           {"1a 2b", uploadTime - 1, "2b", -1},
		"who has the most yields, though others came before": {"2b 1a 1a 1a", 0, "3c", 1},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(client string) *upload {
				address := map[byte]netip.Addr{'1': one, '2': other, '3': netip.MustParseAddr("2001:db8::3")}[client[0]]
				return &upload{address: address, caller: client[1:]}
			}
			clock := &movable{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
			callers, ended := strings.Fields(c.arriving), -1
			u := uploads{clock: clock, most: len(callers)}
			var all []*upload
			for i, caller := range callers {
				one := read(caller)
				one.end = func() {
					if ended >= 0 {
						t.Error("two had to make room")
					}
					ended = i
				}
				if err := u.begin(one); err != nil {
					t.Fatal(err)
				}
				if all = append(all, one); i == 0 {
					clock.advance(c.age)
				}
			}
			newcomer := read(c.newcomer)
			if err := u.begin(newcomer); ended != c.ended || (err == nil) != (c.ended >= 0) {
				t.Fatalf("%d had to make room (%v), want %d", ended, err, c.ended)
			}
			for i, one := range append(all, newcomer) {
				if letBe := u.done(one); letBe != (i != c.ended) {
					t.Errorf("%d was let be: %t", i, letBe)
				}
			}
			if len(u.arriving) > 0 {
				t.Errorf("%d are left", len(u.arriving))
			}
		})
	}
}

// TestATricklingClientKeepsNobodyOut fills a server with bodies that hardly move.
func TestATricklingClientKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small(2, 2), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	_, trickler := f.guest()
	_, player := f.guest()
	s := httptest.NewServer(f.api)
	t.Cleanup(s.Close)
	var trickling []net.Conn
	for i := range 4 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PUT /v1/players/me/documents/s/k%d HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n{", i, trickler)
		trickling = append(trickling, conn)
	}
	for waiting := true; waiting; {
		f.api.gate.uploads.mu.Lock()
		waiting = len(f.api.gate.uploads.arriving) < len(trickling)
		f.api.gate.uploads.mu.Unlock()
	}
	for range 3 {
		request, err := http.NewRequestWithContext(t.Context(), "PUT", s.URL+"/v1/players/me/documents/s/mine", strings.NewReader(`{"value":{"s":"`+strings.Repeat("x", 30_000)+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"X-Forwarded-For": "192.0.2.2", "Authorization": "Bearer " + player, "Content-Type": "application/json"} {
			request.Header.Set(name, value)
		}
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusCreated && r.StatusCode != http.StatusOK {
			t.Errorf("somebody else's save: %d", r.StatusCode)
		}
	}
	r, body := readResponse(t, bufio.NewReader(trickling[0]), nil)
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "service.overloaded") || !r.Close {
		t.Errorf("who had to make room is told %d %s", r.StatusCode, body)
	}
}
