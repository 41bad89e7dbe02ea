package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	goruntime "runtime"
	gometrics "runtime/metrics"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// narrow makes connections whose kernel takes little of what nobody reads.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return conn, err
}

// listening serves on connections like those, behind a proxy that says who the clients are.
func listening(t *testing.T, handler http.Handler) (dial func(address, request string) net.Conn) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Listener = narrow{s.Listener}
	s.Start()
	t.Cleanup(s.Close)
	return func(address, request string) net.Conn {
		t.Helper()
		dialer := net.Dialer{}
		conn, err := dialer.DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\n", request, address)
		return conn
	}
}

// unread reads no more of a reply than what it is.
func unread(t *testing.T, conn net.Conn) (status string) {
	t.Helper()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err != nil {
		t.Fatal(err)
	}
	return string(line[len(line)-3:])
}

// heap is how many bytes of the process are reachable.
func heap() int {
	goruntime.GC()
	sample := []gometrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	gometrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

// TestUnreadRepliesAreBounded has 200 clients ask for a page of 1 MiB, and read nothing of it.
func TestUnreadRepliesAreBounded(t *testing.T) {
	const readers, bound, around = 200, 16 << 20, 24 << 20
	f := newFixture(t, func(o *Options) {
		o.Limits.ReplyBytes = bound
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	_, token := f.guest()
	for i := range 4 {
		f.do("PUT", fmt.Sprintf("/v1/players/me/documents/large/k%d", i), token, `{"value":{"s":"`+strings.Repeat("x", 255_000)+`"}}`).is(http.StatusCreated)
	}
	dial := listening(t, f.api)
	const page = "/v1/players/me/documents?collection=large&values=true"
	list := func(address string) net.Conn {
		conn := dial(address, "GET "+page)
		fmt.Fprintf(conn, "Authorization: Bearer %s\r\n\r\n", token)
		return conn
	}
	before, told := heap(), map[string]int{}
	var idle []net.Conn
	for range readers {
		conn := list("192.0.2.1")
		idle = append(idle, conn)
		told[unread(t, conn)]++
	}
	if held := heap() - before; held > bound+around {
		t.Errorf("%d MB are held for who reads nothing", held>>20)
	}
	if told["200"] != bound/(1021<<10) || told["200"]+told["503"] != readers {
		t.Errorf("they are told %v", told)
	}
	// Others are served.
	other := list("192.0.2.2")
	if r, body := readResponse(t, bufio.NewReader(other), nil); r.StatusCode != 200 || len(body) < 1_000_000 {
		t.Errorf("who reads: %d, %d bytes", r.StatusCode, len(body))
	}
	// So is what was changed, whoever asks.
	changed := dial("192.0.2.1", "POST /v1/players/me/documents:batch?values=true")
	body := `{"operations":[{"collection":"large","key":"k0","merge":{"n":1}}]}`
	fmt.Fprintf(changed, "Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
	if r, body := readResponse(t, bufio.NewReader(changed), nil); r.StatusCode != 200 || !strings.Contains(body, `"n":1`) {
		t.Errorf("who changes something: %d %.200s", r.StatusCode, body)
	}
	for _, conn := range idle {
		_ = conn.Close()
	}
	for left := 1; left > 0; goruntime.Gosched() {
		f.api.gate.replies.mu.Lock()
		left = f.api.gate.replies.taken
		f.api.gate.replies.mu.Unlock()
	}
}

// piped gives out connections that are made in process, on which time can pass.
type piped struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *piped) Close() error   { close(p.done); return nil }
func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }

// TestWhoReadsOnIsWaitedFor has one client read slowly, for longer than the server waits for anything else, and one stop.
func TestWhoReadsOnIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		const size = 20 * stride
		api, p := f.with(nil), &piped{make(chan net.Conn), make(chan struct{})}
		failed := make(chan error, 2)
		server := &http.Server{ReadHeaderTimeout: time.Second, WriteTimeout: 90 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := &call{api: api, r: r, w: w, route: api.unmatched}
			c.send(http.StatusOK, "text/plain", make([]byte, size))
			failed <- r.Context().Err()
		})}
		go func() { _ = server.Serve(p) }()
		defer server.Close()
		ask := func() net.Conn {
			here, there := net.Pipe()
			p.conns <- there
			fmt.Fprint(here, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			return here
		}
		began, slow := time.Now(), ask()
		r, err := http.ReadResponse(bufio.NewReaderSize(slow, 16), nil)
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for buffer := make([]byte, stride); read < size; {
			n, err := io.ReadFull(r.Body, buffer[:min(stride, size-read)])
			if read += n; err != nil {
				t.Fatalf("after %d bytes and %s: %v", read, time.Since(began), err)
			}
			time.Sleep(patience - time.Second)
		}
		if err := <-failed; err != nil {
			t.Error(err)
		}
		began = time.Now()
		stopped := ask()
		if _, err := io.ReadFull(stopped, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err == nil || time.Since(began) != patience {
			t.Errorf("who stops reading is waited for %s: %v", time.Since(began), err)
		}
		if api.gate.replies.taken != 0 {
			t.Errorf("%d bytes are held", api.gate.replies.taken)
		}
		_ = slow.Close()
		_ = stopped.Close()
	})
}

// TestStreamsAreShared fills all room for contents that are being sent with those that one client doesn't read.
func TestStreamsAreShared(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	f.api.gate.streams.most = 4
	hash := f.push(strings.Repeat("0123456789abcdef", 1<<17), header{"Content-Type", ""}, header{"Content-Type", "application/x-level"})
	f.activate("client", `{"bundle":"`+hash+`"}`)
	dial := listening(t, f.api)
	read := func(address, credential string) net.Conn {
		conn := dial(address, "GET /v1/config/bundle?config=client&sha256="+hash)
		fmt.Fprintf(conn, "Authorization: Bearer %s\r\n\r\n", credential)
		return conn
	}
	_, greedy := f.guest()
	_, other := f.guest()
	for range 4 {
		if got := unread(t, read("192.0.2.1", greedy)); got != "200" {
			t.Errorf("%s", got)
		}
	}
	if got := unread(t, read("192.0.2.1", greedy)); got != "503" {
		t.Errorf("one more of the same client: %s", got)
	}
	for _, caller := range []string{"192.0.2.2", "192.0.2.1"} {
		if r, body := readResponse(t, bufio.NewReader(read(caller, other)), nil); r.StatusCode != 200 || len(body) != 16<<17 {
			t.Errorf("another's: %d, %d bytes", r.StatusCode, len(body))
		}
	}
}
