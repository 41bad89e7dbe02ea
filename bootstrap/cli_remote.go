package bootstrap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/adapters/system"
)

// remote is a server that is spoken to by its API.
type remote struct {
	url, key string
	client   *http.Client
}

// call is a request to a remote.
type call struct {
	method, path string
	body         []byte
	contentType  string
	match        string // If-Match; empty: none
}

const (
	callTime = 10 * time.Minute // a large bundle over a slow line
	tries    = 4
	// longestRest bounds what is waited between two tries.
	longestRest = time.Minute
	maxAnswer   = 64 << 20
)

// post sends a body as JSON.
func (r remote) post(ctx context.Context, path string, body any, match string, into any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return r.send(ctx, call{method: http.MethodPost, path: path, body: text, contentType: "application/json", match: match}, into)
}

// send does a call, reads the answer and gives its text. What may have got lost is sent again,
// under one idempotency key, so that it has its effect once.
func (r remote) send(ctx context.Context, c call, into any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	key := system.IDs{}.New()
	for try := 1; ; try++ {
		answer, again, err := r.try(ctx, c, key)
		switch {
		case err == nil:
			if err := json.Unmarshal(answer, into); err != nil {
				return nil, fmt.Errorf("%s doesn't answer as Overworld does: %w", r.url, err)
			}
			return bytes.TrimSpace(answer), nil
		case again < 0 || try == tries || ctx.Err() != nil:
			return nil, err
		}
		rest := time.NewTimer(min(max(again, time.Second<<(try-1)), longestRest))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return nil, err
		}
	}
}

// try sends a call once. again is how long to wait at least before it may be sent again; negative: it must not.
func (r remote) try(ctx context.Context, c call, key string) (answer []byte, again time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, c.method, r.url+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, -1, err
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("User-Agent", "overworld-cli")
	if c.method != http.MethodGet {
		request.Header.Set("Idempotency-Key", key)
		request.Header.Set("Content-Type", c.contentType)
	}
	if c.match != "" {
		request.Header.Set("If-Match", c.match)
	}
	reply, err := r.client.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("the server does not answer: %w", err)
	}
	defer reply.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("read the answer: %w", err)
	case reply.StatusCode < http.StatusMultipleChoices:
		return answer, 0, nil
	}
	again = -1
	if seconds, err := strconv.Atoi(reply.Header.Get("Retry-After")); err == nil {
		again = time.Duration(seconds) * time.Second
	} else if reply.StatusCode == http.StatusBadGateway || reply.StatusCode == http.StatusServiceUnavailable || reply.StatusCode == http.StatusGatewayTimeout {
		again = 0 // of a proxy, perhaps
	}
	return nil, again, refusal(reply, answer)
}

// refusal is a problem document as an error.
func refusal(reply *http.Response, answer []byte) error {
	var problem struct {
		Code, Detail string
		Errors       []struct{ In, Pointer, Detail string }
	}
	if err := json.Unmarshal(answer, &problem); err != nil || problem.Code == "" {
		return fmt.Errorf("the server answers %s", reply.Status)
	}
	text := strings.TrimSuffix(problem.Detail, ".") + " (" + problem.Code + ")"
	for _, fault := range problem.Errors {
		text += "\n  " + strings.TrimSpace(fault.In+" "+fault.Pointer) + ": " + fault.Detail
	}
	return errors.New(text)
}

// shownDiff is what the commands read of a comparison.
type shownDiff struct {
	Same      bool     `json:"same"`
	Lines     []string `json:"lines"`
	Truncated bool     `json:"truncated"`
	From, To  struct {
		Bundle shownBundle `json:"bundle"`
	}
}

func (d shownDiff) tell(out io.Writer) error {
	lines := d.Lines
	if len(lines) == 0 && !d.Same {
		lines = []string{"~ sha256: " + cmp.Or(d.From.Bundle.SHA256, "none") + " -> " + cmp.Or(d.To.Bundle.SHA256, "none")}
	}
	if d.Truncated {
		lines = append(lines, "… and more")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
