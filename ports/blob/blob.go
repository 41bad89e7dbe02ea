// Package blob stores immutable objects: archives, exports, config bundles.
package blob

import (
	"context"
	"io"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Store keeps objects under keys. Keys are 1 to 512 bytes of a-z A-Z 0-9 and
// "_-./", in segments of 1 to 120 bytes none of which is "." or "..". A store
// that is made of folders may refuse, with ErrKey, a key that would be the
// folder of another object (a and a/b).
type Store interface {
	// Put stores all of content under a key, replacing what is there. Nothing
	// is visible until all is stored: if content fails, or ctx ends first,
	// what was there before stays. Size is the length of content, or -1 if
	// unknown; another length is ErrSize. The content type is at most 200
	// bytes of printable ASCII, and application/octet-stream when empty.
	Put(ctx context.Context, key string, content io.Reader, size int64, contentType string) error
	// Get opens an object from offset; length -1 reads to its end, and a
	// length beyond the end stops there. ErrNotFound when there is none,
	// ErrRange when offset is negative or past the end. The caller closes the content.
	Get(ctx context.Context, key string, offset, length int64) (Object, error)
	// Stat is Get without content.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// List gives up to limit objects whose key begins with prefix and comes
	// after the key after, bytewise by key. It does not tell their content
	// types, which not every store knows without opening each.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Ping tells whether the store can be reached and may be used.
	Ping(ctx context.Context) error
	// Close lets go of what the store holds. It may be used no more.
	Close() error
}

// Linker is a Store that can let somebody else read an object from where it is kept.
type Linker interface {
	// Link gives a URL by which whoever has it reads the object, with its content type and in
	// parts if he wants, without any credential, until the lifetime is over: 1 s to 7 days. Whether there is such an
	// object is not looked at.
	Link(ctx context.Context, key string, lifetime time.Duration) (string, error)
}

// Info describes an object.
type Info struct {
	Key         string
	Size        int64
	ContentType string
	ModifiedAt  time.Time
}

// Object is an open object.
type Object struct {
	Info
	Content io.ReadCloser
}

var (
	ErrNotFound = fault.New(fault.NotFound, "blob.not_found", "There is no such object.")
	ErrRange    = fault.New(fault.Invalid, "blob.range", "The object doesn't have these bytes.")
	ErrSize     = fault.New(fault.Invalid, "blob.size", "The content is longer or shorter than was said.")
	ErrKey      = fault.New(fault.Invalid, "blob.malformed_key", "This can't be the key of an object.")
)

const (
	maxKey = 512
	// maxSegment leaves room for what a store adds to the name of a file.
	maxSegment = 120
)

// ValidKey tells whether an object may have the key. Every store refuses others with ErrKey.
func ValidKey(key string) bool {
	if len(key) < 1 || len(key) > maxKey {
		return false
	}
	segment := 0
	for i := range len(key) + 1 {
		if i == len(key) || key[i] == '/' {
			if s := key[segment:i]; s == "" || len(s) > maxSegment || s == "." || s == ".." {
				return false
			}
			segment = i + 1
			continue
		}
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
