package storage_test

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/domain/storage"
)

// naiveMerge is the function that RFC 7396 gives in words, on plain maps.
func naiveMerge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = naiveMerge(object[name], value)
		}
	}
	return object
}

// naive is a JSON patch on plain maps and slices, each step a new tree.
type naive struct{ root any }

var nothing = new(int) // no value, which null is not

func (n *naive) get(path []string) any {
	at := n.root
	for _, token := range path {
		switch v := at.(type) {
		case map[string]any:
			value, there := v[token]
			if !there {
				return nothing
			}
			at = value
		case []any:
			i := slot(token, len(v)-1)
			if i < 0 {
				return nothing
			}
			at = v[i]
		default:
			return nothing
		}
	}
	return at
}

func slot(token string, last int) int {
	for i := 0; i <= last; i++ {
		if token == strconv.Itoa(i) {
			return i
		}
	}
	return -1
}

// edit gives a copy of at in which the place of path is changed; false when there is no such place.
func edit(at any, path []string, change func(container any, token string) (any, bool)) (any, bool) {
	if len(path) == 1 {
		return change(at, path[0])
	}
	switch v := at.(type) {
	case map[string]any:
		child, there := v[path[0]]
		if !there {
			return nil, false
		}
		child, ok := edit(child, path[1:], change)
		c := maps.Clone(v)
		c[path[0]] = child
		return c, ok
	case []any:
		i := slot(path[0], len(v)-1)
		if i < 0 {
			return nil, false
		}
		child, ok := edit(v[i], path[1:], change)
		c := slices.Clone(v)
		c[i] = child
		return c, ok
	}
	return nil, false
}

func (n *naive) put(path []string, value any, insert bool) bool {
	if len(path) == 0 {
		n.root = value
		return true
	}
	root, ok := edit(n.root, path, func(container any, token string) (any, bool) {
		switch v := container.(type) {
		case map[string]any:
			c := maps.Clone(v)
			c[token] = value
			return c, true
		case []any:
			if !insert {
				c := slices.Clone(v)
				c[slot(token, len(v)-1)] = value
				return c, true
			}
			i := slot(token, len(v))
			if token == "-" {
				i = len(v)
			}
			if i < 0 {
				return nil, false
			}
			return slices.Insert(slices.Clone(v), i, value), true
		}
		return nil, false
	})
	if ok {
		n.root = root
	}
	return ok
}

func (n *naive) drop(path []string) {
	n.root, _ = edit(n.root, path, func(container any, token string) (any, bool) {
		switch v := container.(type) {
		case map[string]any:
			c := maps.Clone(v)
			delete(c, token)
			return c, true
		case []any:
			i := slot(token, len(v)-1)
			return slices.Delete(slices.Clone(v), i, i+1), true
		}
		return nil, false
	})
}

func sameValue(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		r, okR := new(big.Rat).SetString(x.String())
		s, okS := new(big.Rat).SetString(y.String())
		return okR && okS && r.Cmp(s) == 0
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameValue)
	}
	return a == b
}

type step struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	From  string          `json:"from,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// apply tells the code of what goes wrong.
func (n *naive) apply(t require, s step) string {
	path, from := tokens(s.Path), tokens(s.From)
	missing := func(ok bool) string {
		if ok {
			return ""
		}
		return storage.ErrPatchPathNotFound.Code
	}
	there := n.get(path) != nothing
	switch s.Op {
	case "add":
		return missing(n.put(path, tree(t, s.Value), true))
	case "replace":
		return missing(there && n.put(path, tree(t, s.Value), false))
	case "remove":
		if there {
			n.drop(path)
		}
		return missing(there)
	case "test":
		if there && !sameValue(n.get(path), tree(t, s.Value)) {
			return storage.ErrPatchTestFailed.Code
		}
		return missing(there)
	}
	value := n.get(from)
	if value == nothing {
		return storage.ErrPatchPathNotFound.Code
	}
	if s.Op == "move" && s.From != s.Path {
		n.drop(from)
	}
	if s.Op == "move" && s.From == s.Path {
		return ""
	}
	return missing(n.put(path, value, true))
}

func tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	all := strings.Split(pointer[1:], "/")
	for i := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(all[i])
	}
	return all
}
