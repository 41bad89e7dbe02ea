package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for connections that are in memory, so that a test's clock runs while they are waited for.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (p pipes) Addr() net.Addr { return at{} }

// at is where the clients of pipes are.
type at struct{}

func (at) Network() string { return "tcp" }
func (at) String() string  { return "192.0.2.7:1234" }

type faraway struct{ net.Conn }

func (faraway) RemoteAddr() net.Addr { return at{} }

// guardedServer serves the API as the process does, and counts what comes by the door.
type guardedServer struct {
	t      *testing.T
	api    *API
	pipes  pipes
	passed int
}

func guard(t *testing.T, api *API, stop context.Context) *guardedServer {
	g := &guardedServer{t: t, api: api, pipes: pipes{make(chan net.Conn), make(chan struct{})}}
	server := &http.Server{IdleTimeout: time.Minute, ReadHeaderTimeout: time.Minute}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.passed++
		api.ServeHTTP(w, r)
	})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(api.Guard(stop, server, g.pipes))
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return g
}

// wire is a connection whose replies are read as they come.
type wire struct {
	t *testing.T
	net.Conn
	replies *bufio.Reader
}

func (g *guardedServer) dial() *wire {
	server, client := net.Pipe()
	g.pipes.conns <- faraway{server}
	g.t.Cleanup(func() { _ = client.Close() })
	return &wire{g.t, client, bufio.NewReader(client)}
}

// send sends bytes as they are.
func (w *wire) send(request string) {
	w.t.Helper()
	if _, err := io.WriteString(w, request); err != nil {
		w.t.Error(err)
	}
}

// reply gives the status, the headers and the body of the next reply.
func (w *wire) reply() (int, http.Header, string) {
	w.t.Helper()
	r, err := http.ReadResponse(w.replies, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait() // net/http is done with it
	return r.StatusCode, r.Header, string(body)
}

const plainRequest = "GET /v1/limits HTTP/1.1\r\nHost: game\r\nX-Request-Id: mine\r\n\r\n"

func TestAFullGateRefusesAtTheDoor(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, f.api, t.Context())
		w := g.dial()
		w.send(plainRequest)
		if code, _, _ := w.reply(); code != 200 || g.passed != 1 {
			t.Fatalf("%d, and %d passed", code, g.passed)
		}
		f.api.gate.places <- struct{}{}
		w.send(plainRequest)
		code, headers, body := w.reply()
		if g.passed != 1 {
			t.Error("it was looked at")
		}
		// It is what net/http would have sent.
		same := httptest.NewRecorder()
		f.api.away.refuse(same, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/limits", nil), "mine", respite, false)
		if code != same.Code || body != same.Body.String() {
			t.Errorf("%d %s, and %d %s", code, body, same.Code, same.Body)
		}
		for name := range same.Header() {
			if headers.Get(name) != same.Header().Get(name) {
				t.Errorf("%s: %q and %q", name, headers.Get(name), same.Header().Get(name))
			}
		}
		// It rested, and is served again once there is room.
		began := time.Now()
		<-f.api.gate.places
		w.send(plainRequest)
		if code, _, _ := w.reply(); code != 200 || time.Since(began) != respite {
			t.Errorf("%d after %s", code, time.Since(began))
		}
	})
}

// When many have been refused a connection rests for as long as its client is asked to wait.
func TestOfManyEachRestsAsHeIsAsked(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, f.api, t.Context())
		w := g.dial()
		w.send(plainRequest)
		w.reply()
		f.api.gate.places <- struct{}{}
		began := time.Now()
		for _, wait := range []time.Duration{3 * time.Second, 5 * time.Second} {
			f.api.gate.backoff.next = f.api.Clock.Now().Add(wait - time.Millisecond)
			w.send(plainRequest)
			if code, headers, _ := w.reply(); code != 503 || headers.Get("Retry-After") != seconds(wait) {
				t.Errorf("%d, asked to wait for %s of %s", code, headers.Get("Retry-After"), wait)
			}
		}
		w.send(plainRequest)
		w.reply()
		if rested := time.Since(began); rested != 8*time.Second {
			t.Errorf("it rested for %s", rested)
		}
		if g.passed != 1 {
			t.Errorf("%d passed", g.passed)
		}
	})
}

func TestAProxysConnectionDoesNotRest(t *testing.T) {
	f := newFixture(t, small(1, 0), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, f.api, t.Context())
		f.api.gate.places <- struct{}{}
		began := time.Now()
		w := g.dial()
		for range 3 { // the first is refused by way of net/http
			w.send(plainRequest)
			if code, _, _ := w.reply(); code != 503 {
				t.Errorf("%d", code)
			}
		}
		if rested := time.Since(began); rested != 0 || g.passed != 1 {
			t.Errorf("it rested for %s, and %d passed", rested, g.passed)
		}
	})
}

