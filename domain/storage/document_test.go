package storage_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limits = storage.Rules{EditLimits: storage.EditLimits{Limits: storage.Limits{ValueBytes: 64}}}
	object = []byte(`{"a":1}`)
	scope  = tenancy.Environment{ID: "e", ProjectID: "p"}.Scope()
)

const ada, bob = storage.Owner("ada"), storage.Owner("bob")

func player(id storage.Owner) storage.Actor {
	return storage.ActorOf(tenancy.Player(scope, string(id), "s", time.Time{}))
}

func holder(t testing.TB, kind tenancy.Kind) storage.Actor {
	t.Helper()
	p, err := tenancy.Credential{ID: "c", Kind: kind, Project: "p", Environment: "e"}.Authenticate(noon, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	return storage.ActorOf(p)
}

func server(t testing.TB) storage.Actor {
	t.Helper()
	return holder(t, tenancy.ServerToken)
}

func ref(owner storage.Owner) storage.Ref {
	return storage.Ref{Owner: owner, Collection: "saves", Key: "slot1"}
}

func stored(owner storage.Owner, version int64, read, write storage.Access) *storage.Document {
	return &storage.Document{Ref: ref(owner), Value: object, Version: version, Read: read, Write: write, CreatedAt: noon, UpdatedAt: noon}
}

func tombstone(owner storage.Owner, version int64) *storage.Document {
	d := stored(owner, version, storage.OwnerOnly, storage.OwnerOnly)
	d.Value, d.Deleted = nil, true
	return d
}

func TestWhoReadsWhat(t *testing.T) {
	const owner, public, serverOnly = storage.OwnerOnly, storage.Public, storage.ServerOnly
	for _, c := range []struct {
		name  string
		actor storage.Actor
		of    storage.Owner
		sees  []storage.Access
	}{
		{"server", server(t), ada, []storage.Access{owner, public, serverOnly}},
		{"server, shared", server(t), storage.Shared, []storage.Access{owner, public, serverOnly}},
		{"secret key", holder(t, tenancy.SecretKey), ada, []storage.Access{owner, public, serverOnly}},
		{"CLI", storage.ActorOf(tenancy.Local("root")), ada, []storage.Access{owner, public, serverOnly}},
		{"player, own", player(ada), ada, []storage.Access{owner, public}},
		{"player, another's", player(bob), ada, []storage.Access{public}},
		{"player, shared", player(ada), storage.Shared, []storage.Access{public}},
		{"publishable key", holder(t, tenancy.PublishableKey), ada, nil},
		{"publishable key, shared", holder(t, tenancy.PublishableKey), storage.Shared, nil},
		{"nobody", storage.ActorOf(tenancy.Principal{}), storage.Shared, nil},
		{"player without an id, shared", player(""), storage.Shared, []storage.Access{public}},
	} {
		listed := map[storage.Access]bool{}
		for _, access := range c.actor.Visible(c.of) {
			listed[access] = true
		}
		wanted := map[storage.Access]bool{}
		for _, access := range c.sees {
			wanted[access] = true
		}
		for _, access := range []storage.Access{owner, public, serverOnly} {
			if listed[access] != wanted[access] {
				t.Errorf("%s: lists %q: %t", c.name, access, listed[access])
			}
			if access == owner && c.of == storage.Shared {
				continue // no shared document has it
			}
			if got := stored(c.of, 1, access, owner).ReadableBy(c.actor); got != wanted[access] {
				t.Errorf("%s: reads %q: %t", c.name, access, got)
			}
		}
	}
}

func TestWhoWritesWhat(t *testing.T) {
	states := map[string]func(storage.Owner) *storage.Document{
		"nothing":   func(storage.Owner) *storage.Document { return nil },
		"tombstone": func(o storage.Owner) *storage.Document { return tombstone(o, 3) },
		"owner's":   func(o storage.Owner) *storage.Document { return stored(o, 3, storage.OwnerOnly, storage.OwnerOnly) },
		"servers'":  func(o storage.Owner) *storage.Document { return stored(o, 3, storage.Public, storage.ServerOnly) },
	}
	all := []string{"nothing", "tombstone", "owner's", "servers'"}
	for _, c := range []struct {
		name  string
		actor storage.Actor
		of    storage.Owner
		may   []string
	}{
		{"server", server(t), ada, all},
		{"server, shared", server(t), storage.Shared, all},
		{"secret key", holder(t, tenancy.SecretKey), ada, all},
		{"player, own", player(ada), ada, []string{"nothing", "tombstone", "owner's"}},
		{"player, another's", player(bob), ada, nil},
		{"player, shared", player(ada), storage.Shared, nil},
		{"player without an id, shared", player(""), storage.Shared, nil},
		{"publishable key", holder(t, tenancy.PublishableKey), ada, nil},
		{"publishable key, shared", holder(t, tenancy.PublishableKey), storage.Shared, nil},
	} {
		for name, state := range states {
			may := slices.Contains(c.may, name)
			current := state(c.of)
			_, err := storage.Put(c.actor, ref(c.of), current, storage.Draft{Value: object}, storage.Precondition{}, limits, noon)
			if may && err != nil || !may && !errors.Is(err, storage.ErrWriteDenied) {
				t.Errorf("%s puts over %s: %v", c.name, name, err)
			}
			want := storage.ErrWriteDenied
			switch there := current != nil && !current.Deleted; {
			case may && there:
				want = nil
			case may:
				want = storage.ErrNotFound
			}
			_, err = storage.Delete(c.actor, ref(c.of), current, storage.Precondition{}, noon)
			if want == nil && err != nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s deletes %s: %v", c.name, name, err)
			}
		}
	}
}

