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

// Edit is what a change does: a Draft, a MergePatch, a JSONPatch, Steps, a
// Restoration or a Removal.
type Edit interface {
	// edit gives what it makes of current (nil: none), and the sums of Steps.
	edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error)
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

// Restoration writes what a document once was: a Draft that nobody sent, so that
// its faults are in the document that it would make.
type Restoration Draft

// Removal deletes.
type Removal struct{}

var _ = []Edit{Draft{}, MergePatch{}, JSONPatch{}, Steps{}, Restoration{}, Removal{}}

// InDocument is where a fault stands that is in what the write would have made
// of the document, and not in what was sent.
const InDocument = "document"

// Outcome is what a change did.
type Outcome struct {
	Document Document // the tombstone, after a Removal
	Created  bool     // there was none before
	Sums     []int64  // what each of Steps led to
}

// Apply gives what the change makes of current (nil: none, a tombstone:
// deleted). It changes nothing itself. Who may not read a document is told by
// an edit that builds on it that there is none. A value that breaks the rules'
// schema is ErrSchemaViolation, whose fields point into {"value": …}: the body of a
// Draft, else InDocument.
func (c Change) Apply(actor Actor, current *Document, rules Rules, now time.Time) (Outcome, error) {
	next, sums, err := c.Edit.edit(actor, c, current, rules, now)
	if err != nil {
		return Outcome{}, err
	}
	if !next.Deleted {
		in := InDocument
		if _, sent := c.Edit.(Draft); sent {
			in = "body"
		}
		fields, err := rules.Violations(next.Value, in)
		if err != nil {
			return Outcome{}, err
		}
		if len(fields) > 0 {
			return Outcome{}, ErrSchemaViolation.WithFields(fields...)
		}
	}
	return Outcome{Document: next, Created: current == nil || current.Deleted, Sums: sums}, nil
}

func (d Draft) edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error) {
	next, err := d.put(actor, c, current, rules, now, "body")
	return next, nil, err
}

func (d Draft) put(actor Actor, c Change, current *Document, rules Rules, now time.Time, in string) (Document, error) {
	next, err := Put(actor, c.Ref, current, d, c.Precondition, rules, now)
	if err == nil && depth(string(next.Value)) > rules.Depth {
		field := fault.Body("/value", "too_deep", "At most %d arrays and objects within each other.", rules.Depth)
		field.In = in
		err = ErrTooDeep.WithFields(field)
	}
	return next, err
}

func (r Restoration) edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error) {
	next, err := Draft(r).put(actor, c, current, rules, now, InDocument)
	return next, nil, err
}

func (p MergePatch) edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error) {
	value, err := c.base(actor, current, rules, true)
	if err == nil {
		value, err = Merge(value, p, rules.EditLimits)
	}
	return c.with(actor, current, value, nil, rules, now, err)
}

func (p JSONPatch) edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error) {
	value, err := c.base(actor, current, rules, false)
	if err == nil {
		value, err = Patch(value, p, rules.EditLimits)
	}
	return c.with(actor, current, value, nil, rules, now, err)
}

func (s Steps) edit(actor Actor, c Change, current *Document, rules Rules, now time.Time) (Document, []int64, error) {
	var sums []int64
	value, err := c.base(actor, current, rules, true)
	if err == nil {
		value, sums, err = Increment(value, s, rules.EditLimits)
	}
	return c.with(actor, current, value, sums, rules, now, err)
}

func (Removal) edit(actor Actor, c Change, current *Document, _ Rules, now time.Time) (Document, []int64, error) {
	next, err := Delete(actor, c.Ref, current, c.Precondition, now)
	return next, nil, err
}

// base is the value that an edit builds on, once it is clear that the actor may.
func (c Change) base(actor Actor, current *Document, rules Rules, fromNothing bool) ([]byte, error) {
	if err := check(actor, c.Ref, current, c.Precondition, rules); err != nil {
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
func (c Change) with(actor Actor, current *Document, value []byte, sums []int64, rules Rules, now time.Time, err error) (Document, []int64, error) {
	if err != nil {
		return Document{}, nil, err
	}
	next, err := Put(actor, c.Ref, current, Draft{Value: value}, Precondition{}, rules, now)
	return next, sums, err
}
