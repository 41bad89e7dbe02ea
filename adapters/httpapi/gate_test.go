package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// small is a gate for few.
func small(places, waiting int) func(*Options) {
	return func(o *Options) { o.Limits.ConcurrentRequests, o.Limits.WaitingRequests = places, waiting }
}

func TestAFullGateTurnsAway(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		f.t = t
		turnedAway(t, f)
	})
}

func turnedAway(t *testing.T, f *fixture) {
	f.api.gate.places <- struct{}{}
	for _, path := range []string{"/v1/limits", "/v1/players/me", "/nothing"} {
		r := f.do("GET", path, f.operator, "", header{"X-Request-Id", "mine"}, header{"Origin", "https://game.example"})
		if p := r.problem(503, "service.overloaded"); p["request_id"] != "mine" || r.Header().Get("X-Request-Id") != "mine" || r.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %v %s", path, r.Header(), r.Body)
		}
		if r.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("a page isn't told: %v", r.Header())
		}
	}
	if r := f.do("HEAD", "/v1/limits", "", ""); r.Code != 503 || r.Body.Len() != 0 || len(r.Header().Get("X-Request-Id")) != 36 {
		t.Errorf("HEAD: %d %v %s", r.Code, r.Header(), r.Body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := f.do("GET", path, "", ""); r.Code != 200 {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	if r := f.do("OPTIONS", "/v1/limits", "", ""); r.Code != 204 {
		t.Errorf("OPTIONS: %d", r.Code)
	}
	if logs := f.logs.String(); strings.Count(logs, "overloaded") != 1 || strings.Contains(logs, `"request failed"`) {
		t.Errorf("the log says %s", logs)
	}
	<-f.api.gate.places
	f.do("GET", "/v1/limits", "", "").is(200)
}

// The reply that is made beforehand is the one that the others would be.
func TestWhoWaitedIsRefusedAlike(t *testing.T) {
	f := newFixture(t, small(1, 1))
	at := httptest.NewRecorder()
	synctest.Test(t, func(t *testing.T) {
		f.api.away.refuse(at, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/do", nil), "mine", respite, true)
		api := f.with(nil)
		api.gate.places <- struct{}{}
		r := send(t, api, "GET", "/v1/do", "", "", header{"X-Request-Id", "mine"})
		if r.Code != at.Code || r.Body.String() != at.Body.String() {
			t.Errorf("%d %s, and %d %s", r.Code, r.Body, at.Code, at.Body)
		}
		for name := range r.Header() {
			if r.Header().Get(name) != at.Header().Get(name) {
				t.Errorf("%s: %q and %q", name, r.Header().Get(name), at.Header().Get(name))
			}
		}
	})
}

// A refusal is sent at once, but its connection is not read again for a while.
func TestARefusedConnectionRests(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		f.api.gate.places <- struct{}{}
		began := time.Now()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		for _, gone := range []bool{false, true} {
			told, done := httptest.NewRecorder(), make(chan struct{})
			f.api.gate.backoff.next = f.api.Clock.Now().Add(2 * time.Second)
			go func() {
				defer close(done)
				f.api.ServeHTTP(told, httptest.NewRequestWithContext(ctx, "GET", "/v1/limits", nil))
			}()
			synctest.Wait()
			if told.Code != 503 || told.Header().Get("Retry-After") != "3" || !told.Flushed || told.Body.Len() == 0 {
				t.Errorf("it waits for its refusal: %d %s", told.Code, told.Body)
			}
			if gone {
				leave()
			}
			<-done
		}
		if rested := time.Since(began); rested != 3*time.Second {
			t.Errorf("it rested for %s", rested)
		}
	})
}

func TestTheGateLetsInWhoWaited(t *testing.T) {
	f := newFixture(t, small(2, 2))
	synctest.Test(t, func(t *testing.T) {
		hold, most, inside := make(chan struct{}), 0, 0
		var mu sync.Mutex
		api := f.with(func(context.Context, *call) error {
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			<-hold
			mu.Lock()
			inside--
			mu.Unlock()
			return nil
		})
		var codes [5]int
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() { codes[i] = send(t, api, "GET", "/v1/do", "", "").Code })
			synctest.Wait() // in this order
		}
		close(hold)
		all.Wait()
		if codes != [5]int{204, 204, 204, 204, 503} || most != 2 {
			t.Errorf("%v, and %d at once", codes, most)
		}
		if len(api.gate.places) != 0 || len(api.gate.waiting) != 0 {
			t.Error("somebody is still in")
		}
	})
}

func TestTheGateIsLeftHoweverARequestEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small(1, 0))
	for name, end := range map[string]func(context.Context, *call) error{
		"well":    func(context.Context, *call) error { return nil },
		"refused": func(context.Context, *call) error { return fault.ErrInvalid },
		"fault":   func(context.Context, *call) error { return io.EOF },
		"panic":   func(context.Context, *call) error { panic("x") },
		"abort":   func(context.Context, *call) error { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			api := f.with(end)
			func() {
				defer func() { _ = recover() }()
				send(t, api, "GET", "/v1/do", "", "")
			}()
			if len(api.gate.places) != 0 {
				t.Error("it is still in")
			}
		})
	}
}

