package storage_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
)

func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1.0},"c":[1]}`), []byte(`{"a":{"b":null,"d":{"e":null}}}`))
	f.Fuzz(func(t *testing.T, value, patch []byte) {
		got, err := storage.Merge(value, patch, fuzzed)
		sound(t, value, got, err)
		if err != nil || !utf8.Valid(value) || strictObject(value) == nil || strictObject(patch) == nil {
			return
		}
		if want := naiveMerge(tree(t, value), tree(t, patch)); !reflect.DeepEqual(tree(t, got), want) {
			t.Fatalf("%s with %s: %s, want %v", value, patch, got, want)
		}
		if again, err := storage.Merge(got, patch, fuzzed); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%s with %s again: %s, %v", got, patch, again, err)
		}
	})
}

func FuzzPatch(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1.0},"l":[1,2]}`), []byte(`[{"op":"test","path":"/a/b","value":1},{"op":"move","from":"/l/0","path":"/l/-"},{"op":"copy","from":"/a","path":"/c"}]`))
	f.Fuzz(func(t *testing.T, value, patch []byte) {
		got, err := storage.Patch(value, patch, fuzzed)
		sound(t, value, got, err)
	})
}

var fuzzed = storage.EditLimits{Limits: storage.Limits{ValueBytes: 512}, Depth: 8, Operations: 16}

// sound: a compact object within its bounds, or a fault; a stored value that no
// document can have is neither.
func sound(t *testing.T, value, got []byte, err error) {
	if err != nil {
		if fault.KindOf(err) == fault.Internal && strictObject(value) != nil {
			t.Fatalf("%s: %v", value, err)
		}
		return
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil || !bytes.Equal(compact.Bytes(), got) || got[0] != '{' {
		t.Fatalf("%s became %q: %v", value, got, err)
	}
	if len(got) > fuzzed.ValueBytes {
		t.Fatalf("%s became %d bytes", value, len(got))
	}
	if before := nesting(value); nesting(got) > max(before, fuzzed.Depth) {
		t.Fatalf("%s became %s: too deep", value, got)
	}
}

func nesting(text []byte) (deepest int) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	at := 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			at++
			deepest = max(deepest, at)
		case json.Delim('}'), json.Delim(']'):
			at--
		}
	}
}

// strictObject is the object that a strict reader accepts: nil for anything
// else, or when a name is in it twice.
func strictObject(text []byte) map[string]any {
	var v map[string]any
	if json.Unmarshal(text, &v) != nil || namedTwice(text) {
		return nil
	}
	return v
}

func namedTwice(text []byte) bool {
	if len(bytes.TrimSpace(text)) == 0 {
		return false
	}
	var raw json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		return false
	}
	switch bytes.TrimSpace(raw)[0] {
	case '[':
		var items []json.RawMessage
		return json.Unmarshal(raw, &items) == nil && slices.ContainsFunc(items, func(i json.RawMessage) bool { return namedTwice(i) })
	case '{':
		d := json.NewDecoder(bytes.NewReader(raw))
		if _, err := d.Token(); err != nil {
			return true
		}
		seen := map[string]bool{}
		for d.More() {
			name, err := d.Token()
			if err != nil || seen[name.(string)] {
				return true
			}
			seen[name.(string)] = true
			var value json.RawMessage
			if d.Decode(&value) != nil || namedTwice(value) {
				return true
			}
		}
	}
	return false
}
