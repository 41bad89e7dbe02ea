package storage

import (
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Change is one write of one document.
type Change struct {
	Ref          Ref
	Precondition Precondition
	Edit         Edit
}

// Edit is what a change does: a Draft, a MergePatch, a JSONPatch, Steps or a Removal.
type Edit interface {
	// edit gives what it makes of current (nil: none), and the sums of Steps.
	edit(actor Actor, c Change, current *Document, limits EditLimits, now time.Time) (Document, []int64, error)
}

// MergePatch is an RFC 7396 patch: a JSON object in which no member is given
// twice. Where there is no document it makes one from {}.
type MergePatch []byte

// JSONPatch is an RFC 6902 patch: a JSON array in which no member is given
// twice. It needs a document; without one it is ErrNotFound.
type JSONPatch []byte

// Steps add to integers of the value; see Increment. Where there is no document
// they make one from {}.
type Steps []Step

// Removal deletes.
type Removal struct{}

var _ = []Edit{Draft{}, MergePatch{}, JSONPatch{}, Steps{}, Removal{}}

// Outcome is what a change did.
type Outcome struct {
	Document Document // the tombstone, after a Removal
	Created  bool     // there was none before
	Sums     []int64  // what each of Steps led to
}

// Apply gives what the change makes of current (nil: none, a tombstone:
// deleted). It changes nothing itself. Who may not read a document is told by
// an edit that builds on it that there is none.
func (c Change) Apply(actor Actor, current *Document, limits EditLimits, now time.Time) (Outcome, error) {
	next, sums, err := c.Edit.edit(actor, c, current, limits, now)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Document: next, Created: current == nil || current.Deleted, Sums: sums}, nil
}

func (d Draft) edit(actor Actor, c Change, current *Document, limits EditLimits, now time.Time) (Document, []int64, error) {
	next, err := Put(actor, c.Ref, current, d, c.Precondition, limits.Limits, now)
	if err == nil && depth(string(next.Value)) > limits.Depth {
		err = ErrTooDeep.WithFields(fault.Body("/value", "too_deep", "At most %d arrays and objects within each other.", limits.Depth))
	}
	return next, nil, err
}

func (p MergePatch) edit(actor Actor, c Change, current *Document, limits EditLimits, now time.Time) (Document, []int64, error) {
	value, err := c.base(actor, current, true)
	if err == nil {
		value, err = Merge(value, p, limits)
	}
	return c.with(actor, current, value, nil, limits, now, err)
}

func (p JSONPatch) edit(actor Actor, c Change, current *Document, limits EditLimits, now time.Time) (Document, []int64, error) {
	value, err := c.base(actor, current, false)
	if err == nil {
		value, err = Patch(value, p, limits)
	}
	return c.with(actor, current, value, nil, limits, now, err)
}

func (s Steps) edit(actor Actor, c Change, current *Document, limits EditLimits, now time.Time) (Document, []int64, error) {
	var sums []int64
	value, err := c.base(actor, current, true)
	if err == nil {
		value, sums, err = Increment(value, s, limits)
	}
	return c.with(actor, current, value, sums, limits, now, err)
}

func (Removal) edit(actor Actor, c Change, current *Document, _ EditLimits, now time.Time) (Document, []int64, error) {
	next, err := Delete(actor, c.Ref, current, c.Precondition, now)
	return next, nil, err
}

// base is the value that an edit builds on, once it is clear that the actor may.
func (c Change) base(actor Actor, current *Document, fromNothing bool) ([]byte, error) {
	if err := check(actor, c.Ref, current, c.Precondition); err != nil {
		return nil, err
	}
	switch {
	case current != nil && !current.Deleted:
		if !current.ReadableBy(actor) {
			return nil, ErrNotFound
		}
		return current.Value, nil
	case fromNothing:
		return []byte("{}"), nil
	}
	return nil, ErrNotFound
}

// with is the document with the edited value; the precondition is checked already.
func (c Change) with(actor Actor, current *Document, value []byte, sums []int64, limits EditLimits, now time.Time, err error) (Document, []int64, error) {
	if err != nil {
		return Document{}, nil, err
	}
	next, err := Put(actor, c.Ref, current, Draft{Value: value}, Precondition{}, limits.Limits, now)
	return next, sums, err
}
