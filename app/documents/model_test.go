package documents_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/servers"
)

// naive is a document as the reference sees it: every state it ever had, the
// last one current. Values are objects of small integers.
type naive struct {
	value       map[string]int64 // nil: deleted
	first       string           // the first member of the value
	read, write storage.Access
	at          time.Time
}

type reference map[storage.Ref][]naive

// rules are what is declared of the documents.
type rules struct {
	most        int64          // that a member of the value may be
	read, write storage.Access // of new ones
}

// kept is how many states of a document there are to see: few, so that some are
// forgotten.
const kept = 4

// plan is one change in the reference's words.
type plan struct {
	ref         storage.Ref
	kind        string // put, merge, patch, count, delete, restore
	member      string
	n           int64
	read, write storage.Access
	pre         storage.Precondition
	at          time.Time
	// of a restore: the version, and the value it had
	version int64
	value   map[string]int64
	first   string
}

func (m plan) change() storage.Change {
	c := storage.Change{Ref: m.ref, Precondition: m.pre}
	switch m.kind {
	case "put":
		c.Edit = storage.Draft{Value: fmt.Appendf(nil, `{%q:%d}`, m.member, m.n), Read: m.read, Write: m.write}
	case "merge":
		c.Edit = storage.MergePatch(fmt.Sprintf(`{%q:%d,"gone":null}`, m.member, m.n))
	case "patch":
		c.Edit = storage.JSONPatch(fmt.Sprintf(`[{"op":"test","path":"/a","value":%d},{"op":"add","path":"/%s","value":0}]`, m.n, m.member))
	case "count":
		c.Edit = storage.Steps{{Path: "/" + m.member, By: m.n, Min: new(int64)}}
	case "delete":
		c.Edit = storage.Removal{}
	}
	return c
}

// do does one change. It gives the code of the refusal, or "".
func (r reference) do(rules rules, player string, m plan) string {
	states := r[m.ref]
	var now naive
	if len(states) > 0 {
		now = states[len(states)-1]
	}
	there, version := now.value != nil, int64(len(states))
	server := player == ""
	if !server && (string(m.ref.Owner) != player || there && now.write == storage.ServerOnly || !there && m.kind != "delete" && rules.write == storage.ServerOnly) {
		return "storage.write_denied"
	}
	if m.pre.Absent && there || m.pre.Exists && !there || len(m.pre.Versions) > 0 && (!there || m.pre.Versions[0] != version) {
		return "storage.version_mismatch"
	}
	next := naive{value: maps.Clone(now.value), first: now.first, read: now.read, write: now.write, at: m.at}
	if !there {
		next = naive{value: map[string]int64{}, at: m.at, read: storage.OwnerOnly, write: storage.OwnerOnly}
		if m.ref.Owner == storage.Shared {
			next.read, next.write = storage.Public, storage.ServerOnly
		}
		switch {
		case rules.read == storage.OwnerOnly && m.ref.Owner == storage.Shared:
			next.read = storage.ServerOnly
		case rules.read != "":
			next.read = rules.read
		}
		if rules.write != "" && m.ref.Owner != storage.Shared {
			next.write = rules.write
		}
	}
	if hidden := there && !server && now.read == storage.ServerOnly; (hidden && !slices.Contains([]string{"put", "delete", "restore"}, m.kind)) || !there && (m.kind == "patch" || m.kind == "delete") {
		return "storage.document_not_found"
	}
	switch m.kind {
	case "put":
		if !server && (m.read == storage.ServerOnly || m.write == storage.ServerOnly) ||
			m.ref.Owner == storage.Shared && (m.read == storage.OwnerOnly || m.write == storage.OwnerOnly) {
			return "request.invalid"
		}
		next.value, next.first = map[string]int64{m.member: m.n}, m.member
		if m.read != "" {
			next.read = m.read
		}
		if m.write != "" {
			next.write = m.write
		}
	case "restore":
		next.value, next.first = maps.Clone(m.value), m.first
		if m.read != "" {
			next.read, next.write = m.read, m.write
		}
	case "merge":
		next.value[m.member] = m.n
	case "patch":
		if a, ok := now.value["a"]; !ok {
			return "storage.patch_path_not_found"
		} else if a != m.n {
			return "storage.patch_test_failed"
		}
		next.value[m.member] = 0
	case "count":
		if next.value[m.member]+m.n < 0 {
			return "storage.increment_out_of_bounds"
		}
		next.value[m.member] += m.n
	case "delete":
		next.value, next.read, next.write = nil, now.read, now.write
	}
	if len(next.value) == 1 {
		next.first = slices.Collect(maps.Keys(next.value))[0]
	}
	for _, n := range next.value {
		if n > rules.most {
			return "storage.schema_violation"
		}
	}
	r[m.ref] = append(slices.Clone(states), next)
	return ""
}

