package storage

import (
	"fmt"
	"slices"

	"github.com/overworldhq/overworld/domain/fault"
)

// Patch applies a JSON patch (RFC 6902), an array of operations, to a document's
// value: all of them in their order, or none. The value is not changed; the
// result is. What no operation touches keeps every byte; a member that is added
// over an existing one takes its place.
//
// Members of an operation that its kind doesn't use are ignored, as the RFC
// says. On the way the value may be anything, and be larger than a document may
// be; at the end it is an object (fault.ErrInvalid, not_an_object) within the
// limits (ErrTooLarge). Nothing is written deeper than limits.Depth (ErrTooDeep).
//
// A malformed patch is ErrPatchInvalid with every fault in it. What the current
// value decides stops at the first operation that fails: ErrPatchTestFailed, or
// ErrPatchPathNotFound, which is also told of an array index beyond the end or
// of another form than a decimal number. Operations that together copy, move and
// compare more than eight times what a document may hold (or 1 MiB) are ErrPatchTooCostly.
func Patch(value, operations []byte, limits EditLimits) ([]byte, error) {
	root, err := stored(value)
	if err != nil {
		return nil, err
	}
	list, err := readOperations(operations, limits)
	if err != nil {
		return nil, err
	}
	p := patching{root: root, limits: limits, budget: max(leastBudget, budgetFactor*limits.ValueBytes)}
	for i, o := range list {
		p.at = i
		if err := p.apply(o); err != nil {
			return nil, err
		}
	}
	if p.root == nil || !p.root.isObject() {
		return nil, notAnObject(fmt.Sprintf("/%d", p.rootBy))
	}
	return finish(p.root, limits)
}

// Moving and comparing cost little more than reading the document once, unless
// a patch is made to: copies that double, large values compared again and again.
const (
	budgetFactor = 8
	leastBudget  = 1 << 20 // bytes, so that small documents take long patches
)

// patching is a patch at work.
type patching struct {
	root   *node // nil: removed
	rootBy int   // the operation that last set it
	at     int   // the current operation
	limits EditLimits
	budget int // bytes that may still be copied, moved and compared
}

func (p *patching) apply(o operation) error {
	switch o.op {
	case "add":
		return p.add(o.path, o.value)
	case "remove":
		if p.root.at(o.path) == nil {
			return p.notFound("path")
		}
		p.detach(o.path)
		return nil
	case "replace":
		return p.replace(o.path, o.value)
	case "move":
		text, err := p.take(o.from)
		if err != nil {
			return err
		}
		if slices.Equal(o.from, o.path) {
			return nil
		}
		p.detach(o.from)
		return p.add(o.path, text)
	case "copy":
		text, err := p.take(o.from)
		if err != nil {
			return err
		}
		return p.add(o.path, text)
	}
	return p.test(o.path, o.value)
}

func (p *patching) add(path pointer, text string) error {
	if err := p.fits(path, text); err != nil {
		return err
	}
	value := &node{text: text}
	if len(path) == 0 {
		p.root, p.rootBy = value, p.at
		return nil
	}
	above, last := path.parent()
	parent := p.root.at(above)
	if o := parent.asObject(); o != nil {
		o.set(last, value)
		return nil
	}
	a := parent.asArray()
	if a == nil {
		return p.notFound("path")
	}
	i, ok := len(a.items), last == "-"
	if !ok {
		if i, ok = place(last, len(a.items)); !ok {
			return p.notFound("path")
		}
	}
	a.items = slices.Insert(a.items, i, value)
	return nil
}

// detach removes what is there.
func (p *patching) detach(path pointer) {
	if len(path) == 0 {
		p.root, p.rootBy = nil, p.at
		return
	}
	above, last := path.parent()
	parent := p.root.at(above)
	if o := parent.asObject(); o != nil {
		o.remove(last)
		return
	}
	a := parent.asArray()
	i, _ := place(last, len(a.items)-1)
	a.items = slices.Delete(a.items, i, i+1)
}

func (p *patching) replace(path pointer, text string) error {
	target := p.root.at(path)
	if target == nil {
		return p.notFound("path")
	}
	if err := p.fits(path, text); err != nil {
		return err
	}
	*target = node{text: text}
	if len(path) == 0 {
		p.rootBy = p.at
	}
	return nil
}

// take is the text of what from leads to.
func (p *patching) take(from pointer) (string, error) {
	source := p.root.at(from)
	if source == nil {
		return "", p.notFound("from")
	}
	text := string(source.appendTo(nil))
	return text, p.charge(len(text))
}

func (p *patching) test(path pointer, text string) error {
	target := p.root.at(path)
	if target == nil {
		return p.notFound("path")
	}
	same, err := p.equal(target, &node{text: text})
	if err == nil && !same {
		err = p.fault(ErrPatchTestFailed, "", "test_failed", "Another value is at its path.")
	}
	return err
}

// fits refuses what would nest too deep at a path.
func (p *patching) fits(path pointer, text string) error {
	if len(path)+depth(text) > p.limits.Depth {
		return p.fault(ErrTooDeep, "", "too_deep", "At most %d arrays and objects within each other.", p.limits.Depth)
	}
	return nil
}

func (p *patching) charge(bytes int) error {
	if p.budget -= bytes; p.budget < 0 {
		return p.fault(ErrPatchTooCostly, "", "too_costly", "With this operation it is too much.")
	}
	return nil
}

func (p *patching) notFound(member string) error {
	return p.fault(ErrPatchPathNotFound, "/"+member, "not_found", "Nothing is there.")
}

// fault names the operation and what of it is at fault.
func (p *patching) fault(template *fault.Fault, member, code, detail string, args ...any) error {
	return template.WithFields(fault.Body(fmt.Sprintf("/%d%s", p.at, member), code, detail, args...))
}