// slow is a client that sends its body in two parts.
type slow struct {
	parts chan string
	read  string
}

func (s *slow) Read(p []byte) (int, error) {
	if s.read == "" {
		s.read = <-s.parts
	}
	if s.read == "" {
		return 0, io.EOF
	}
	n := copy(p, s.read)
	s.read = s.read[n:]
	return n, nil
}

func TestASlowClientKeepsNobodyOut(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		api := f.with(func(context.Context, *call) error { return nil })
		body := &slow{parts: make(chan string)}
		var all sync.WaitGroup
		first := httptest.NewRecorder()
		all.Go(func() {
			r := httptest.NewRequest("POST", "/v1/echo/a", body)
			r.Header.Set("Content-Type", "application/json")
			api.ServeHTTP(first, r)
		})
		body.parts <- `{"text":"a",`
		synctest.Wait()
		if code := send(t, api, "GET", "/v1/do", "", "").Code; code != 503 {
			t.Errorf("a fast client's place was given away: %d", code)
		}
		time.Sleep(slowBody)
		synctest.Wait()
		if code := send(t, api, "GET", "/v1/do", "", "").Code; code != 204 {
			t.Errorf("a slow client keeps others out: %d", code)
		}
		body.parts <- `"number":1}`
		close(body.parts)
		all.Wait()
		if first.Code != 200 || len(api.gate.places) != 0 {
			t.Errorf("%d %s, with %d inside", first.Code, first.Body, len(api.gate.places))
		}
	})
}

// A body that took its time may find no place when it is there. That is no fault of the body's.
func TestWhoComesBackToAFullGateIsToldSo(t *testing.T) {
	f := newFixture(t, small(1, 0))
	synctest.Test(t, func(t *testing.T) {
		api := f.with(func(context.Context, *call) error { return nil })
		body, told := &slow{parts: make(chan string)}, httptest.NewRecorder()
		var all sync.WaitGroup
		all.Go(func() {
			r := httptest.NewRequest("POST", "/v1/echo/a", body)
			r.Header.Set("Content-Type", "application/json")
			api.ServeHTTP(told, r)
		})
		synctest.Wait()
		time.Sleep(slowBody)
		synctest.Wait()
		api.gate.places <- struct{}{} // somebody else's
		body.parts <- `{"text":"a","number":1}`
		close(body.parts)
		all.Wait()
		if told.Code != 503 || !strings.Contains(told.Body.String(), "service.overloaded") || told.Header().Get("Retry-After") == "" {
			t.Errorf("%d %v %s", told.Code, told.Header(), told.Body)
		}
	})
}

// However many slow clients there are, what they have sent so far is held for a bounded number.
func TestSlowUploadsAreBounded(t *testing.T) {
	f := newFixture(t, small(1, 1))
	synctest.Test(t, func(t *testing.T) {
		api := f.with(func(context.Context, *call) error { return nil })
		var all sync.WaitGroup
		begin := func(length int64) (*slow, *httptest.ResponseRecorder) {
			body, told := &slow{parts: make(chan string)}, httptest.NewRecorder()
			all.Go(func() {
				r := httptest.NewRequest("POST", "/v1/echo/a", body)
				r.Header.Set("Content-Type", "application/json")
				r.ContentLength = length
				api.ServeHTTP(told, r)
			})
			synctest.Wait()
			time.Sleep(slowBody)
			synctest.Wait()
			return body, told
		}
		end := func(body *slow, told *httptest.ResponseRecorder) {
			body.parts <- `{"text":"a","number":1}`
			close(body.parts)
			synctest.Wait()
			if told.Code != 200 {
				t.Errorf("%d %s", told.Code, told.Body)
			}
		}
		first, firstTold := begin(commonBody + 1)
		second, secondTold := begin(-1)
		if _, third := begin(commonBody + 1); third.Code != 503 || third.Header().Get("Connection") != "close" || third.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d %v", third.Code, third.Header())
		}
		end(begin(23)) // little is held for it
		end(first, firstTold)
		end(begin(commonBody + 1))
		end(second, secondTold)
		all.Wait()
		if left := len(api.gate.uploads.holds); left != 0 || len(api.gate.places) != 0 {
			t.Errorf("%d uploads and %d inside are left", left, len(api.gate.places))
		}
	})
}

// reader is a client that looks at who is inside while it is written to.
type reader struct {
	*httptest.ResponseRecorder
	gate   *gate
	inside int
}

func (r *reader) Write(p []byte) (int, error) {
	r.inside = len(r.gate.places)
	return r.ResponseRecorder.Write(p)
}

func TestARequestLeavesBeforeItsReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, small(1, 0))
	client := &reader{httptest.NewRecorder(), f.api.gate, -1}
	f.api.ServeHTTP(client, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/limits", nil))
	if client.Code != 200 || client.inside != 0 {
		t.Errorf("%d, with %d inside", client.Code, client.inside)
	}
}
