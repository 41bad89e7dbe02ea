package blobtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/overworldhq/overworld/ports/blob"
)

func deleting(f *fixture) {
	remove := func(key string) {
		f.Helper()
		if err := f.store.Delete(f.Context(), key); err != nil {
			f.Errorf("delete %q: %v", key, err)
		}
	}
	remove("never/was")
	f.put("a/b/c", []byte("1"))
	f.put("a/b/d", []byte("2"))
	remove("a/b/c")
	f.absent("a/b/c")
	f.holds("a/b/d", []byte("2"))
	remove("a/b/c")
	remove("a/b") // the beginning of a key is not a key
	f.holds("a/b/d", []byte("2"))
	remove("a/b/d")
	f.lists("", "", 10)
	f.put("a/b/c", []byte("3")) // anew, where nothing is left
	f.holds("a/b/c", []byte("3"))
}

var long = strings.Repeat("s", 120)

func oddKeys(f *fixture) {
	keys := []string{
		"a", "A", "aa", "aA", "Aa", "AA", // of which some file systems make one
		"a.", "a..b", "...", ".a", "-", "--", "-a", "_", "0", "con", "nul.txt", "index.html",
		"x/y", "x/Y", "X/y", "x.y", "x-y", "x_y", "x0y", "..../...", "d/.e/f.",
		long[1:], strings.ToUpper(long), long + "/" + strings.ToUpper(long) + "/" + long + "/" + long + "/" + long[:28],
	}
	for i, key := range keys {
		f.put(key, pattern(i+1, byte(i)))
	}
	for i, key := range keys {
		f.holds(key, pattern(i+1, byte(i)))
	}
	slices.Sort(keys)
	f.lists("", "", 100, keys...)
	for _, key := range keys {
		if err := f.store.Delete(f.Context(), key); err != nil {
			f.Errorf("delete %q: %v", key, err)
		}
	}
	f.lists("", "", 100)
}

func malformedKeys(f *fixture) {
	for _, key := range []string{
		"", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/..", "./a", `..\a`, "a b", "ä", "a\x00b", "a%2e", "a:b", "a=", "~",
		long + "s", strings.Repeat("s/", 256) + "s",
	} {
		_, get := f.store.Get(f.Context(), key, 0, -1)
		_, stat := f.store.Stat(f.Context(), key)
		for operation, err := range map[string]error{
			"put": f.store.Put(f.Context(), key, hidden([]byte("content")), 7, ""),
			"get": get, "stat": stat, "delete": f.store.Delete(f.Context(), key),
		} {
			if !errors.Is(err, blob.ErrKey) {
				f.Errorf("%s %q: %v, want ErrKey", operation, key, err)
			}
		}
	}
	for _, prefix := range []string{"/", "..", "../", "a//", "\x01", "~"} {
		f.lists(prefix, "", 10)
	}
}

// keyWithinKey: both, or the second is refused and the first is whole.
func keyWithinKey(f *fixture) {
	for i, pair := range [][2]string{{"a", "a/b"}, {"c/d/e", "c/d"}} {
		first, second := pair[0], pair[1]
		f.put(first, pattern(10, byte(i)))
		err := f.store.Put(f.Context(), second, hidden(pattern(20, byte(i))), 20, "")
		switch {
		case err == nil:
			f.holds(second, pattern(20, byte(i)))
		case errors.Is(err, blob.ErrKey):
			f.absent(second)
		default:
			f.Errorf("put %q beside %q: %v, want none or ErrKey", second, first, err)
		}
		f.holds(first, pattern(10, byte(i)))
	}
}

func listPrefix(f *fixture) {
	for _, key := range []string{"exports/1/a", "exports/1/b", "exports/10", "exports2", "Exports", "import/exports"} {
		f.put(key, []byte(key))
	}
	f.lists("exports", "", 10, "exports/1/a", "exports/1/b", "exports/10", "exports2")
	f.lists("exports/", "", 10, "exports/1/a", "exports/1/b", "exports/10")
	f.lists("exports/1", "", 10, "exports/1/a", "exports/1/b", "exports/10")
	f.lists("exports/1/", "", 10, "exports/1/a", "exports/1/b")
	f.lists("exports/1/a", "", 10, "exports/1/a")
	f.lists("exports/1/a/", "", 10)
	f.lists("E", "", 10, "Exports")
	f.lists("x", "", 10)
	f.lists("exports/", "exports/1/a", 10, "exports/1/b", "exports/10")
	f.lists("exports/", "a", 10, "exports/1/a", "exports/1/b", "exports/10")
	f.lists("exports/", "exports/1/aa", 10, "exports/1/b", "exports/10")
	f.lists("exports/", "exports2", 10)
	for _, info := range f.list("", "", 10) {
		f.describes(info, info.Key, len(info.Key))
	}
}

func listPages(f *fixture) {
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("p/%c/%02d", 'a'+i%3, i)
		f.put(key, nil)
		want = append(want, key)
	}
	slices.Sort(want)
	for _, size := range []int{1, 2, 7, 24, 25, 26, 1001} {
		var got []string
		for after := ""; ; {
			page := f.list("p/", after, size)
			if len(page) > size {
				f.Fatalf("a page of %d, at most %d was asked for", len(page), size)
			}
			for _, info := range page {
				got = append(got, info.Key)
			}
			if len(page) < size {
				break
			}
			after = got[len(got)-1]
		}
		if !slices.Equal(got, want) {
			f.Errorf("by pages of %d: %q, want %q", size, got, want)
		}
	}
}

// listOrder has folders, and keys that sort before, among and behind what is in them.
func listOrder(f *fixture) {
	keys := []string{"k-", "k-/z", "k.a", "k.a/b", "k/a", "k/b/c", "k/b-", "k0", "kA", "k_", "ka", "k/b.", "K/a"}
	keys = slices.DeleteFunc(keys, func(key string) bool { // not every store has a key within a key
		return key == "k-" || key == "k.a"
	})
	for _, key := range keys {
		f.put(key, nil)
	}
	slices.Sort(keys)
	f.lists("", "", 100, keys...)
	for i, key := range keys {
		f.lists("", key, 100, keys[i+1:]...)
		f.lists("", key+"!", 100, keys[i+1:]...) // which is no key, and before all that begin with this one
	}
}

func listUnderWrites(f *fixture) {
	for i := range 10 {
		f.put(fmt.Sprintf("k%d0", i), nil)
	}
	f.lists("k", "", 4, "k00", "k10", "k20", "k30")
	f.put("k15", nil) // before the cursor
	f.put("k35", nil) // right behind it
	if err := f.store.Delete(f.Context(), "k30"); err != nil {
		f.Fatal(err) // the cursor itself
	}
	if err := f.store.Delete(f.Context(), "k50"); err != nil {
		f.Fatal(err)
	}
	f.lists("k", "k30", 4, "k35", "k40", "k60", "k70")
	f.lists("k", "k70", 4, "k80", "k90")
	f.lists("k", "k90", 4)
}

func listNothing(f *fixture) {
	f.lists("", "", 10)
	f.put("k", nil)
	f.lists("", "", 0)
	f.lists("", "k", 10)
	f.lists("l", "", 10)
}
