package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// Client sends requests to one replica with one credential.
type Client struct {
	URL        string
	Credential string // none when empty
}

// transport is shared, as one game client's connections are.
var transport = &http.Client{
	Transport:     &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 256},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       30 * time.Second,
}

// Client is one of the replica's with a credential.
func (r *Replica) Client(credential string) Client { return Client{r.URL, credential} }

// At is the same caller, now of another replica.
func (c Client) At(r *Replica) Client { return Client{r.URL, c.Credential} }

// As is another caller of the same replica.
func (c Client) As(credential string) Client { return Client{c.URL, credential} }

// Reply is a whole reply.
type Reply struct {
	Request string // its method and URL
	Status  int
	Header  http.Header
	Body    []byte
}

// Send sends a request: a body that is a string or bytes goes as it is, any
// other but nil as JSON; header holds names and values in turn.
func (c Client) Send(ctx context.Context, method, path string, body any, header ...string) (Reply, error) {
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = bytes.NewReader([]byte(body))
	case []byte:
		content = bytes.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return Reply{}, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return Reply{}, err
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Credential != "" {
		request.Header.Set("Authorization", "Bearer "+c.Credential)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return Exchange(request)
}

// Exchange sends a request made by hand.
func Exchange(request *http.Request) (Reply, error) {
	reply, err := transport.Do(request)
	if err != nil {
		return Reply{}, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return Reply{}, fmt.Errorf("read reply: %w", err)
	}
	return Reply{request.Method + " " + request.URL.String(), reply.StatusCode, reply.Header, text}, nil
}

// Do is Send for a test's own goroutine: no reply ends the test.
func (c Client) Do(t testing.TB, method, path string, body any, header ...string) Reply {
	t.Helper()
	reply, err := c.Send(t.Context(), method, path, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply
}

// Want ends the test unless the reply has one of the statuses.
func (r Reply) Want(t testing.TB, statuses ...int) Reply {
	t.Helper()
	for _, status := range statuses {
		if r.Status == status {
			return r
		}
	}
	t.Fatalf("%s: got %d %s, want %d", r.Request, r.Status, r.Body, statuses)
	return r
}

// Into reads the reply's JSON.
func (r Reply) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("%s: %v in %s", r.Request, err, r.Body)
	}
}

// Problem is the body of a refusal (RFC 9457).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		In      string `json:"in"`
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	Current json.RawMessage `json:"current"`
}

// Problem reads the reply as a problem document and is an error unless it is a whole one.
func (r Reply) Problem() (Problem, error) {
	var p Problem
	if media := r.Header.Get("Content-Type"); media != "application/problem+json" {
		return p, fmt.Errorf("%s: status %d with Content-Type %q, no problem document: %.200s", r.Request, r.Status, media, r.Body)
	}
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return p, fmt.Errorf("%s: %w", r.Request, err)
	}
	var faults []error
	check := func(good bool, what string) {
		if !good {
			faults = append(faults, fmt.Errorf("%s: the problem's %s is wrong: %s", r.Request, what, r.Body))
		}
	}
	check(p.Status == r.Status, "status")
	check(p.Code != "" && p.Type == "/problems/"+p.Code, "type")
	check(p.Title != "", "title")
	check(p.RequestID != "" && p.RequestID == r.Header.Get("X-Request-Id"), "request_id")
	check(r.Status != http.StatusUnauthorized || r.Header.Get("Www-Authenticate") != "", "WWW-Authenticate header")
	check(r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "", "Retry-After header")
	check(r.Status != http.StatusTooManyRequests || r.Header.Get("Retry-After") != "", "Retry-After header")
	return p, errors.Join(faults...)
}

// Refused ends the test unless the reply is a problem of the status and code.
func (r Reply) Refused(t testing.TB, status int, code string) Problem {
	t.Helper()
	p, err := r.Problem()
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != status || p.Code != code {
		t.Fatalf("%s: got %d %s (%s), want %d %s", r.Request, p.Status, p.Code, p.Detail, status, code)
	}
	return p
}
