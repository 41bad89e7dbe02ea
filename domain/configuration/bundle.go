package configuration

import (
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"strings"
	"time"
)

// Hash is the SHA-256 of a bundle's bytes, which names it.
type Hash [sha256.Size]byte

// String gives it as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String writes, and nothing else.
func ParseHash(s string) (h Hash, ok bool) {
	if len(s) != 2*len(h) {
		return Hash{}, false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return Hash{}, false
		}
	}
	n, err := hex.Decode(h[:], []byte(s))
	return h, err == nil && n == len(h)
}

// Bundle is immutable bytes of a content type. In an environment there is one of a hash.
type Bundle struct {
	Hash        Hash
	Size        int64 // in bytes, from 1
	ContentType string
	// Object is where the object store has the bytes. Each upload has an object of
	// its own, so that nobody comes to need one that is being collected.
	Object string
	// CreatedAt is when the environment first got it, and TouchedAt when last.
	CreatedAt time.Time
	TouchedAt time.Time
}

// JSON tells whether the bytes are to be JSON.
func (b Bundle) JSON() bool { return IsJSON(b.ContentType) }

// IsJSON tells whether a content type is application/json.
func IsJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// IsForm tells whether a content type is that of a web form: what tools say that were told of none, and
// never what a bundle is.
func IsForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/x-www-form-urlencoded" || strings.HasPrefix(media, "multipart/"))
}

// maxContentType bounds a content type, in bytes.
const maxContentType = 100

// CheckContentType gives a bundle's content type as it is kept: application/octet-stream
// for none. ErrContentType when it is none.
func CheckContentType(contentType string) (string, error) {
	if contentType == "" {
		return "application/octet-stream", nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || len(contentType) > maxContentType {
		return "", ErrContentType
	}
	// Written in one way, so that two spellings are one type.
	formatted := mime.FormatMediaType(media, params)
	if formatted == "" || len(formatted) > maxContentType {
		return "", ErrContentType
	}
	for i := range len(formatted) {
		if formatted[i] < ' ' || formatted[i] > '~' {
			return "", ErrContentType
		}
	}
	return formatted, nil
}
