package configuration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Difference is one step of what makes one JSON value of another: an operation of
// an RFC 6902 patch.
type Difference struct {
	Op   string // "add", "remove" or "replace"
	Path string // an RFC 6901 JSON pointer
	// Before and After are the values, as JSON; nil where there is none.
	Before, After []byte
}

// shownValue bounds a value in a line, in bytes.
const shownValue = 200

// Line writes the difference for people: + what is added, - what is removed, and ~ what
// is replaced. Long values are cut.
func (d Difference) Line() string {
	switch d.Op {
	case "add":
		return fmt.Sprintf("+ %s: %s", d.Path, cut(d.After))
	case "remove":
		return fmt.Sprintf("- %s: %s", d.Path, cut(d.Before))
	}
	return fmt.Sprintf("~ %s: %s -> %s", d.Path, cut(d.Before), cut(d.After))
}

func cut(value []byte) string {
	if len(value) <= shownValue {
		return string(value)
	}
	return strings.ToValidUTF8(string(value[:shownValue]), "") + "…"
}

// Bounds of a comparison.
const (
	// MaxDifferences is how many are told.
	MaxDifferences = 1000
	// maxDifferenceBytes is how much they may take in all, with both values and the path.
	// A value that is replaced as a whole may take as much as both texts.
	maxDifferenceBytes = 1 << 20
)

// Compare gives the steps that make one JSON value of another, in the order in which
// they are to be done. Whole is false when there are more than are told. Numbers are
// compared as they are written, so that none loses a digit. Of arrays what is alike
// at both ends is left alone, and the rest goes place by place.
func Compare(from, to []byte) (found []Difference, whole bool, err error) {
	before, err := decode(from)
	if err != nil {
		return nil, false, fmt.Errorf("read the one: %w", err)
	}
	after, err := decode(to)
	if err != nil {
		return nil, false, fmt.Errorf("read the other: %w", err)
	}
	c := comparison{found: []Difference{}, left: maxDifferenceBytes}
	c.compare("", before, after)
	return c.found, !c.full, c.err
}

func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it goes on after its value")
	}
	return value, nil
}

type comparison struct {
	found []Difference
	left  int // of the bytes
	full  bool
	err   error
}

func (c *comparison) add(op, path string, before, after any) {
	if c.full {
		return
	}
	d := Difference{Op: op, Path: path}
	if op != "add" {
		d.Before = c.text(before)
	}
	if op != "remove" {
		d.After = c.text(after)
	}
	c.left -= len(path) + len(d.Before) + len(d.After)
	if c.left < 0 || len(c.found) == MaxDifferences {
		c.full = true
		return
	}
	c.found = append(c.found, d)
}

func (c *comparison) text(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	c.err = errors.Join(c.err, encoder.Encode(value))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

func (c *comparison) compare(path string, before, after any) {
	if c.full || same(before, after) {
		return
	}
	switch a := before.(type) {
	case map[string]any:
		if b, ok := after.(map[string]any); ok {
			c.objects(path, a, b)
			return
		}
	case []any:
		if b, ok := after.([]any); ok {
			c.arrays(path, a, b)
			return
		}
	}
	c.add("replace", path, before, after)
}

func (c *comparison) objects(path string, before, after map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		at := path + "/" + escape(name)
		if next, there := after[name]; there {
			c.compare(at, before[name], next)
			continue
		}
		c.add("remove", at, before[name], nil)
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, there := before[name]; !there {
			c.add("add", path+"/"+escape(name), nil, after[name])
		}
	}
}

func (c *comparison) arrays(path string, before, after []any) {
	head := 0
	for head < min(len(before), len(after)) && same(before[head], after[head]) {
		head++
	}
	tail := 0
	for tail < min(len(before), len(after))-head && same(before[len(before)-1-tail], after[len(after)-1-tail]) {
		tail++
	}
	a, b := before[head:len(before)-tail], after[head:len(after)-tail]
	at := func(i int) string { return path + "/" + strconv.Itoa(head+i) }
	for i := range min(len(a), len(b)) {
		if c.full {
			return
		}
		c.compare(at(i), a[i], b[i])
	}
	for i := len(a) - 1; i >= len(b) && !c.full; i-- { // from the end, so that places stay what they are
		c.add("remove", at(i), a[i], nil)
	}
	for i := len(a); i < len(b) && !c.full; i++ {
		c.add("add", at(i), nil, b[i])
	}
}

func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
