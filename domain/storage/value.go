package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// EditLimits bound a merge patch, a JSON patch or an increment.
type EditLimits struct {
	Limits
	// Depth is how deep arrays and objects may nest, in the patch and in what
	// it writes. 1 is an object of scalars.
	Depth int
	// Operations is how many operations a JSON patch, or steps an increment, may have.
	Operations int
}

// node is a value within a document. It stays text until somebody looks into
// it, so that what an edit does not touch keeps every byte: the order of
// members, the spelling of numbers, the escapes in strings.
type node struct {
	text   string // compact JSON; empty once one of these is there:
	object *object
	array  *array
}

type array struct{ items []*node }

// asObject opens an object; nil for anything else, and for no node.
func (n *node) asObject() *object {
	if n != nil && n.text != "" && n.text[0] == '{' {
		n.object, n.text = openObject(n.text), ""
	}
	if n == nil {
		return nil
	}
	return n.object
}

// asArray opens an array; nil for anything else, and for no node.
func (n *node) asArray() *array {
	if n != nil && n.text != "" && n.text[0] == '[' {
		n.array, n.text = openArray(n.text), ""
	}
	if n == nil {
		return nil
	}
	return n.array
}

func openArray(text string) *array {
	var all []node
	for rest := text[1:]; rest[0] != ']'; {
		end := span(rest)
		all = append(all, node{text: rest[:end]})
		rest = rest[end:]
		if rest[0] == ',' {
			rest = rest[1:]
		}
	}
	a := &array{items: make([]*node, len(all))}
	for i := range all {
		a.items[i] = &all[i]
	}
	return a
}

// isObject tells without opening.
func (n *node) isObject() bool { return n.object != nil || n.text != "" && n.text[0] == '{' }

// appendTo appends the node's text.
func (n *node) appendTo(b []byte) []byte {
	switch {
	case n.object != nil:
		return n.object.appendTo(b)
	case n.array != nil:
		b = append(b, '[')
		for i, item := range n.array.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendTo(b)
		}
		return append(b, ']')
	}
	return append(b, n.text...)
}

// read takes a text that came from outside. Its faults are ErrPatchInvalid.
//
// It leaves it to a strict reader before it to refuse an object that names a
// member twice.
func read(text []byte, deepest int) (*node, error) {
	invalid := func(code, detail string, args ...any) error {
		return ErrPatchInvalid.WithFields(fault.Body("", code, detail, args...))
	}
	if !utf8.Valid(text) {
		return nil, invalid("invalid_utf8", "JSON is text in UTF-8.")
	}
	n, err := parse(text)
	if err != nil {
		return nil, invalid("syntax", "This is not JSON.")
	}
	if depth(n.text) > deepest {
		return nil, invalid("too_deep", "At most %d arrays and objects within each other.", deepest)
	}
	return n, nil
}

// stored takes a document's value. That it is none is no fault of the caller.
func stored(value []byte) (*node, error) {
	n, err := parse(value)
	if err == nil && !n.isObject() {
		err = errors.New("not an object")
	}
	if err != nil {
		return nil, fmt.Errorf("read stored value: %w", err)
	}
	return n, nil
}

func parse(text []byte) (*node, error) {
	var b bytes.Buffer
	b.Grow(len(text))
	if err := json.Compact(&b, text); err != nil {
		return nil, err
	}
	return &node{text: b.String()}, nil
}

// finish is the edited value, if a document may have it.
func finish(root *node, limits EditLimits) ([]byte, error) {
	value := root.appendTo(nil)
	if len(value) > limits.ValueBytes {
		return nil, ErrTooLarge.With("The edited value would be %d bytes; at most %d are kept.", len(value), limits.ValueBytes)
	}
	return value, nil
}

// notAnObject is what a whole-document edit that leaves no object is told, as Put tells it.
func notAnObject(pointer string) error {
	return fault.ErrInvalid.WithFields(fault.Body(pointer, "not_an_object", "A document's value is a JSON object."))
}
