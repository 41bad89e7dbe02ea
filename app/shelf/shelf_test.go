package shelf_test

import (
	"testing"

	"github.com/overworldhq/overworld/app/shelf"
)

func TestItKeepsTheLatestWithinItsBound(t *testing.T) {
	s := shelf.New[string, int](100)
	has := func(name string, want int) {
		t.Helper()
		if got, ok := s.Get(name); ok != (want > 0) || got != want {
			t.Errorf("%s: %d, %t, want %d", name, got, ok, want)
		}
	}
	s.Put("a", 1, 40)
	s.Put("b", 2, 40)
	has("a", 1) // now b was not asked for the longest
	s.Put("c", 3, 40)
	has("a", 1)
	has("b", 0)
	has("c", 3)
	s.Put("c", 4, 60)
	has("a", 1)
	has("c", 4)
	s.Put("large", 5, 101)
	has("large", 0)
	s.Put("c", 6, 101) // not what it was, though the new one has no place
	has("c", 0)
	s.Put("whole", 7, 100)
	has("whole", 7)
	has("a", 0)
}