// history gives the states of a document that the caller may see, by version, or
// the code of the refusal.
func (r reference) history(player string, ref storage.Ref) (map[int64]naive, string) {
	states := r[ref]
	readable := func(one naive) bool {
		return player == "" || one.read == storage.Public || one.read == storage.OwnerOnly && string(ref.Owner) == player
	}
	if len(states) == 0 || !readable(states[len(states)-1]) || player != "" && string(ref.Owner) != player {
		return nil, "storage.document_not_found"
	}
	seen := map[int64]naive{}
	for i, one := range states {
		if i >= len(states)-kept && readable(one) {
			seen[int64(i+1)] = one
		}
	}
	return seen, ""
}

// restore is do for a restore.
func (r reference) restore(rules rules, player string, m plan) string {
	seen, refusal := r.history(player, m.ref)
	if refusal != "" {
		return refusal
	}
	m.value, m.first = seen[m.version].value, seen[m.version].first
	if m.value == nil {
		return "storage.revision_not_found"
	}
	return r.do(rules, player, m)
}

// rewind is do for bringing a document back to a moment. It gives what becomes of it.
func (r reference) rewind(rules rules, ref storage.Ref, moment, now time.Time) documents.Fate {
	states := r[ref]
	current := states[len(states)-1]
	then := naive{}
	for version := len(states); version > 0; version-- {
		if version <= len(states)-kept {
			return documents.Impossible
		}
		if !states[version-1].at.After(moment) {
			then = states[version-1]
			break
		}
	}
	same := maps.Equal(then.value, current.value) && then.first == current.first && then.read == current.read && then.write == current.write
	m := plan{ref: ref, kind: "restore", at: now, value: then.value, first: then.first, read: then.read, write: then.write}
	fate := documents.Restored
	switch {
	case then.value == nil && current.value == nil || then.value != nil && current.value != nil && same:
		return documents.Unchanged
	case then.value == nil:
		m.kind, fate = "delete", documents.Deleted
	}
	if r.do(rules, "", m) != "" {
		return documents.Impossible
	}
	return fate
}

// TestAgainstANaiveReference does random changes, restores, declarations and
// looks at the history, and compares every answer and every state with the reference's.
func TestAgainstANaiveReference(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		againstReference(t, newGame(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		againstReference(t, gameOn(t, composetest.At(t, servers.Postgres(t))))
	})
}

func againstReference(t *testing.T, g game) {
	operators := g.World // another replica's
	g.World = g.Replica(func(p *compose.Ports) { p.Limits.DocumentRevisions = kept })
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++ // keys of its own for each run, in one database
		g.Clock.Advance(time.Second)
		m := &model{T: r, game: g, began: g.Clock.Now(), operators: operators, run: run, reference: reference{}, owners: []storage.Owner{storage.Owner(g.ada.Subject()), storage.Owner(g.bob.Subject()), storage.Shared}}
		m.declare()
		for range rapid.IntRange(1, 80).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "later") {
				g.Clock.Advance(time.Second)
			}
			p := rapid.SampledFrom([]tenancy.Principal{g.ada, g.bob, g.server}).Draw(r, "who")
			switch rapid.SampledFrom([]string{"write", "write", "write", "write", "restore", "look", "declare", "rewind"}).Draw(r, "step") {
			case "write":
				m.write(p)
			case "restore":
				m.restore(p)
			case "look":
				m.look(p)
			case "declare":
				m.declare()
			case "rewind":
				m.rewind()
			}
			for ref, states := range m.reference {
				m.compare(ref, states)
			}
		}
	})
}

// model is one run against the reference.
type model struct {
	*rapid.T
	game
	operators *composetest.World
	run       int
	reference reference
	rules     rules
	began     time.Time
	owners    []storage.Owner
}

