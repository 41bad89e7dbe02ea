package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// pace is the time between two requests of one player: all together stay far
// below the rate limits.
const pace = 10 * time.Millisecond

// load is players who save and load, and what became of their requests.
type load struct {
	url, key string
	client   *http.Client
	over     chan struct{}
	playing  sync.WaitGroup

	mu     sync.Mutex
	counts map[string]int // replies by the replica that gave them
	faults []error
}

func newLoad(url, key string) *load {
	return &load{
		url: url, key: key, over: make(chan struct{}), counts: map[string]int{},
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
}

// start signs players in and lets each play until stop.
func (l *load) start(ctx context.Context, players int) error {
	for range players {
		var grant struct {
			AccessToken string `json:"access_token"`
		}
		if err := l.send(ctx, l.key, http.MethodPost, "/v1/auth/guest", `{}`, &grant); err != nil {
			return err
		}
		l.playing.Go(func() { l.play(ctx, grant.AccessToken) })
	}
	return nil
}

// play saves and loads; each save must be the version after the one before.
func (l *load) play(ctx context.Context, token string) {
	const save = "/v1/players/me/documents/saves/slot"
	turn := time.NewTicker(pace)
	defer turn.Stop()
	for n := 1; ; n++ {
		select {
		case <-l.over:
			return
		case <-turn.C:
		}
		var saved, loaded struct {
			Version int `json:"version"`
		}
		err := l.send(ctx, token, http.MethodPut, save, fmt.Sprintf(`{"value":{"n":%d}}`, n), &saved)
		if err == nil {
			err = l.send(ctx, token, http.MethodGet, save, "", &loaded)
		}
		if err == nil && (saved.Version != n || loaded.Version != n) {
			err = fmt.Errorf("save %d became version %d and was loaded as %d", n, saved.Version, loaded.Version)
		}
		if err != nil {
			l.mu.Lock()
			l.faults = append(l.faults, err)
			l.mu.Unlock()
			return
		}
	}
}

// send sends one request, once, and reads its reply into out.
func (l *load) send(ctx context.Context, credential, method, path, body string, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.GetBody = nil // so that the client repeats nothing by itself
	request.Header.Set("Authorization", "Bearer "+credential)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	reply, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return fmt.Errorf("read reply to %s %s: %w", method, path, err)
	}
	if reply.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, reply.Status, text)
	}
	l.mu.Lock()
	l.counts[reply.Header.Get("X-Served-By")]++
	l.mu.Unlock()
	return json.Unmarshal(text, out)
}

func (l *load) served(replica string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[replica]
}

func (l *load) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.faults) > 0
}

// stop ends the load. The error is every request that failed.
func (l *load) stop() (report string, failure error) {
	close(l.over)
	l.playing.Wait()
	return fmt.Sprintf("under load: replies by replica %v, %d failures", l.counts, len(l.faults)), errors.Join(l.faults...)
}