func TestPreconditions(t *testing.T) {
	current := stored(ada, 3, storage.OwnerOnly, storage.OwnerOnly)
	for _, c := range []struct {
		name                          string
		pre                           storage.Precondition
		overNothing, overTomb, overV3 bool // whether it holds
	}{
		{"none", storage.Precondition{}, true, true, true},
		{"the version", storage.Precondition{Versions: []int64{3}}, false, false, true},
		{"one of several", storage.Precondition{Versions: []int64{9, 3}}, false, false, true},
		{"another version", storage.Precondition{Versions: []int64{2, 4}}, false, false, false},
		{"the tombstone's version", storage.Precondition{Versions: []int64{4}}, false, false, false},
		{"version none", storage.Precondition{Versions: []int64{0}}, false, false, false},
		{"exists", storage.Precondition{Exists: true}, false, false, true},
		{"absent", storage.Precondition{Absent: true}, true, true, false},
		{"exists and the version", storage.Precondition{Exists: true, Versions: []int64{3}}, false, false, true},
		{"absent and the version", storage.Precondition{Absent: true, Versions: []int64{3}}, false, false, false},
		{"exists and absent", storage.Precondition{Exists: true, Absent: true}, false, false, false},
	} {
		for _, state := range []struct {
			current *storage.Document
			holds   bool
		}{{nil, c.overNothing}, {tombstone(ada, 4), c.overTomb}, {current, c.overV3}} {
			_, err := storage.Put(player(ada), ref(ada), state.current, storage.Draft{Value: object}, c.pre, limits, noon)
			if state.holds != (err == nil) || err != nil && !errors.Is(err, storage.ErrStale) {
				t.Errorf("%s over %+v: %v", c.name, state.current, err)
			}
			if there := state.current == current; err != nil && there != carries(err, 3) {
				t.Errorf("%s over %+v: carries %+v", c.name, state.current, err)
			}
		}
	}
}

// carries tells whether a fault carries the document of a version.
func carries(err error, version int64) bool {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Current == nil {
		return false
	}
	d, ok := f.Current.(storage.Document)
	return ok && d.Version == version && d.Value != nil
}

