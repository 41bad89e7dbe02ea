package httpapi

import (
	"slices"
	"testing"
)

func TestCursorsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	k := cursors{key: []byte("key")}
	for _, place := range [][]string{{"a"}, {"a", ""}, {"", ""}, {"é/~", "b"}} {
		got, ok := k.read("q", k.write("q", place), len(place))
		if !ok || !slices.Equal(got, place) {
			t.Errorf("%q came back as %q, %v", place, got, ok)
		}
	}
	cursor := k.write("q", []string{"a", "b"})
	if _, ok := k.read("p", cursor, 2); ok {
		t.Error("another query's cursor is read")
	}
	if _, ok := k.read("q", cursor, 1); ok {
		t.Error("a cursor of two parts is read as one")
	}
	if _, ok := (cursors{key: []byte("other")}).read("q", cursor, 2); ok {
		t.Error("another installation's cursor is read")
	}
	for i := range len(cursor) {
		changed := []byte(cursor)
		changed[i] ^= 1
		if _, ok := k.read("q", string(changed), 2); ok {
			t.Errorf("changed at %d it is still read", i)
		}
	}
}

// Nobody makes a cursor but us.
func FuzzCursor(f *testing.F) {
	k := cursors{key: []byte("key")}
	f.Add(k.write("q", []string{"a", "b"}))
	f.Add(k.write("other", []string{"a", "b"}))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("====")
	f.Add(k.write("q", []string{"a", "b"}) + "\n")
	f.Fuzz(func(t *testing.T, cursor string) {
		place, ok := k.read("q", cursor, 2)
		if ok && k.write("q", place) != cursor {
			t.Fatalf("%q is read as %q", cursor, place)
		}
	})
}
