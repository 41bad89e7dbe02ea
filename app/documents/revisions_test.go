package documents_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func (g game) history(t *testing.T, p tenancy.Principal, ref storage.Ref, before int64, limit int) string {
	t.Helper()
	all, err := g.Documents.Revisions(t.Context(), p, storage.RevisionQuery{Ref: ref, Before: before, Values: true, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range all {
		lines = append(lines, fmt.Sprintf("%d%s", d.Version, d.Value))
	}
	return strings.Join(lines, " ")
}

func TestHistoryIsKeptReadAndRestored(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	for n := 1; n <= 25; n++ {
		if _, _, err := g.put(g.ada, ref, fmt.Sprintf(`{"n":%d}`, n), storage.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := g.history(t, g.ada, ref, math.MaxInt64, 100), `25{"n":25} 24{"n":24} 23{"n":23} 22{"n":22} 21{"n":21} 20{"n":20} 19{"n":19} 18{"n":18} 17{"n":17} 16{"n":16}`; got != want {
		t.Errorf("history %s", got)
	}
	if got := g.history(t, g.ada, ref, 24, 2); got != `23{"n":23} 22{"n":22}` {
		t.Errorf("a page: %s", got)
	}
	if _, err := g.Documents.Revision(t.Context(), g.ada, ref, 15); !errors.Is(err, storage.ErrRevisionNotFound) {
		t.Errorf("older than is kept: %v", err)
	}
	if err := g.Documents.Delete(t.Context(), g.ada, ref, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int64]error{26: storage.ErrRevisionNotFound, 27: storage.ErrRevisionNotFound, 16: storage.ErrRevisionNotFound, 17: storage.ErrStale} {
		pre := storage.Precondition{Exists: version == 17}
		if _, err := g.Documents.Restore(t.Context(), g.ada, ref, version, pre); !errors.Is(err, want) {
			t.Errorf("restore %d: %v", version, err)
		}
	}
	done, err := g.Documents.Restore(t.Context(), g.ada, ref, 20, storage.Precondition{Absent: true})
	if err != nil || !done.Created || done.Document.Version != 27 || string(done.Document.Value) != `{"n":20}` {
		t.Fatalf("restored %+v, %v", done, err)
	}
	if got := g.history(t, g.ada, ref, math.MaxInt64, 4); got != `27{"n":20} 26 25{"n":25} 24{"n":24}` {
		t.Errorf("history after it: %s", got)
	}
}

func TestWritesThatShareACommitAreEachARevision(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	put := func(value string) storage.Change {
		return storage.Change{Ref: ref, Edit: storage.Draft{Value: []byte(value)}}
	}
	if _, err := g.Documents.WriteAll(t.Context(), g.ada, []storage.Change{put(`{"a":1}`), put(`{"a":2}`), {Ref: ref, Edit: storage.Removal{}}, put(`{"a":4}`)}); err != nil {
		t.Fatal(err)
	}
	if got := g.history(t, g.ada, ref, math.MaxInt64, 10); got != `4{"a":4} 3 2{"a":2} 1{"a":1}` {
		t.Errorf("history %s", got)
	}
	var many []storage.Change
	for n := range 30 {
		many = append(many, put(fmt.Sprintf(`{"b":%d}`, n)))
	}
	if _, err := g.Documents.WriteAll(t.Context(), g.server, many); err != nil {
		t.Fatal(err)
	}
	if got := g.history(t, g.ada, ref, 27, 10); got != `26{"b":21} 25{"b":20}` {
		t.Errorf("history %s", got)
	}
}

func TestHistoryIsForThoseWhoMayReadIt(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	for i, read := range []storage.Access{storage.OwnerOnly, storage.ServerOnly, storage.Public} {
		if _, _, err := g.Documents.Put(t.Context(), g.server, ref, storage.Draft{Value: fmt.Appendf(nil, `{"n":%d}`, i+1), Read: read}, storage.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := g.history(t, g.ada, ref, math.MaxInt64, 10); got != `3{"n":3} 1{"n":1}` {
		t.Errorf("its player sees %s", got)
	}
	if got := g.history(t, g.operator, ref, math.MaxInt64, 10); got != `3{"n":3} 2{"n":2} 1{"n":1}` {
		t.Errorf("an operator sees %s", got)
	}
	if _, err := g.Documents.Restore(t.Context(), g.ada, ref, 2, storage.Precondition{}); !errors.Is(err, storage.ErrRevisionNotFound) {
		t.Errorf("its player restores what was hidden: %v", err)
	}
	// What is public now was not always.
	for name, p := range map[string]tenancy.Principal{"another player": g.bob, "another environment's server": g.abroad} {
		if _, err := g.Documents.Get(t.Context(), p, ref); name == "another player" && err != nil {
			t.Error(err)
		}
		if _, err := g.Documents.Revision(t.Context(), p, ref, 1); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := g.Documents.Restore(t.Context(), p, ref, 1, storage.Precondition{}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s restores: %v", name, err)
		}
	}
	hidden := storage.Draft{Value: []byte(`{}`), Read: storage.ServerOnly}
	if _, _, err := g.Documents.Put(t.Context(), g.server, ref, hidden, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Documents.Revision(t.Context(), g.ada, ref, 1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("its player, of what is hidden now: %v", err)
	}
}

// A page of revisions is as full as its bytes allow, though some of them are not for the caller.
func TestAPageOfHistoryEndsByBytes(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	for n := range 9 {
		read := storage.OwnerOnly
		if n%2 == 1 {
			read = storage.ServerOnly
		}
		draft := storage.Draft{Value: fmt.Appendf(nil, `{"s":"%0100d"}`, n), Read: read}
		if _, err := g.Documents.Write(t.Context(), g.server, storage.Change{Ref: ref, Edit: draft}); err != nil {
			t.Fatal(err)
		}
	}
	for bytes, want := range map[int]string{0: "9 7 5 3 1", 1: "9 7", 108: "9 7", 215: "9 7", 216: "9 7 5", 400: "9 7 5 3", 1000: "9 7 5 3 1"} {
		found, err := g.Documents.Revisions(t.Context(), g.ada, storage.RevisionQuery{Ref: ref, Before: math.MaxInt64, Values: true, Limit: 50, Bytes: bytes})
		if err != nil {
			t.Fatal(err)
		}
		var versions []string
		for _, one := range found {
			versions = append(versions, fmt.Sprint(one.Version))
		}
		if got := strings.Join(versions, " "); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
}