// name is the player, or "" of a server.
func name(p tenancy.Principal) string {
	if p.Kind() == tenancy.ServerToken {
		return ""
	}
	return p.Subject()
}

func (m *model) ref() storage.Ref {
	return storage.Ref{
		Owner: rapid.SampledFrom(m.owners).Draw(m.T, "owner"), Collection: "model",
		Key: fmt.Sprintf("%d.%d", m.run, rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(m.T, "key")),
	}
}

// declare changes what is declared, on another replica.
func (m *model) declare() {
	m.rules = rules{
		most:  rapid.SampledFrom([]int64{1, 3, math.MaxInt64}).Draw(m.T, "most"),
		read:  rapid.SampledFrom([]storage.Access{"", "", storage.OwnerOnly, storage.Public, storage.ServerOnly}).Draw(m.T, "default read"),
		write: rapid.SampledFrom([]storage.Access{"", "", storage.OwnerOnly, storage.ServerOnly}).Draw(m.T, "default write"),
	}
	declaration := storage.Declaration{Read: m.rules.read, Write: m.rules.write}
	if m.rules.most < math.MaxInt64 {
		declaration.Schema = fmt.Appendf(nil, `{"additionalProperties":{"maximum":%d}}`, m.rules.most)
	}
	if _, err := m.operators.Operators.Declare(m.Context(), m.operator, here, "model", declaration, storage.Precondition{}); err != nil {
		m.Fatal(err)
	}
}

// rewind brings all documents of a player back to a moment; there are those of
// the runs before too, which are not touched.
func (m *model) rewind() {
	player := rapid.SampledFrom([]tenancy.Principal{m.ada, m.bob}).Draw(m.T, "whose").Subject()
	now := m.Clock.Now()
	moment := now.Add(-time.Duration(rapid.IntRange(0, 20).Draw(m.T, "seconds ago")) * time.Second)
	if moment.Before(m.began) {
		moment = m.began
	}
	preview := rapid.Bool().Draw(m.T, "preview")
	trial := maps.Clone(m.reference)
	want := map[storage.Ref]documents.Fate{}
	for ref := range m.reference {
		if string(ref.Owner) == player {
			want[ref] = trial.rewind(m.rules, ref, moment, now)
		}
	}
	got := map[storage.Ref]documents.Fate{}
	for step := (documents.Rewind{Player: identity.PlayerID(player), At: moment, Preview: preview}); ; {
		done, err := m.Operators.RewindDocuments(m.Context(), m.operator, here, step)
		if err != nil {
			m.Fatal(err)
		}
		for _, one := range done.Documents {
			if _, ours := m.reference[one.Ref]; ours {
				got[one.Ref] = one.Fate
			} else if one.Fate != documents.Unchanged {
				m.Fatalf("%v of another run is %s", one.Ref, one.Fate)
			}
		}
		if done.Next == nil {
			break
		}
		step.After = *done.Next
	}
	if !maps.Equal(got, want) {
		m.Fatalf("back to %s: %v, want %v", moment, got, want)
	}
	if !preview {
		m.reference = trial
	}
}

// version is one that may be kept.
func (m *model) version(ref storage.Ref) int64 {
	return max(1, int64(len(m.reference[ref]))+rapid.Int64Range(-kept-1, 1).Draw(m.T, "version"))
}

func (m *model) precondition(ref storage.Ref) (pre storage.Precondition) {
	switch rapid.IntRange(0, 6).Draw(m.T, "precondition") {
	case 0:
		pre.Absent = true
	case 1:
		pre.Exists = true
	case 2:
		pre.Versions = []int64{m.version(ref)}
	case 3:
		pre.Versions = []int64{max(1, int64(len(m.reference[ref])))}
	}
	return pre
}

