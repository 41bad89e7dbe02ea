package httpapi

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// body reads the whole body, within the bounds of size and time. It is nil when there is
// none and none is needed.
func (c *call) body(ctx context.Context, optional bool, accepted []string) ([]byte, error) {
	r := c.r
	limit := int64(c.api.Limits.BodyBytes)
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return absent(optional)
	}
	if err := checkContentType(r.Header, accepted); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		// Reading on to the end would be worse than a new connection.
		c.header().Set("Connection", "close")
		return nil, errBodySize.With("The body is %d bytes; at most %d are accepted.", r.ContentLength, limit)
	}
	// A client that sends a byte now and then must not outlive its deadline.
	// Writers that know no deadlines are those of tests.
	control := http.NewResponseController(c.w)
	if deadline, ok := ctx.Deadline(); ok {
		_ = control.SetReadDeadline(deadline)
	}
	done, err := c.upload(control)
	if err != nil {
		c.header().Set("Connection", "close")
		return nil, err
	}
	// What is announced need not come: room is made for a common body, and more as it arrives.
	buffer := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), commonBody)+bytes.MinRead))
	err = c.receive(ctx, func() error {
		_, err := buffer.ReadFrom(http.MaxBytesReader(c.w, r.Body, limit))
		return err
	})
	letBe := done()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errBodySize.With("At most %d bytes are accepted.", limit)
	case err != nil && !letBe:
		c.header().Set("Connection", "close")
		return nil, errOverloaded
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.header().Set("Connection", "close")
		return nil, fault.ErrTimeout.With("The body took longer to arrive than a request may.")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, errOverloaded): // it came whole, but others have its place by now
		return nil, err
	case err != nil:
		c.header().Set("Connection", "close")
		return nil, errBody.With("The body ended before it was whole.").Because(err)
	}
	// Only now: on the other ways out net/http tries to read what is left, and
	// must not wait for it.
	_ = control.SetReadDeadline(time.Time{})
	if buffer.Len() == 0 {
		return absent(optional)
	}
	c.raw = buffer.Bytes()
	return c.raw, nil
}

// commonBody is what nearly every body fits in, in bytes.
const commonBody = 16 << 10

func absent(optional bool) ([]byte, error) {
	if optional {
		return nil, nil
	}
	return nil, errBody.WithFields(fault.Body("", "required", "This needs a body in JSON."))
}

// inJSON is the media type of every body that a route doesn't say another of.
var inJSON = []string{"application/json"}

func checkContentType(h http.Header, accepted []string) error {
	refused := errContentType.With("Send the body as Content-Type: %s, in UTF-8 and not compressed.", strings.Join(accepted, " or "))
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refused
	}
	// The form nearly everyone sends needs no parsing.
	contentType := h.Get("Content-Type")
	if slices.Contains(accepted, contentType) {
		return nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || !slices.Contains(accepted, media) {
		return refused
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return refused
	}
	return nil
}
