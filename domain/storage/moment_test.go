package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/storage"
)

func TestWhatADocumentWas(t *testing.T) {
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	state := func(version int64, minute int, deleted bool) storage.Document {
		return storage.Document{Ref: ref(ada), Version: version, UpdatedAt: at(minute), Deleted: deleted}
	}
	whole := []storage.Document{state(4, 40, false), state(3, 30, true), state(2, 20, false), state(1, 10, false)}
	gap := []storage.Document{state(7, 40, false), state(6, 30, false), state(3, 20, false)}
	moved := []storage.Document{state(3, 20, false), state(2, 50, false), state(1, 10, false)} // the clock was ahead for a while
	atOnce := []storage.Document{state(3, 20, false), state(2, 20, false), state(1, 10, false)}
	for _, c := range []struct {
		name    string
		states  []storage.Document
		minute  int
		version int64
		deleted bool
		err     error
	}{
		{"now", whole, 60, 4, false, nil},
		{"at the very moment of a write", whole, 40, 4, false, nil},
		{"while it was deleted", whole, 39, 3, true, nil},
		{"in between", whole, 25, 2, false, nil},
		{"at its beginning", whole, 10, 1, false, nil},
		{"before its beginning", whole, 9, 0, true, nil},
		{"within what is kept", whole[:2], 30, 3, true, nil},
		{"before what is kept", whole[:2], 29, 0, false, storage.ErrHistoryTooShort},
		{"nothing is kept", whole[:1], 39, 0, false, storage.ErrHistoryTooShort},
		{"a new one of which nothing is kept", whole[3:], 9, 0, true, nil},
		{"after a gap", gap, 30, 6, false, nil},
		{"in a gap", gap, 29, 0, false, storage.ErrHistoryTooShort},
		{"a moved clock", moved, 30, 3, false, nil},
		{"a moved clock, before", moved, 15, 1, false, nil},
		{"two at once", atOnce, 20, 3, false, nil},
	} {
		got, err := storage.At(at(c.minute), c.states[0], c.states[1:])
		if !errors.Is(err, c.err) || got.Version != c.version || got.Deleted != c.deleted {
			t.Errorf("%s: version %d, deleted %t, %v", c.name, got.Version, got.Deleted, err)
		}
		if err == nil && got.Ref != ref(ada) {
			t.Errorf("%s: of %v", c.name, got.Ref)
		}
	}
}