// write does a group of changes.
func (m *model) write(p tenancy.Principal) {
	reads := rapid.SampledFrom([]storage.Access{"", "", storage.OwnerOnly, storage.Public, storage.ServerOnly})
	writes := rapid.SampledFrom([]storage.Access{"", "", storage.OwnerOnly, storage.ServerOnly})
	trial := maps.Clone(m.reference)
	refusal, at := "", 0
	var changes []storage.Change
	for i := range rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(m.T, "changes") {
		one := plan{
			ref: m.ref(), kind: rapid.SampledFrom([]string{"put", "put", "merge", "patch", "count", "count", "delete"}).Draw(m.T, "kind"),
			member: rapid.SampledFrom([]string{"a", "b"}).Draw(m.T, "member"), n: rapid.Int64Range(-2, 3).Draw(m.T, "n"),
			read: reads.Draw(m.T, "read"), write: writes.Draw(m.T, "write"), at: m.Clock.Now(),
		}
		one.pre = m.precondition(one.ref)
		changes = append(changes, one.change())
		if refusal == "" {
			refusal, at = trial.do(m.rules, name(p), one), i
		}
	}
	done, err := m.Documents.WriteAll(m.Context(), p, changes)
	m.refused(err, refusal)
	var refused *documents.Refused
	switch {
	case err == nil:
		for i, c := range changes {
			if got := done[i].Document; got.Ref != c.Ref {
				m.Fatalf("outcome %d is of %v", i, got.Ref)
			}
		}
		m.reference = trial
	case !errors.As(err, &refused) || refused.Change != at:
		m.Fatalf("got %v, want a refusal of change %d", err, at)
	}
}

func (m *model) restore(p tenancy.Principal) {
	one := plan{ref: m.ref(), kind: "restore", at: m.Clock.Now()}
	one.version, one.pre = m.version(one.ref), m.precondition(one.ref)
	done, err := m.Documents.Restore(m.Context(), p, one.ref, one.version, one.pre)
	there := len(m.reference[one.ref]) > 0 && m.reference[one.ref][len(m.reference[one.ref])-1].value != nil
	m.refused(err, m.reference.restore(m.rules, name(p), one))
	if err == nil && (done.Created == there || done.Document.Version != int64(len(m.reference[one.ref]))) {
		m.Fatalf("restored %+v", done)
	}
}

// look reads the history as the caller sees it.
func (m *model) look(p tenancy.Principal) {
	ref, limit := m.ref(), rapid.IntRange(1, 6).Draw(m.T, "limit")
	before, version := m.version(ref), m.version(ref)
	seen, refusal := m.reference.history(name(p), ref)
	found, err := m.Documents.Revisions(m.Context(), p, storage.RevisionQuery{Ref: ref, Before: before, Values: true, Limit: limit})
	m.refused(err, refusal)
	var want []int64
	for _, v := range slices.Backward(slices.Sorted(maps.Keys(seen))) {
		if v < before && len(want) < limit {
			want = append(want, v)
		}
	}
	if len(found) != len(want) {
		m.Fatalf("%s sees %d states of %v before %d, want %v", p.Kind(), len(found), ref, before, want)
	}
	for i, one := range found {
		m.same(one, want[i], seen[want[i]])
	}
	one, err := m.Documents.Revision(m.Context(), p, ref, version)
	state, ok := seen[version]
	if !ok && refusal == "" {
		refusal = "storage.revision_not_found"
	}
	if m.refused(err, refusal); err == nil {
		m.same(one, version, state)
	}
}

// refused demands the code, or no error when it is "".
func (m *model) refused(err error, code string) {
	var f *fault.Fault
	if (err == nil) != (code == "") || err != nil && (!errors.As(err, &f) || f.Code != code) {
		m.Fatalf("got %v, want %q", err, code)
	}
}

// compare holds what is stored against the reference, history included.
func (m *model) compare(ref storage.Ref, states []naive) {
	found, err := m.Documents.Revisions(m.Context(), m.server, storage.RevisionQuery{Ref: ref, Before: math.MaxInt64, Values: true, Limit: 100})
	if err != nil || len(found) != min(kept, len(states)) {
		m.Fatalf("%v has %d revisions of %d, %v", ref, len(found), len(states), err)
	}
	for i, got := range found {
		version := len(states) - i
		m.same(got, int64(version), states[version-1])
	}
}

func (m *model) same(got storage.Document, version int64, want naive) {
	var value map[string]int64
	if !got.Deleted {
		if err := json.Unmarshal(got.Value, &value); err != nil {
			m.Fatal(err)
		}
	}
	if got.Version != version || got.Deleted != (want.value == nil) || !maps.Equal(value, want.value) || got.Read != want.read || got.Write != want.write || !got.UpdatedAt.Equal(want.at) {
		m.Fatalf("%v is %+v, want version %d %+v", got.Ref, got, version, want)
	}
}
