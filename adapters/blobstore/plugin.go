package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Plugin registers file:// and s3://.
func Plugin(r *plugin.Registry) {
	r.Blobs.Handle("file", openFolder)
	r.Blobs.Handle("s3", openBucket)
}

const (
	defaultType    = "application/octet-stream"
	maxContentType = 200
)

var errClosed = fault.ErrUnavailable.Because(errors.New("the blob store is closed"))

// checkPut checks what every store refuses, and gives the content type to store.
func checkPut(key, contentType string) (string, error) {
	if !blob.ValidKey(key) {
		return "", blob.ErrKey
	}
	if contentType == "" {
		return defaultType, nil
	}
	if len(contentType) > maxContentType {
		return "", fmt.Errorf("content type of %d bytes; at most %d", len(contentType), maxContentType)
	}
	for i := range len(contentType) {
		if contentType[i] < ' ' || contentType[i] > '~' {
			return "", fmt.Errorf("content type %q is not printable ASCII", contentType)
		}
	}
	return contentType, nil
}

// content reads what a Put was given, and fails rather than end when its
// length is another than was said, or when ctx has ended. It remembers its failure,
// which some clients hide behind their own.
type content struct {
	ctx    context.Context
	from   io.Reader
	left   int64 // -1: not known
	failed error
}

// Read gives the last bytes only once the source has ended behind them: a client
// that counts on a length never reads on, and would take a cut content for whole.
func (c *content) Read(p []byte) (int, error) {
	if c.failed == nil {
		c.failed = c.ctx.Err()
	}
	if c.failed != nil {
		return 0, c.failed
	}
	if c.left >= 0 && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, ended := 0, false
	if c.left != 0 {
		var err error
		n, err = c.from.Read(p)
		if ended = err == io.EOF; err != nil && !ended {
			return c.fail(err)
		}
	}
	if c.left < 0 {
		return n, eof(ended)
	}
	switch c.left -= int64(n); {
	case c.left > 0 && ended:
		return c.fail(blob.ErrSize)
	case c.left > 0:
		return n, nil
	}
	if err := atEnd(c.from); err != nil {
		return c.fail(err)
	}
	return n, io.EOF
}

func (c *content) fail(err error) (int, error) {
	c.failed = err
	return 0, err
}

func eof(ended bool) error {
	if ended {
		return io.EOF
	}
	return nil
}

// atEnd is ErrSize if there is more to read.
func atEnd(r io.Reader) error {
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case nil:
		return blob.ErrSize
	case io.EOF:
		return nil
	default:
		return err
	}
}

// window is the bytes that a reader at offset, for length bytes, gets of size; ErrRange if none can.
func window(offset, length, size int64) (int64, error) {
	if offset < 0 || offset > size {
		return 0, blob.ErrRange
	}
	if rest := size - offset; length < 0 || length > rest {
		return rest, nil
	}
	return length, nil
}
