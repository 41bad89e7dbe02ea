package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/overworldhq/overworld/ports/blob"
)

// Run runs the whole suite. Open gives an empty store, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		run  func(*fixture)
	}{
		{"what is put is got", roundTrip},
		{"a content type, or none", contentTypes},
		{"what is not there", missing},
		{"ranges", ranges},
		{"ranges of nothing", rangesOfEmpty},
		{"put replaces", replaces},
		{"a reader keeps what it opened", readerKeepsOld},
		{"readers see one or the other", oneOrTheOther},
		{"another size than was said", wrongSize},
		{"content that fails", failingContent},
		{"content cut short by its context", cancelledContent},
		{"an ended context", endedContext},
		{"deleting, and again", deleting},
		{"odd keys", oddKeys},
		{"keys that can't be", malformedKeys},
		{"a key within a key", keyWithinKey},
		{"listing by prefix", listPrefix},
		{"listing page by page", listPages},
		{"listing in the order of bytes", listOrder},
		{"listing while others write", listUnderWrites},
		{"listing nothing", listNothing},
		{"many writers of many keys", manyWriters},
		{"ping", ping},
		{"use after close", afterClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{T: t, store: open(t)}
			t.Cleanup(f.close)
			c.run(f)
		})
	}
}

type fixture struct {
	*testing.T
	store  blob.Store
	closed bool
}

func (f *fixture) close() {
	f.Helper()
	if f.closed {
		return
	}
	f.closed = true
	if err := f.store.Close(); err != nil {
		f.Errorf("close: %v", err)
	}
}

// hidden is a reader that is nothing more, so that no store finds out the
// length, or reads it again.
func hidden(content []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(content)} }

func (f *fixture) put(key string, content []byte) {
	f.Helper()
	f.putSized(key, content, int64(len(content)))
}

func (f *fixture) putSized(key string, content []byte, size int64) {
	f.Helper()
	if err := f.store.Put(f.Context(), key, hidden(content), size, "text/plain"); err != nil {
		f.Fatalf("put %q, %d bytes: %v", key, len(content), err)
	}
}

// get reads a range, and checks what comes with it.
func (f *fixture) get(key string, offset, length int64) (content []byte, info blob.Info) {
	f.Helper()
	object, err := f.store.Get(f.Context(), key, offset, length)
	if err != nil {
		f.Fatalf("get %q from %d, %d bytes: %v", key, offset, length, err)
	}
	content, err = io.ReadAll(object.Content)
	if err := errors.Join(err, object.Content.Close()); err != nil {
		f.Fatalf("read %q from %d, %d bytes: %v", key, offset, length, err)
	}
	return content, object.Info
}

func (f *fixture) holds(key string, want []byte) {
	f.Helper()
	content, info := f.get(key, 0, -1)
	if !bytes.Equal(content, want) {
		f.Fatalf("%q holds %d bytes, %.40q; want %d, %.40q", key, len(content), content, len(want), want)
	}
	f.describes(info, key, len(want))
	info, err := f.store.Stat(f.Context(), key)
	if err != nil {
		f.Fatalf("stat %q: %v", key, err)
	}
	f.describes(info, key, len(want))
}

func (f *fixture) describes(info blob.Info, key string, size int) {
	f.Helper()
	if info.Key != key || info.Size != int64(size) || info.ModifiedAt.IsZero() || info.ModifiedAt.Location().String() != "UTC" {
		f.Fatalf("info = %+v; want %q of %d bytes, modified some time in UTC", info, key, size)
	}
}

func (f *fixture) absent(key string) {
	f.Helper()
	if info, err := f.store.Stat(f.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		f.Fatalf("stat %q = %+v, %v; want ErrNotFound", key, info, err)
	}
	if object, err := f.store.Get(f.Context(), key, 0, -1); !errors.Is(err, blob.ErrNotFound) {
		if err == nil {
			_ = object.Content.Close()
		}
		f.Fatalf("get %q = %+v, %v; want ErrNotFound", key, object.Info, err)
	}
	for _, info := range f.list(key, "", 1) {
		if info.Key == key {
			f.Fatalf("%q is listed", key)
		}
	}
}

func (f *fixture) list(prefix, after string, limit int) []blob.Info {
	f.Helper()
	found, err := f.store.List(f.Context(), prefix, after, limit)
	if err != nil {
		f.Fatalf("list %q after %q: %v", prefix, after, err)
	}
	return found
}

func (f *fixture) lists(prefix, after string, limit int, want ...string) {
	f.Helper()
	found := f.list(prefix, after, limit)
	same := len(found) == len(want)
	for i := range found {
		same = same && found[i].Key == want[i]
	}
	if !same {
		keys := make([]string, len(found))
		for i := range found {
			keys[i] = found[i].Key
		}
		f.Fatalf("list %q after %q, at most %d = %q; want %q", prefix, after, limit, keys, want)
	}
}

// pattern is n bytes that differ from place to place and from seed to seed.
func pattern(n int, seed byte) []byte {
	content := make([]byte, n)
	state := uint32(seed)*2654435761 + 1
	for i := range content {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		content[i] = byte(state)
	}
	return content
}

func ping(f *fixture) {
	if err := f.store.Ping(f.Context()); err != nil {
		f.Errorf("ping: %v", err)
	}
	f.lists("", "", 10) // it leaves nothing behind
}

func afterClose(f *fixture) {
	f.put("k", []byte("content"))
	f.close()
	ctx := f.Context()
	_, get := f.store.Get(ctx, "k", 0, -1)
	_, stat := f.store.Stat(ctx, "k")
	_, list := f.store.List(ctx, "", "", 1)
	for operation, err := range map[string]error{
		"put": f.store.Put(ctx, "k", hidden(nil), 0, ""), "get": get, "stat": stat, "list": list,
		"delete": f.store.Delete(ctx, "k"), "ping": f.store.Ping(ctx),
	} {
		if err == nil {
			f.Errorf("%s after close is no error", operation)
		}
	}
}

func endedContext(f *fixture) {
	f.put("k", []byte("content"))
	ctx, end := context.WithCancel(f.Context())
	end()
	_, get := f.store.Get(ctx, "k", 0, -1)
	_, stat := f.store.Stat(ctx, "k")
	_, list := f.store.List(ctx, "", "", 1)
	for operation, err := range map[string]error{
		"put": f.store.Put(ctx, "k", hidden([]byte("other")), 5, ""), "get": get, "stat": stat, "list": list,
		"delete": f.store.Delete(ctx, "k"), "ping": f.store.Ping(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			f.Errorf("%s with an ended context: %v, want context.Canceled", operation, err)
		}
	}
	f.holds("k", []byte("content"))
}
