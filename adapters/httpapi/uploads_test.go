package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	goruntime "runtime"
	"strings"
	"testing"
)

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
		for waiting := true; waiting; { // so that they came in this order
			f.api.gate.uploads.mu.Lock()
			waiting = len(f.api.gate.uploads.holds) < len(trickling)
			f.api.gate.uploads.mu.Unlock()
			goruntime.Gosched()
		}
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
