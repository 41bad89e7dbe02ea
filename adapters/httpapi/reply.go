package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Values come from the database as they were sent, checked and compact: they
// are written as they stand.
var asStored = json.JoinOptions(
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true), json.Deterministic(true),
)

// int64Strings writes int64s as strings. Numbers in documents are not ours to change, and stay.
var int64Strings = json.JoinOptions(asStored, json.WithMarshalers(json.MarshalToFunc(func(out *jsontext.Encoder, n int64) error {
	return out.WriteToken(jsontext.String(strconv.FormatInt(n, 10)))
})))

func (c *call) encode(v any) ([]byte, error) {
	options := asStored
	if c.stringInt64 {
		options = int64Strings
	}
	body, err := json.Marshal(v, options)
	if err != nil {
		return nil, fmt.Errorf("encode reply: %w", err)
	}
	return body, nil
}

// parted is an output that is written in parts, some of which others share.
type parted interface {
	parts(c *call) ([][]byte, error)
}

// reply sends what a handler gave.
func (c *call) reply(out any) error {
	if k, ok := out.(*kept); ok {
		c.status, c.tag = k.Status, k.Tag
	}
	if c.tag != "" {
		c.header().Set("ETag", `"`+c.tag+`"`)
		if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
			same, err := c.unchanged()
			if err != nil {
				return err
			}
			if same {
				c.cacheable()
				c.send(http.StatusNotModified, "", nil)
				return nil
			}
		}
	}
	c.cacheable()
	switch out := out.(type) {
	case *nothing:
		c.send(http.StatusNoContent, "", nil)
		return nil
	case *kept:
		if out.replayed {
			c.header().Set("Idempotency-Replayed", "true")
		}
		if out.Body == nil {
			c.send(c.status, "", nil)
			return nil
		}
		c.send(c.status, "application/json", out.Body)
		return nil
	case parted:
		parts, err := out.parts(c)
		if err == nil {
			c.send(c.status, "application/json", parts...)
		}
		return err
	case *stream:
		return c.stream(out)
	case *page:
		c.send(c.status, out.contentType, out.body)
		return nil
	}
	encode := func() ([]byte, error) { return c.encode(out) }
	if once, ok := out.(interface{ encoded(c *call) ([]byte, error) }); ok {
		encode = func() ([]byte, error) { return once.encoded(c) }
	}
	body, err := encode()
	if err != nil {
		return err
	}
	c.send(c.status, "application/json", body)
	return nil
}

// cacheable says what caches may do where the handler said nothing: keep what
// has a tag, for its reader alone, and ask each time; else keep nothing.
func (c *call) cacheable() {
	if c.header().Get("Cache-Control") != "" {
		return
	}
	if c.tag != "" && c.route.Method == http.MethodGet {
		c.header().Set("Cache-Control", "private, no-cache")
		return
	}
	c.header().Set("Cache-Control", "no-store")
}

// send writes the reply; an empty content type means that there is no body. A long one that there is no room for is
// refused, unless it tells of a change. What comes in parts is others' as well, and held for them anyway.
func (c *call) send(status int, contentType string, body ...[]byte) {
	length := 0
	for _, part := range body {
		length += len(part)
	}
	silent := c.r.Method == http.MethodHead
	if length <= commonBody || silent {
		c.begun(status, contentType, length)
		if !silent {
			write(c.w, body)
		}
		return
	}
	out := c.patiently()
	if len(body) == 1 {
		done, err := c.hold(&c.api.gate.replies, &hold{size: length, body: &body[0][0], must: c.route.keyed, end: out.end})
		if err != nil {
			c.problem(errOverloaded)
			return
		}
		defer done()
	}
	c.begun(status, contentType, length)
	out.begin()
	defer out.close()
	write(out, body)
}

func write(to io.Writer, body [][]byte) {
	for _, part := range body {
		if _, err := to.Write(part); err != nil {
			return // the client is gone; there is nobody left to tell
		}
	}
}

// begun writes the head of a reply. Its client may take its time from now on.
func (c *call) begun(status int, contentType string, length int) {
	h := c.header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(length))
		h.Set("X-Content-Type-Options", "nosniff")
	}
	c.written = status
	c.leave()
	c.w.WriteHeader(status)
}
