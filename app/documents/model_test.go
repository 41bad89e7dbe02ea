package documents_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// naive is a document as the reference sees it: every state it ever had, the
// last one current. Values are objects of small integers.
type naive struct {
	value       map[string]int64 // nil: deleted
	read, write storage.Access
}

type reference map[storage.Ref][]naive

// plan is one change in the reference's words.
type plan struct {
	ref         storage.Ref
	kind        string // put, merge, patch, count, delete
	member      string
	n           int64
	read, write storage.Access
	pre         storage.Precondition
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

// do gives the code of the refusal, or "".
func (r reference) do(player string, m plan) string {
	states := r[m.ref]
	var now naive
	if len(states) > 0 {
		now = states[len(states)-1]
	}
	there, version := now.value != nil, int64(len(states))
	server := player == ""
	if !server && (string(m.ref.Owner) != player || there && now.write == storage.ServerOnly) {
		return "storage.write_denied"
	}
	if m.pre.Absent && there || m.pre.Exists && !there || len(m.pre.Versions) > 0 && (!there || m.pre.Versions[0] != version) {
		return "storage.version_mismatch"
	}
	next := naive{value: maps.Clone(now.value), read: now.read, write: now.write}
	if !there {
		next = naive{value: map[string]int64{}, read: storage.OwnerOnly, write: storage.OwnerOnly}
		if m.ref.Owner == storage.Shared {
			next.read, next.write = storage.Public, storage.ServerOnly
		}
	}
	if hidden := there && !server && now.read == storage.ServerOnly; (hidden && m.kind != "put" && m.kind != "delete") || !there && (m.kind == "patch" || m.kind == "delete") {
		return "storage.document_not_found"
	}
	switch m.kind {
	case "put":
		if !server && (m.read == storage.ServerOnly || m.write == storage.ServerOnly) ||
			m.ref.Owner == storage.Shared && (m.read == storage.OwnerOnly || m.write == storage.OwnerOnly) {
			return "request.invalid"
		}
		next.value = map[string]int64{m.member: m.n}
		if m.read != "" {
			next.read = m.read
		}
		if m.write != "" {
			next.write = m.write
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
	r[m.ref] = append(slices.Clone(states), next)
	return ""
}

// TestAgainstANaiveReference does random groups of changes and compares every
// answer, state and history with the reference's.
func TestAgainstANaiveReference(t *testing.T) {
	g := newGame(t)
	client := 0
	rapid.Check(t, func(r *rapid.T) {
		client++ // keys of its own for each run, in one database
		model := reference{}
		players := []tenancy.Principal{g.ada, g.bob, g.server}
		owners := []storage.Owner{storage.Owner(g.ada.Subject()), storage.Owner(g.bob.Subject()), storage.Shared}
		access := rapid.SampledFrom([]storage.Access{"", "", storage.OwnerOnly, storage.ServerOnly})
		for range rapid.IntRange(1, 25).Draw(r, "groups") {
			p := rapid.SampledFrom(players).Draw(r, "who")
			name := p.Subject()
			if p.Kind() == tenancy.ServerToken {
				name = ""
			}
			trial := maps.Clone(model)
			refusal, at := "", 0
			var changes []storage.Change
			for i := range rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(r, "changes") {
				m := plan{
					ref:    storage.Ref{Owner: rapid.SampledFrom(owners).Draw(r, "owner"), Collection: "model", Key: fmt.Sprintf("%d.%d", client, rapid.IntRange(0, 1).Draw(r, "key"))},
					kind:   rapid.SampledFrom([]string{"put", "put", "merge", "patch", "count", "count", "delete"}).Draw(r, "kind"),
					member: rapid.SampledFrom([]string{"a", "b"}).Draw(r, "member"), n: rapid.Int64Range(-2, 3).Draw(r, "n"),
					read: access.Draw(r, "read"), write: access.Draw(r, "write"),
				}
				switch rapid.IntRange(0, 5).Draw(r, "precondition") {
				case 0:
					m.pre.Absent = true
				case 1:
					m.pre.Exists = true
				case 2:
					m.pre.Versions = []int64{rapid.Int64Range(1, 4).Draw(r, "version")}
				}
				changes = append(changes, m.change())
				if refusal == "" {
					refusal, at = trial.do(name, m), i
				}
			}
			done, err := g.Documents.WriteAll(t.Context(), p, changes)
			var refused *documents.Refused
			var f *fault.Fault
			switch {
			case refusal == "" && err == nil:
				for i, c := range changes {
					if got := done[i].Document; got.Ref != c.Ref {
						r.Fatalf("outcome %d is of %v", i, got.Ref)
					}
				}
				model = trial
			case refusal == "" || !errors.As(err, &refused) || !errors.As(err, &f) || f.Code != refusal || refused.Change != at:
				r.Fatalf("got %v, want %q of change %d", err, refusal, at)
			}
			for ref, states := range model {
				compare(r, g, ref, states)
			}
		}
	})
}

// compare holds what is stored against the reference, history included.
func compare(r *rapid.T, g game, ref storage.Ref, states []naive) {
	found, err := g.Documents.Revisions(r.Context(), g.server, storage.RevisionQuery{Ref: ref, Before: math.MaxInt64, Values: true, Limit: 100})
	if err != nil || len(found) != min(10, len(states)) {
		r.Fatalf("%v has %d revisions of %d, %v", ref, len(found), len(states), err)
	}
	for i, got := range found {
		version := len(states) - i
		want := states[version-1]
		var value map[string]int64
		if !got.Deleted {
			if err := json.Unmarshal(got.Value, &value); err != nil {
				r.Fatal(err)
			}
		}
		if got.Version != int64(version) || got.Deleted != (want.value == nil) || !maps.Equal(value, want.value) || got.Read != want.read || got.Write != want.write {
			r.Fatalf("%v is %+v, want version %d %+v", ref, got, version, want)
		}
	}
}
