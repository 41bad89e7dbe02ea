package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What only a real connection shows.
func TestOverConnections(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes = 1 << 10; o.Limits.DocumentBytes = 1 << 10 })
	slow := f.options
	slow.Metrics, slow.Limits.RequestTime = nil, 50*time.Millisecond
	impatient, err := New(slow)
	if err != nil {
		t.Fatal(err)
	}
	server := func(h http.Handler) *httptest.Server {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s
	}
	raw := func(s *httptest.Server, request string) (*http.Response, string, *bufio.Reader, net.Conn) {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		method, _, _ := strings.Cut(request, " ")
		response, body := readResponse(t, reader, &http.Request{Method: method})
		return response, body, reader, conn
	}
	head := "POST /v1/auth/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + f.publishable + "\r\n"

	// A body that never arrives ends with the request's time, not with the connection's.
	if r, body, _, _ := raw(server(impatient), head+"Content-Length: 20\r\n\r\n{"); r.StatusCode != 504 || !strings.Contains(body, "service.timeout") {
		t.Errorf("slow body: %d %s", r.StatusCode, body)
	}
	s := server(f.api)
	// A connection goes on after a request with a body, whose deadline was its own.
	r, body, reader, conn := raw(s, head+"Content-Length: 2\r\n\r\n{}")
	if r.StatusCode != 201 {
		t.Errorf("first: %d %s", r.StatusCode, body)
	}
	if _, err := io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if r, body := readResponse(t, reader, nil); r.StatusCode != 201 {
		t.Errorf("second, chunked: %d %s", r.StatusCode, body)
	}
	// A body over the limit is not read to its end, and its connection not used again.
	if r, body, _, _ := raw(s, head+"Content-Length: 99999999\r\n\r\n"); r.StatusCode != 413 || !r.Close {
		t.Errorf("too long: %d %v %s", r.StatusCode, r.Close, body)
	}
	if r, body, _, _ := raw(s, head+"Transfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n%s\r\n", 2000, strings.Repeat(" ", 2000))); r.StatusCode != 413 || !r.Close {
		t.Errorf("too long, chunked: %d %v %s", r.StatusCode, r.Close, body)
	}
	// A body that is cut off is a problem of its own.
	if r, body, _, _ := raw(s, head+"Transfer-Encoding: chunked\r\n\r\nzz\r\n"); r.StatusCode != 400 || !strings.Contains(body, "request.malformed_json") {
		t.Errorf("cut off: %d %s", r.StatusCode, body)
	}
	if r, body, _, _ := raw(s, "HEAD /v1/limits HTTP/1.1\r\nHost: x\r\n\r\n"); r.StatusCode != 200 || body != "" || r.ContentLength <= 0 {
		t.Errorf("HEAD: %d %d %q", r.StatusCode, r.ContentLength, body)
	}
}

func readResponse(t *testing.T, reader *bufio.Reader, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
