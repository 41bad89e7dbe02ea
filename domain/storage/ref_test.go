package storage_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		collection, key string
		want            []string
	}{
		{"saves", "slot1", nil},
		{"A_b-c.9", "a~b@c+d=e.f_g-h", nil},
		{"...", "...", nil},
		{strings.Repeat("c", 64), strings.Repeat("k", 128), nil},
		{strings.Repeat("c", 65), strings.Repeat("k", 129), []string{"/collection", "/key"}},
		{"", "", []string{"/collection", "/key"}},
		{".", "..", []string{"/collection", "/key"}},
		{"..", ".", []string{"/collection", "/key"}},
		{"a~b", "a~b", []string{"/collection"}},
		{"a/b", "a/b", []string{"/collection", "/key"}},
		{"é", "é", []string{"/collection", "/key"}},
		{"a\x00", "a\xff", []string{"/collection", "/key"}},
		{"a b", "a%20b", []string{"/collection", "/key"}},
	} {
		ref, err := storage.NewRef(ada, c.collection, c.key)
		var f *fault.Fault
		var got []string
		if errors.As(err, &f) {
			for _, field := range f.Fields {
				got = append(got, field.Pointer)
				if field.In != "path" {
					t.Errorf("%q, %q: a fault of the %s", c.collection, c.key, field.In)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: faults at %q, want %q", c.collection, c.key, got, c.want)
		}
		if err == nil && ref != (storage.Ref{Owner: ada, Collection: c.collection, Key: c.key}) {
			t.Errorf("%q, %q: %+v", c.collection, c.key, ref)
		}
	}
}

var (
	collections = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	keys        = regexp.MustCompile(`^[A-Za-z0-9_.~@+=-]{1,128}$`)
)

func FuzzNewRef(f *testing.F) {
	f.Add("saves", "slot1")
	f.Add(".", "..")
	f.Add("a/b", "a\x00b")
	f.Add(strings.Repeat("c", 65), strings.Repeat("k", 129))
	f.Fuzz(func(t *testing.T, collection, key string) {
		dots := func(s string) bool { return s == "." || s == ".." }
		want := collections.MatchString(collection) && keys.MatchString(key) && !dots(collection) && !dots(key)
		ref, err := storage.NewRef(ada, collection, key)
		if (err == nil) != want {
			t.Fatalf("%q, %q: %v", collection, key, err)
		}
		if err != nil {
			return
		}
		if ref.Collection != collection || ref.Key != key {
			t.Fatalf("%q, %q: %+v", collection, key, ref)
		}
		for i := range len(key) + 1 {
			if !storage.ValidPrefix(key[:i]) {
				t.Fatalf("%q can't begin with %q", key, key[:i])
			}
		}
	})
}
