package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/overworldhq/overworld/ports/blob"
)

func roundTrip(f *fixture) {
	for i, size := range []int{0, 1, 255, 256, 257, 64 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 + 1} {
		content := pattern(size, byte(i))
		f.putSized(fmt.Sprintf("known/%d", size), content, int64(size))
		f.holds(fmt.Sprintf("known/%d", size), content)
		f.putSized(fmt.Sprintf("unknown/%d", size), content, -1)
		f.holds(fmt.Sprintf("unknown/%d", size), content)
	}
	large := pattern(17<<20, 99) // more than the parts that stores send large objects in
	f.putSized("large", large, -1)
	f.holds("large", large)
	f.putSized("large", large[1:], int64(len(large)-1))
	f.holds("large", large[1:])
}

func contentTypes(f *fixture) {
	for _, c := range []struct{ given, want string }{
		{"application/json; charset=utf-8", "application/json; charset=utf-8"},
		{"", "application/octet-stream"},
		{"text/plain", "text/plain"},
	} {
		if err := f.store.Put(f.Context(), "k", hidden([]byte("{}")), 2, c.given); err != nil {
			f.Fatalf("put as %q: %v", c.given, err)
		}
		if _, info := f.get("k", 0, -1); info.ContentType != c.want {
			f.Errorf("get: %q, want %q", info.ContentType, c.want)
		}
		if info, err := f.store.Stat(f.Context(), "k"); err != nil || info.ContentType != c.want {
			f.Errorf("stat: %q, %v; want %q", info.ContentType, err, c.want)
		}
	}
	if err := f.store.Put(f.Context(), "k", hidden(nil), 0, "text/plain\r\nX-Other: 1"); err == nil {
		f.Error("a content type of two lines is let through")
	}
	if info := f.list("", "", 1)[0]; info.ContentType != "" {
		f.Errorf("a listing tells the content type %q: no store may, as not all can", info.ContentType)
	}
}

func missing(f *fixture) {
	f.absent("k")
	f.put("k/l", nil)
	f.absent("k")
	f.absent("k/l/m")
	f.absent("K/l")
	f.absent("k/L")
}

func ranges(f *fixture) {
	const size = 1000
	content := pattern(size, 1)
	f.put("k", content)
	for _, c := range []struct {
		offset, length int64
		want           []byte
	}{
		{0, -1, content}, {0, size, content}, {0, size + 1, content}, {0, math.MaxInt64, content},
		{0, 0, nil}, {0, 1, content[:1]}, {1, 1, content[1:2]}, {1, -1, content[1:]}, {1, math.MaxInt64, content[1:]},
		{500, 100, content[500:600]}, {500, 500, content[500:]}, {500, 501, content[500:]},
		{999, 1, content[999:]}, {999, -1, content[999:]}, {999, 5, content[999:]},
		{1000, -1, nil}, {1000, 0, nil}, {1000, 7, nil}, {500, 0, nil}, {0, -5, content},
	} {
		got, info := f.get("k", c.offset, c.length)
		if !bytes.Equal(got, c.want) {
			f.Errorf("from %d, %d bytes: got %d, want %d", c.offset, c.length, len(got), len(c.want))
		}
		f.describes(info, "k", size) // of the whole object
	}
	for _, c := range [][2]int64{{-1, -1}, {-1, 5}, {1001, -1}, {1001, 0}, {1001, 1}, {math.MaxInt64, math.MaxInt64}, {math.MinInt64, 1}} {
		object, err := f.store.Get(f.Context(), "k", c[0], c[1])
		if !errors.Is(err, blob.ErrRange) {
			f.Errorf("from %d, %d bytes: %v, want ErrRange", c[0], c[1], err)
		}
		if err == nil {
			_ = object.Content.Close()
		}
	}
	if _, err := f.store.Get(f.Context(), "none", 5, 5); !errors.Is(err, blob.ErrNotFound) {
		f.Errorf("a range of what is not there: %v, want ErrNotFound", err)
	}
}

func rangesOfEmpty(f *fixture) {
	f.put("k", nil)
	for _, length := range []int64{-1, 0, 1, 100} {
		if got, _ := f.get("k", 0, length); len(got) != 0 {
			f.Errorf("%d bytes of nothing", len(got))
		}
	}
	if _, err := f.store.Get(f.Context(), "k", 1, -1); !errors.Is(err, blob.ErrRange) {
		f.Errorf("past the end of nothing: %v, want ErrRange", err)
	}
}

func replaces(f *fixture) {
	for i, size := range []int{100, 10, 0, 3 << 20, 1} {
		f.put("k", pattern(size, byte(i)))
		f.holds("k", pattern(size, byte(i)))
	}
	f.lists("", "", 10, "k")
}

