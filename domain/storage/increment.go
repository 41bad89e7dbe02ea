package storage

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// Step adds to one integer of a document.
type Step struct {
	Path string // JSON pointer (RFC 6901)
	By   int64
	// Min and Max, where given, are the least and greatest sum that the step
	// may lead to, both included.
	Min, Max *int64
}

// Increment adds to integers of a document's value: all the steps in their
// order, or none. It gives the result, and for each step the sum it led to. The
// value is not changed.
//
// What is at the path is an integer within int64, spelt without fraction and
// exponent (else ErrNotInteger: 1.0 is a real number to whoever wrote it so). A
// member that isn't there counts as 0 and is made, if its parent is an object
// that is there; else ErrPatchPathNotFound. A sum beyond int64 is ErrOverflow,
// one beyond the step's bounds ErrOutOfBounds, a result over the limit
// ErrTooLarge. Malformed steps are fault.ErrInvalid with every fault in them.
func Increment(value []byte, steps []Step, limits EditLimits) ([]byte, []int64, error) {
	root, err := stored(value)
	if err != nil {
		return nil, nil, err
	}
	paths, err := checkSteps(steps, limits)
	if err != nil {
		return nil, nil, err
	}
	sums := make([]int64, len(steps))
	for i, step := range steps {
		if sums[i], err = step.apply(root, paths[i], i); err != nil {
			return nil, nil, err
		}
	}
	result, err := finish(root, limits)
	if err != nil {
		return nil, nil, err
	}
	return result, sums, nil
}

func checkSteps(steps []Step, limits EditLimits) ([]pointer, error) {
	var check fault.Check
	if len(steps) > limits.Operations {
		check.Add("", "too_many", "At most %d steps.", limits.Operations)
		return nil, check.Err()
	}
	paths := make([]pointer, len(steps))
	for i, step := range steps {
		var ok bool
		if paths[i], ok = parsePointer(step.Path); !ok || !utf8.ValidString(step.Path) {
			check.Add(fmt.Sprintf("/%d/path", i), "malformed", "%s", pointerForm)
		}
		if step.Min != nil && step.Max != nil && *step.Min > *step.Max {
			check.Add(fmt.Sprintf("/%d/min", i), "out_of_range", "Not over max.")
		}
	}
	return paths, check.Err()
}

func (s Step) apply(root *node, path pointer, at int) (int64, error) {
	refuse := func(template *fault.Fault, member, code, detail string) (int64, error) {
		return 0, template.WithFields(fault.Body(fmt.Sprintf("/%d/%s", at, member), code, "%s", detail))
	}
	var now int64
	target := root.at(path)
	if target != nil {
		var ok bool
		if now, ok = target.int64(); !ok {
			return refuse(ErrNotInteger, "path", "not_integer", "No integer of at most 64 bits is there.")
		}
	}
	if s.By > 0 && now > math.MaxInt64-s.By || s.By < 0 && now < math.MinInt64-s.By {
		return refuse(ErrOverflow, "by", "overflow", "The sum is beyond 64 bits.")
	}
	sum := now + s.By
	if s.Min != nil && sum < *s.Min {
		return refuse(ErrOutOfBounds, "min", "out_of_bounds", "The sum would be less.")
	}
	if s.Max != nil && sum > *s.Max {
		return refuse(ErrOutOfBounds, "max", "out_of_bounds", "The sum would be more.")
	}
	text := strconv.FormatInt(sum, 10)
	if target != nil {
		target.text = text
		return sum, nil
	}
	above, last := path.parent() // the root is there, so the path is not empty
	parent := root.at(above).asObject()
	if parent == nil {
		return refuse(ErrPatchPathNotFound, "path", "not_found", "No object is there to hold it.")
	}
	parent.set(last, &node{text: text})
	return sum, nil
}

// int64 reads an integer.
func (n *node) int64() (int64, bool) {
	i, err := strconv.ParseInt(n.text, 10, 64)
	return i, err == nil
}
