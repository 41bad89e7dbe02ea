package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestEditsOfWhatIsNotThere(t *testing.T) {
	ada := storage.ActorOf(tenancy.Player(tenancy.Environment{ID: "e", ProjectID: "p"}.Scope(), "ada", "s", time.Time{}))
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	ref := storage.Ref{Owner: "ada", Collection: "c", Key: "k"}
	dead := &storage.Document{Ref: ref, Version: 4, Read: storage.OwnerOnly, Write: storage.OwnerOnly, Deleted: true}
	hidden := &storage.Document{Ref: ref, Version: 4, Value: []byte(`{"n":41}`), Read: storage.ServerOnly, Write: storage.OwnerOnly}
	mine := &storage.Document{Ref: ref, Version: 4, Value: []byte(`{"n":41}`), Read: storage.Public, Write: storage.OwnerOnly}
	locked := &storage.Document{Ref: ref, Version: 4, Value: []byte(`{"n":41}`), Read: storage.Public, Write: storage.ServerOnly}

	merge, patch, steps := storage.MergePatch(`{"a":1}`), storage.JSONPatch(`[{"op":"add","path":"/a","value":1}]`), storage.Steps{{Path: "/n", By: 1}}
	for _, c := range []struct {
		name    string
		edit    storage.Edit
		current *storage.Document
		pre     storage.Precondition
		want    string
		version int64
		sums    []int64
		err     error
	}{
		{"merge into nothing", merge, nil, storage.Precondition{}, `{"a":1}`, 1, nil, nil},
		{"merge into a tombstone", merge, dead, storage.Precondition{Absent: true}, `{"a":1}`, 5, nil, nil},
		{"merge", merge, mine, storage.Precondition{Versions: []int64{4}}, `{"n":41,"a":1}`, 5, nil, nil},
		{"merge into what must be there", merge, nil, storage.Precondition{Exists: true}, "", 0, nil, storage.ErrStale},
		{"count from nothing", steps, nil, storage.Precondition{}, `{"n":1}`, 1, []int64{1}, nil},
		{"count", steps, mine, storage.Precondition{}, `{"n":42}`, 5, []int64{42}, nil},
		{"patch nothing", patch, nil, storage.Precondition{}, "", 0, nil, storage.ErrNotFound},
		{"patch a tombstone", patch, dead, storage.Precondition{}, "", 0, nil, storage.ErrNotFound},
		{"patch", patch, mine, storage.Precondition{}, `{"n":41,"a":1}`, 5, nil, nil},
		{"patch another version", patch, mine, storage.Precondition{Versions: []int64{3}}, "", 0, nil, storage.ErrStale},
		{"merge into what is hidden", merge, hidden, storage.Precondition{}, "", 0, nil, storage.ErrNotFound},
		{"count what is hidden", steps, hidden, storage.Precondition{}, "", 0, nil, storage.ErrNotFound},
		{"patch what is locked", patch, locked, storage.Precondition{}, "", 0, nil, storage.ErrWriteDenied},
		{"delete", storage.Removal{}, mine, storage.Precondition{}, "", 5, nil, nil},
		{"replace too deep", storage.Draft{Value: []byte(`{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`)}, mine, storage.Precondition{}, "", 0, nil, storage.ErrTooDeep},
		{"replace as deep as may be", storage.Draft{Value: []byte(`{"a":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}`)}, mine, storage.Precondition{}, `{"a":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}`, 5, nil, nil},
	} {
		before := fmt.Sprintf("%+v", c.current)
		got, err := storage.Change{Ref: ref, Precondition: c.pre, Edit: c.edit}.Apply(ada, c.current, storage.Rules{EditLimits: roomy}, now)
		if !errors.Is(err, c.err) || err == nil && (string(got.Document.Value) != c.want || got.Document.Version != c.version || !slices.Equal(got.Sums, c.sums)) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if there := c.current != nil && !c.current.Deleted; err == nil && got.Created == there {
			t.Errorf("%s: created is %t", c.name, got.Created)
		}
		if fmt.Sprintf("%+v", c.current) != before {
			t.Errorf("%s changed what it was given", c.name)
		}
	}
}
