package leaderboards

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/blob"
)

// smallArchive is how large an archive may be that is read and compared with its hash
// before any of it is handed out: that of some ten thousand entries.
const smallArchive = 256 << 10

// OpenArchive reads a part of an archive's bytes; length -1 reads to the end. ErrArchiveDamaged when they
// are not those that were archived: a small archive is compared with its hash first. A larger one that
// is read whole fails before its last bytes, so that nobody takes it for whole; of a part of one only the length of
// the whole is compared, and who puts parts together compares the hash.
func (u *UseCases) OpenArchive(ctx context.Context, archived Archived, offset, length int64) (io.ReadCloser, error) {
	if archived.Bytes > smallArchive {
		content, err := u.openObject(ctx, archived, offset, length)
		if err != nil || offset > 0 || length >= 0 && length < archived.Bytes {
			return content, err
		}
		return &genuine{content: content, archived: archived, left: archived.Bytes, sum: sha256.New()}, nil
	}
	content, err := u.openObject(ctx, archived, 0, -1)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	whole := make([]byte, archived.Bytes)
	if _, err := io.ReadFull(content, whole); err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	if sha256.Sum256(whole) != archived.Hash {
		return nil, damaged(archived, errNotGenuine)
	}
	offset = min(max(offset, 0), archived.Bytes)
	if length < 0 || length > archived.Bytes-offset {
		length = archived.Bytes - offset
	}
	return io.NopCloser(bytes.NewReader(whole[offset : offset+length])), nil
}

// errNotGenuine is an object whose bytes are others than those that were stored.
var errNotGenuine = errors.New("its bytes have another hash")

func damaged(archived Archived, why error) error {
	return ranking.ErrArchiveDamaged.Because(fmt.Errorf("%s: %w", archived.key, why))
}

// openObject opens the object of an archive, which must be as long as on record.
func (u *UseCases) openObject(ctx context.Context, archived Archived, offset, length int64) (io.ReadCloser, error) {
	object, err := u.parts.Blobs.Get(ctx, archived.key, offset, length)
	switch {
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrRange):
		return nil, damaged(archived, err)
	case err != nil:
		return nil, fmt.Errorf("open archive: %w", err)
	case object.Size != archived.Bytes:
		_ = object.Content.Close()
		return nil, damaged(archived, fmt.Errorf("it has %d bytes", object.Size))
	}
	return object.Content, nil
}

// genuine reads an archive, and fails instead of giving the last of its bytes when they aren't those
// that were archived.
type genuine struct {
	content  io.ReadCloser
	archived Archived
	left     int64
	sum      hash.Hash
}

func (g *genuine) Read(p []byte) (int, error) {
	n, err := g.content.Read(p)
	g.sum.Write(p[:n])
	g.left -= int64(n)
	if g.left <= 0 && n > 0 && [sha256.Size]byte(g.sum.Sum(nil)) != g.archived.Hash {
		return 0, damaged(g.archived, errNotGenuine)
	}
	return n, err
}

func (g *genuine) Close() error { return g.content.Close() }
