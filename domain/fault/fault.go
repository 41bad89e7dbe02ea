package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies a fault by what the caller can do about it.
type Kind uint8

const (
	Internal        Kind = iota // our bug; nothing the caller can change
	Malformed                   // the request can't be read
	Unauthenticated             // no credential, or not a good one
	Forbidden                   // a good credential that may not do this
	NotFound                    // no such thing, or not for this caller's eyes
	Conflict                    // contradicts the current state
	Stale                       // a precondition (If-Match, If-None-Match) missed
	TooLarge                    // over a size limit
	Unsupported                 // a media type we don't read
	Invalid                     // readable, but breaks a rule
	TooMany                     // over a rate limit; see RetryAfter
	Unavailable                 // a dependency is away; see RetryAfter
	Timeout                     // the deadline passed first
)

var kindNames = [...]string{
	"internal", "malformed", "unauthenticated", "forbidden", "not_found", "conflict", "stale",
	"too_large", "unsupported", "invalid", "too_many", "unavailable", "timeout",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Fault is an error that a caller may be told about. Values are immutable: the
// With methods return copies, so that a package-level fault can serve as both
// sentinel and template.
type Fault struct {
	Kind   Kind
	Code   string // stable, dotted: "identity.email_taken"
	Detail string // one sentence for people; no secrets, no internals
	Fields []Field
	// RetryAfter is how long to wait before trying again; zero when that
	// wouldn't help or isn't known.
	RetryAfter time.Duration
	// Current is the representation a Stale caller should have had, or the
	// state that refuses any other; nil when there is none or the caller may not see it.
	Current any
	cause   error
}

// Field is one fault of one member of the request.
type Field struct {
	// In is where the member stands: "body", "path", "query" or "header"; or
	// "document", for what the request would have made of one, or "bundle", for one that it names.
	In string
	// Pointer is an RFC 6901 JSON pointer within In, such as "/address/port".
	Pointer string
	Code    string
	Detail  string
}

// New makes a fault. Its detail is formatted as by fmt.Sprintf.
func New(kind Kind, code, detail string, args ...any) *Fault {
	if len(args) > 0 {
		detail = fmt.Sprintf(detail, args...)
	}
	return &Fault{Kind: kind, Code: code, Detail: detail}
}

func (f *Fault) Error() string {
	s := f.Code + ": " + f.Detail
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

// Unwrap gives the internal cause, which is for logs and never for callers.
func (f *Fault) Unwrap() error { return f.cause }

// Is compares codes, so that errors.Is(err, ErrX) holds for every detailed copy of ErrX.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

// With gives a copy with another detail.
func (f *Fault) With(detail string, args ...any) *Fault {
	c := *f
	c.Detail = New(f.Kind, f.Code, detail, args...).Detail
	return &c
}

// Because gives a copy that carries an internal cause for the log.
func (f *Fault) Because(cause error) *Fault {
	c := *f
	c.cause = cause
	return &c
}

// After gives a copy that asks the caller to wait.
func (f *Fault) After(wait time.Duration) *Fault {
	c := *f
	c.RetryAfter = wait
	return &c
}

// WithCurrent gives a copy that carries the current representation.
func (f *Fault) WithCurrent(current any) *Fault {
	c := *f
	c.Current = current
	return &c
}

// WithFields gives a copy with the given members at fault.
func (f *Fault) WithFields(fields ...Field) *Fault {
	c := *f
	c.Fields = fields
	return &c
}

// KindOf tells the kind of err: that of the outermost fault in its chain, or Internal.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// Body is a fault of the request body's member at pointer.
func Body(pointer, code, detail string, args ...any) Field {
	return Field{In: "body", Pointer: pointer, Code: code, Detail: New(Invalid, code, detail, args...).Detail}
}

// Check collects every fault of an input before refusing it, so that a caller
// mends all of them at once. The zero value is ready.
type Check struct{ fields []Field }

// Add notes a fault of the body's member at pointer.
func (c *Check) Add(pointer, code, detail string, args ...any) {
	c.fields = append(c.fields, Body(pointer, code, detail, args...))
}

// Err is nil when nothing was added, else ErrInvalid with every field.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return ErrInvalid.WithFields(c.fields...)
}

// BothInvalid gives what two checks of one request found, all of it at once. An
// error that is no ErrInvalid comes first.
func BothInvalid(one, other error) error {
	var a, b *Fault
	switch {
	case one == nil:
		return other
	case other == nil, !errors.As(one, &a) || !a.Is(ErrInvalid):
		return one
	case !errors.As(other, &b) || !b.Is(ErrInvalid):
		return other
	}
	return a.WithFields(append(append([]Field{}, a.Fields...), b.Fields...)...)
}

// Faults that belong to no domain.
var (
	ErrInvalid     = New(Invalid, "request.invalid", "Some members of the request break a rule; each is listed under errors.")
	ErrUnavailable = New(Unavailable, "service.unavailable", "A part this request needs is away; try again shortly.").After(time.Second)
	ErrTimeout     = New(Timeout, "service.timeout", "The request took longer than it may.")
	ErrInternal    = New(Internal, "service.internal", "Something went wrong on our side; the request id finds it in the logs.")
)