func readerKeepsOld(f *fixture) {
	before, after := pattern(4<<20, 1), pattern(4<<20+1, 2)
	f.put("k", before)
	object, err := f.store.Get(f.Context(), "k", 0, -1)
	if err != nil {
		f.Fatal(err)
	}
	got := make([]byte, 10, len(before))
	if _, err := io.ReadFull(object.Content, got); err != nil {
		f.Fatal(err)
	}
	f.put("k", after)
	rest, err := io.ReadAll(object.Content)
	if err := errors.Join(err, object.Content.Close()); err != nil {
		f.Fatal(err)
	}
	if got = append(got, rest...); !bytes.Equal(got, before) {
		f.Error("a reader saw something else than it had opened")
	}
	f.holds("k", after)
}

func oneOrTheOther(f *fixture) {
	contents := [][]byte{pattern(200_000, 1), pattern(300_001, 2)}
	f.put("k", contents[0])
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for i := range 10 {
				content := contents[(w+i)%2]
				if err := f.store.Put(f.Context(), "k", hidden(content), int64(len(content)), ""); err != nil {
					f.Errorf("put: %v", err)
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				object, err := f.store.Get(f.Context(), "k", 0, -1)
				if err != nil {
					f.Errorf("get: %v", err)
					return
				}
				got, err := io.ReadAll(object.Content)
				if err := errors.Join(err, object.Content.Close()); err != nil {
					f.Errorf("read: %v", err)
				}
				whole := bytes.Equal(got, contents[0]) || bytes.Equal(got, contents[1])
				if !whole || object.Size != int64(len(got)) {
					f.Errorf("read %d bytes of an object said to have %d: neither of the two", len(got), object.Size)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	f.lists("", "", 10, "k")
}

func wrongSize(f *fixture) {
	f.put("k", []byte("before"))
	for _, c := range []struct {
		content int
		size    int64
	}{{0, 1}, {1, 0}, {10, 9}, {10, 11}, {10, 5 << 20}, {6 << 20, 5 << 20}, {5 << 20, 6 << 20}, {18 << 20, 17 << 20}, {17 << 20, 18 << 20}} {
		for _, key := range []string{"k", "new"} {
			if err := f.store.Put(f.Context(), key, hidden(pattern(c.content, 1)), c.size, ""); !errors.Is(err, blob.ErrSize) {
				f.Errorf("put %d bytes as %d: %v, want ErrSize", c.content, c.size, err)
			}
		}
	}
	f.holds("k", []byte("before"))
	f.absent("new")
	f.lists("", "", 10, "k")
}

var errBroken = errors.New("the content broke")

func failingContent(f *fixture) {
	f.put("k", []byte("before"))
	for _, size := range []int64{-1, 100, 18 << 20} {
		for _, good := range []int{0, 1, 99, 6 << 20} {
			if size >= 0 && int64(good) >= size {
				continue
			}
			for _, key := range []string{"k", "new"} {
				broken := io.MultiReader(hidden(pattern(good, 1)), failing{errBroken})
				if err := f.store.Put(f.Context(), key, broken, size, ""); !errors.Is(err, errBroken) {
					f.Errorf("put of what breaks after %d of %d bytes: %v, want what it said", good, size, err)
				}
			}
		}
	}
	f.holds("k", []byte("before"))
	f.absent("new")
	f.lists("", "", 10, "k")
}

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

// ending ends its context when it is read, and goes on as if nothing were.
type ending struct {
	end  context.CancelFunc
	left int
}

func (r *ending) Read(p []byte) (int, error) {
	r.end()
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}

func cancelledContent(f *fixture) {
	f.put("k", []byte("before"))
	for _, size := range []int64{-1, 3 << 20} {
		for _, key := range []string{"k", "new"} {
			ctx, end := context.WithCancel(f.Context())
			content := io.MultiReader(hidden(pattern(2<<20, 1)), &ending{end, 1 << 20})
			if err := f.store.Put(ctx, key, content, size, ""); !errors.Is(err, context.Canceled) {
				f.Errorf("put whose context ended: %v, want context.Canceled", err)
			}
			end()
		}
	}
	f.holds("k", []byte("before"))
	f.absent("new")
	f.lists("", "", 10, "k")
}

func manyWriters(f *fixture) {
	for i := range 10 { // what stays keeps folders from coming and going: some gateways over folders trip over that
		f.put(fmt.Sprintf("dir/%d/stays", i), nil)
	}
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for i := range 10 {
				key := fmt.Sprintf("dir/%d/k%d", i, w)
				if err := f.store.Put(f.Context(), key, hidden(pattern(100, byte(w))), 100, ""); err != nil {
					f.Errorf("put %q: %v", key, err)
				}
				if i%2 == 0 {
					if err := f.store.Delete(f.Context(), key); err != nil {
						f.Errorf("delete %q: %v", key, err)
					}
				}
			}
		})
	}
	wait.Wait()
	if found := f.list("", "", 1000); len(found) != 10+8*5 {
		f.Errorf("%d objects are left, want 50", len(found))
	}
}