func TestStaleShowsNothingThatTheWriterMayNotRead(t *testing.T) {
	// A player may write this document, which only servers read.
	blind := stored(ada, 3, storage.ServerOnly, storage.OwnerOnly)
	missed := storage.Precondition{Versions: []int64{2}}
	_, err := storage.Put(player(ada), ref(ada), blind, storage.Draft{Value: object}, missed, limits, noon)
	if !errors.Is(err, storage.ErrStale) || carries(err, 3) {
		t.Errorf("the player is shown it: %v", err)
	}
	if _, err = storage.Put(server(t), ref(ada), blind, storage.Draft{Value: object}, missed, limits, noon); !carries(err, 3) {
		t.Errorf("the server is not: %v", err)
	}
	// Who may not write learns nothing from preconditions.
	if _, err = storage.Delete(player(bob), ref(ada), blind, missed, noon); !errors.Is(err, storage.ErrWriteDenied) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestDraftRules(t *testing.T) {
	value := func(n int) []byte { return []byte(`{"` + strings.Repeat("a", n-6) + `":1}`) }
	for _, c := range []struct {
		name  string
		actor storage.Actor
		of    storage.Owner
		draft storage.Draft
		want  string // codes of the fields at fault, or of the fault
	}{
		{"as large as may be", player(ada), ada, storage.Draft{Value: value(64)}, ""},
		{"larger", player(ada), ada, storage.Draft{Value: value(65)}, "storage.value_too_large"},
		{"no value", player(ada), ada, storage.Draft{}, "/value"},
		{"an array", player(ada), ada, storage.Draft{Value: []byte(`[1]`)}, "/value"},
		{"a player's public save", player(ada), ada, storage.Draft{Value: object, Read: storage.Public, Write: storage.OwnerOnly}, ""},
		{"a player locks itself out", player(ada), ada, storage.Draft{Value: object, Read: storage.ServerOnly, Write: storage.ServerOnly}, "/read /write"},
		{"a server locks a player out", server(t), ada, storage.Draft{Value: object, Read: storage.ServerOnly, Write: storage.ServerOnly}, ""},
		{"public writing", server(t), ada, storage.Draft{Value: object, Write: storage.Public}, "/write"},
		{"a shared document of an owner", server(t), storage.Shared, storage.Draft{Value: object, Read: storage.OwnerOnly, Write: storage.OwnerOnly}, "/read /write"},
		{"unknown words", server(t), ada, storage.Draft{Value: []byte("1"), Read: "all", Write: "OWNER"}, "/value /read /write"},
	} {
		_, err := storage.Put(c.actor, ref(c.of), nil, c.draft, storage.Precondition{}, limits, noon)
		got := ""
		var f *fault.Fault
		if errors.As(err, &f) {
			got = f.Code
			if f.Code == fault.ErrInvalid.Code {
				got = ""
				for _, field := range f.Fields {
					got = strings.TrimSpace(got + " " + field.Pointer)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAccessOfADocument(t *testing.T) {
	put := func(owner storage.Owner, current *storage.Document, draft storage.Draft) storage.Document {
		draft.Value = object
		d, err := storage.Put(server(t), ref(owner), current, draft, storage.Precondition{}, limits, noon)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := put(ada, nil, storage.Draft{}); d.Read != storage.OwnerOnly || d.Write != storage.OwnerOnly {
		t.Errorf("a player's is %q, %q", d.Read, d.Write)
	}
	if d := put(storage.Shared, nil, storage.Draft{}); d.Read != storage.Public || d.Write != storage.ServerOnly {
		t.Errorf("a shared one is %q, %q", d.Read, d.Write)
	}
	secret := put(ada, nil, storage.Draft{Read: storage.ServerOnly, Write: storage.ServerOnly})
	if d := put(ada, &secret, storage.Draft{Read: storage.Public}); d.Read != storage.Public || d.Write != storage.ServerOnly {
		t.Errorf("kept is %q, %q", d.Read, d.Write)
	}
	gone, err := storage.Delete(server(t), ref(ada), &secret, storage.Precondition{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if d := put(ada, &gone, storage.Draft{}); d.Read != storage.OwnerOnly || d.Write != storage.OwnerOnly {
		t.Errorf("made again it is %q, %q", d.Read, d.Write)
	}
}

func TestVersionsOnlyGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var current *storage.Document
		var last int64
		now, born := noon, noon
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				now = now.Add(time.Second)
				pre := rapid.SampledFrom([]storage.Precondition{{}, {Absent: true}, {Exists: true}, {Versions: []int64{last}}, {Versions: []int64{last - 1}}}).Draw(t, "if")
				there := current != nil && !current.Deleted
				var next storage.Document
				var err error
				remove := rapid.Bool().Draw(t, "delete")
				if remove {
					next, err = storage.Delete(player(ada), ref(ada), current, pre, now)
				} else {
					next, err = storage.Put(player(ada), ref(ada), current, storage.Draft{Value: object}, pre, limits, now)
				}
				if holds := !pre.Missed(current) && (there || !remove); holds != (err == nil) {
					t.Fatalf("over %+v: %v", current, err)
				}
				if err != nil {
					return
				}
				if next.Version != last+1 || next.Deleted != remove || (next.Value == nil) != remove || !next.UpdatedAt.Equal(now) {
					t.Fatalf("over version %d: %+v", last, next)
				}
				if !there {
					born = now
				}
				if !next.CreatedAt.Equal(born) {
					t.Fatalf("created %s, want %s", next.CreatedAt, born)
				}
				current, last = &next, next.Version
			},
		})
	})
}
