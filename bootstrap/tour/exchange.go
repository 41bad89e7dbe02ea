package tour

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// request is what the tour sends.
type request struct {
	method     string
	path       string
	credential string
	header     [2]string // one more header: its name and value
	body       string    // JSON; empty: none
	quiet      bool      // it is not printed
}

// reply is what came back.
type reply struct {
	request request
	status  int
	header  http.Header
	body    []byte
	members map[string]any
}

// maxReply bounds how much of a reply is read.
const maxReply = 4 << 20

// call sends a request, prints it with its reply, and insists on a status.
func (g *game) call(ctx context.Context, r request, status int) (reply, error) {
	got, err := g.send(ctx, r)
	if err != nil {
		return got, err
	}
	if got.status != status {
		return got, got.wrong("the status is %d, not %d", got.status, status)
	}
	return got, nil
}

// refused is call for a request that must fail with a problem of a code.
func (g *game) refused(ctx context.Context, r request, status int, code string) (reply, error) {
	got, err := g.call(ctx, r, status)
	if err != nil {
		return got, err
	}
	if media := got.header.Get("Content-Type"); media != "application/problem+json" {
		return got, got.wrong("the media type is %q, not application/problem+json", media)
	}
	return got, got.has("code", code)
}

func (g *game) send(ctx context.Context, r request) (reply, error) {
	got := reply{request: r}
	var content io.Reader
	if r.body != "" {
		content = strings.NewReader(r.body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, g.URL+r.path, content)
	if err != nil {
		return got, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if r.credential != "" {
		q.Header.Set("Authorization", "Bearer "+r.credential)
	}
	if r.body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if r.header[0] != "" {
		q.Header.Set(r.header[0], r.header[1])
	}
	q.Header.Set("User-Agent", "overworld-tour")
	g.requests++
	if !r.quiet {
		g.page.request(r)
	}
	answer, err := g.client.Do(q)
	if err != nil {
		return got, fmt.Errorf("the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	got.status, got.header = answer.StatusCode, answer.Header
	if got.body, err = io.ReadAll(io.LimitReader(answer.Body, maxReply)); err != nil {
		return got, fmt.Errorf("%s %s: read reply: %w", r.method, r.path, err)
	}
	if !r.quiet {
		g.page.reply(got)
	}
	if strings.HasSuffix(answer.Header.Get("Content-Type"), "json") {
		decoder := json.NewDecoder(bytes.NewReader(got.body))
		decoder.UseNumber()
		if err := decoder.Decode(&got.members); err != nil {
			return got, got.wrong("the body is not a JSON object: %v", err)
		}
	}
	return got, nil
}

// wrong is the error of a reply that is not what it should be.
func (r reply) wrong(format string, args ...any) error {
	return fmt.Errorf("%s %s: %s", r.request.method, r.request.path, fmt.Sprintf(format, args...))
}

// get finds a member by its path, such as "current", "version"; nil when there is none.
func (r reply) get(path ...any) any {
	var at any = r.members
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := at.(map[string]any)
			at = object[step]
		case int:
			list, _ := at.([]any)
			if step >= len(list) {
				return nil
			}
			at = list[step]
		}
	}
	return at
}

// text is get for a string that must be there.
func (r reply) text(path ...any) (string, error) {
	s, ok := r.get(path...).(string)
	if !ok || s == "" {
		return "", r.wrong("the body has no text at %v", path)
	}
	return s, nil
}

// has insists that a member has a value. Numbers are compared as they are written.
func (r reply) has(member string, want any) error {
	return r.hasAt(want, member)
}

func (r reply) hasAt(want any, path ...any) error {
	got := r.get(path...)
	if number, ok := got.(json.Number); ok {
		got = number.String()
	}
	if !reflect.DeepEqual(got, want) {
		return r.wrong("%v is %v, not %v", path, got, want)
	}
	return nil
}

// tag is the reply's ETag, which must be there.
func (r reply) tag() (string, error) {
	tag := r.header.Get("ETag")
	if tag == "" {
		return "", r.wrong("there is no ETag")
	}
	return tag, nil
}
