package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
)

// streamed is a body that is read as it comes. The call gives its place back meanwhile:
// take ends with the body, and must leave nothing that anybody sees.
func (c *call) streamed(ctx context.Context, take func(content io.Reader, size int64, contentType string) error) error {
	r := c.r
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return configuration.ErrContentType
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return configuration.ErrBundleEmpty
	}
	c.patient(ctx)
	c.leave()
	if err := take(&arriving{ctx: ctx, from: r.Body}, r.ContentLength, r.Header.Get("Content-Type")); err != nil {
		// Reading on to the end would be worse than a new connection.
		c.header().Set("Connection", "close")
		return err
	}
	return c.enter(ctx)
}

// patient lets the client take as long as the request may, which is longer than the server's
// own patience. Writers that know no deadlines are those of tests.
func (c *call) patient(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		control := http.NewResponseController(c.w)
		_ = control.SetReadDeadline(deadline)
		_ = control.SetWriteDeadline(deadline.Add(c.api.Limits.RequestTime))
	}
}

// arriving says in the API's words why a body ended before it was whole.
type arriving struct {
	ctx  context.Context
	from io.Reader
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF): // which ends the request's context, too
		return n, errCutOff.Because(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, fault.ErrTimeout.With("The body took longer to arrive than a request may.")
	case a.ctx.Err() != nil:
		return n, a.ctx.Err()
	}
	return n, errCutOff.Because(err)
}

// stream is an output of bytes that are read as they are sent.
type stream struct {
	contentType string
	size        int64 // of the whole content
	offset      int64
	length      int64
	open        func() (io.ReadCloser, error)
}

// byteRange is what routes take that give parts of a content. Embed it in their input.
type byteRange struct {
	Range   string `header:"Range" doc:"bytes=0-999, bytes=1000- or bytes=-500: that part alone, with 206. Several parts are answered with the whole."`
	IfRange string `header:"If-Range" doc:"The ETag of the content that the Range is of; another is answered with the whole."`
}

// bundle gives a bundle's bytes, or a part of them, as a reply.
func (c *call) bundle(ctx context.Context, o Options, b configuration.Bundle, part byteRange) (*stream, error) {
	c.header().Set("Cache-Control", "private, max-age=31536000, immutable")
	return c.part(ctx, b.Hash.String(), stream{contentType: b.ContentType, size: b.Size}, part, func(offset, length int64) (io.ReadCloser, error) {
		return o.Configs.Open(ctx, b, offset, length)
	})
}

// part gives a content, or a part of it, as a reply.
func (c *call) part(ctx context.Context, tag string, s stream, part byteRange, open func(offset, length int64) (io.ReadCloser, error)) (*stream, error) {
	c.tag, s.length = tag, s.size
	c.header().Set("Accept-Ranges", "bytes")
	same, err := c.unchanged()
	if err != nil {
		return nil, err
	}
	// Whether he has it comes before what part of it he wants (RFC 9110, 13.2.2).
	if !same && part.Range != "" && (part.IfRange == "" || part.IfRange == `"`+c.tag+`"`) {
		var ok bool
		if s.offset, s.length, ok = readRange(part.Range, s.size); !ok {
			c.header().Set("Content-Range", "bytes */"+strconv.FormatInt(s.size, 10))
			return nil, errRange
		}
	}
	s.open = func() (io.ReadCloser, error) { return open(s.offset, s.length) }
	c.patient(ctx)
	return &s, nil
}

// readRange reads one range of bytes (RFC 9110, 14.1.2). What isn't one, or several, is
// the whole; ok is false when none of the bytes are there.
func readRange(field string, size int64) (offset, length int64, ok bool) {
	spec, isBytes := strings.CutPrefix(field, "bytes=")
	first, last, isRange := strings.Cut(strings.TrimSpace(spec), "-")
	from, fromErr := strconv.ParseUint(first, 10, 63)
	to, toErr := strconv.ParseUint(last, 10, 63)
	switch {
	case !isBytes || !isRange || first == "" && toErr != nil || first != "" && (fromErr != nil || last != "" && (toErr != nil || to < from)):
		return 0, size, true
	case first == "": // the last so many
		n := min(int64(to), size)
		return size - n, n, n > 0
	case int64(from) >= size:
		return 0, 0, false
	case last == "" || int64(to) >= size:
		return int64(from), size - int64(from), true
	}
	return int64(from), int64(to) - int64(from) + 1, true
}

// stream sends a stream.
func (c *call) stream(s *stream) error {
	out := c.patiently()
	done, err := c.hold(&c.api.gate.streams, &hold{size: 1, end: out.end})
	if err != nil {
		return err
	}
	defer done()
	c.leave() // the object store may take its time, and so may the client
	content, err := s.open()
	if err != nil {
		return err
	}
	defer content.Close()
	h := c.header()
	h.Set("Content-Type", s.contentType)
	h.Set("Content-Length", strconv.FormatInt(s.length, 10))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // whoever uploaded it may have meant another page
	c.written = c.status
	if s.length < s.size {
		c.written = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.offset, s.offset+s.length-1, s.size))
	}
	c.w.WriteHeader(c.written)
	if c.r.Method == http.MethodHead {
		return nil
	}
	out.begin()
	defer out.close()
	source := &remembering{from: content}
	_, _ = io.Copy(out, source) // the client may be gone; there is nobody left to tell
	if source.err != nil && c.r.Context().Err() == nil {
		// The client learns it by the bytes that are missing: its connection ends.
		c.api.Logger.Error("content not sent whole", "request_id", c.requestID, "error", source.err)
	}
	return nil
}

// remembering remembers why it failed, which io.Copy tells as if it were the writer's failure.
type remembering struct {
	from io.Reader
	err  error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