// What is unusual is refused as well, or answered, by way of net/http; and the door keeps to the
// stream's requests whatever comes in between.
func TestTheDoorRefusesOnlyWholeRequests(t *testing.T) {
	f := newFixture(t, small(1, 0), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	put := func(n int) string {
		return "PUT /v1/players/me/documents/a/b HTTP/1.1\r\nHost: game\r\nContent-Length: " + strconv.Itoa(n) + "\r\n\r\n" + strings.Repeat("x", n)
	}
	split := func(s string, n int) []string { return []string{s[:n], s[n:]} }
	for name, c := range map[string]struct {
		sends  []string
		codes  []int
		passed int
		kept   bool // the door still knows where requests begin
	}{
		"with a body":         {[]string{put(100)}, []int{503}, 0, true},
		"with half a body":    {split(put(100), 150), []int{503}, 1, true},
		"with a long body":    {[]string{put(9000)}, []int{503}, 1, true},
		"with half a head":    {split(plainRequest, 30), []int{503}, 1, false},
		"two at once":         {[]string{plainRequest + plainRequest}, []int{503, 503}, 2, false},
		"one and a half":      {split(plainRequest+plainRequest, len(plainRequest)+5), []int{503, 503}, 2, false},
		"in chunks":           {[]string{"POST /v1/limits HTTP/1.1\r\nHost: game\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, []int{503}, 1, false},
		"a request inside":    {split(put(len(plainRequest))[:len(put(0))+1]+plainRequest, len(put(0))+1), []int{503}, 1, true},
		"alive":               {[]string{"GET /healthz HTTP/1.1\r\nHost: game\r\n\r\n"}, []int{200}, 1, true},
		"alive, with a query": {[]string{"GET /readyz?a HTTP/1.1\r\nHost: game\r\n\r\n"}, []int{200}, 1, true},
		"a browser asks":      {[]string{"OPTIONS /v1/limits HTTP/1.1\r\nHost: game\r\n\r\n"}, []int{204}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := guard(t, f.api, t.Context())
				w := g.dial()
				w.send(plainRequest)
				w.reply()
				f.api.gate.places <- struct{}{}
				defer func() { <-f.api.gate.places }()
				g.passed = 0
				go func() {
					for _, s := range c.sends {
						w.send(s)
					}
				}()
				for i, want := range c.codes {
					if code, _, body := w.reply(); code != want {
						t.Errorf("reply %d: %d %s", i, code, body)
					}
				}
				synctest.Wait()
				if g.passed != c.passed {
					t.Errorf("%d passed, want %d", g.passed, c.passed)
				}
				w.send(plainRequest)
				if code, _, body := w.reply(); code != 503 || !strings.Contains(body, `"request_id":"mine"`) {
					t.Errorf("then: %d %s", code, body)
				}
				if kept := g.passed == c.passed; kept != c.kept {
					t.Errorf("the door knows where requests begin: %t, want %t", kept, c.kept)
				}
			})
		})
	}
}

// The next request may begin before the reply to the last is all done; its first byte is
// then read while net/http looks whether the client is still there.
func TestARequestThatComesEarlyIsKept(t *testing.T) {
	f := newFixture(t, small(1, 0), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		api := f.with(func(ctx context.Context, _ *call) error { <-hold; return ctx.Err() })
		g := guard(t, api, t.Context())
		w := g.dial()
		request := strings.ReplaceAll(plainRequest, "limits", "do")
		w.send(request)
		synctest.Wait()
		go w.send(request) // a byte of it is read, the rest once the first has been answered
		synctest.Wait()
		hold <- struct{}{}
		if code, _, _ := w.reply(); code != 204 {
			t.Fatalf("first: %d", code)
		}
		hold <- struct{}{}
		if code, _, _ := w.reply(); code != 204 {
			t.Fatalf("second: %d", code)
		}
		api.gate.places <- struct{}{}
		w.send(request)
		if code, _, _ := w.reply(); code != 503 || g.passed != 2 {
			t.Errorf("third: %d, and %d passed", code, g.passed)
		}
	})
}

func TestTheDoorRefusesNobodyOnceItStops(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		stop, end := context.WithCancel(t.Context())
		g := guard(t, f.api, stop)
		w := g.dial()
		w.send(plainRequest)
		w.reply()
		end()
		f.api.gate.places <- struct{}{}
		w.send(plainRequest)
		if code, _, _ := w.reply(); code != 503 || g.passed != 2 {
			t.Errorf("%d, and %d passed", code, g.passed)
		}
	})
}

// FuzzHead holds the door's idea of a request against net/http's.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		plainRequest, plainRequest + plainRequest, "GET / HTTP/1.0\r\n\r\n", "GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /v1/ HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
		"PUT /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", "PUT /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
		"PUT /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nabcde", "PUT /v1/a HTTP/1.1\r\nHost: a\r\nX: b\r\n Content-Length: 5\r\n\r\n",
		"POST /v1/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"\r\nGET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\nExpect: 100-continue\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, ok := readHead(b)
		if !ok {
			return
		}
		rest := bytes.NewReader(b)
		stream := bufio.NewReaderSize(rest, 16)
		r, err := http.ReadRequest(stream)
		if err != nil {
			return // it closes the connection
		}
		if size := len(b) - rest.Len() - stream.Buffered(); size != head.size || r.ContentLength != int64(head.body) || len(r.TransferEncoding) > 0 {
			t.Fatalf("a head of %d bytes and a body of %d, for net/http %d, %d and %v", head.size, head.body, size, r.ContentLength, r.TransferEncoding)
		}
		if head.plain && (r.Close || !strings.HasPrefix(r.URL.Path, "/v1/") || r.Header.Get("Expect") != "" || r.Method == http.MethodHead || r.Method == http.MethodOptions) {
			t.Fatalf("refused unseen: %+v", r)
		}
	})
}
