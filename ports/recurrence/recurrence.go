// Package recurrence tells when what recurs by the clock on the wall comes next.
package recurrence

import (
	"errors"
	"time"
)

// Reader reads rules.
type Reader interface {
	// Read gives the rule of a cron expression in a time zone of the IANA database.
	// The expression has five fields: minute, hour, day of the month, month and day of the
	// week (0 to 7; 0 and 7 are Sunday), with names, lists, ranges and steps; if both days are restricted, either
	// matches. The error is or wraps ErrCron, ErrZone, or both. What never comes is ErrCron.
	Read(cron, zone string) (Rule, error)
}

// Rule is one that was read. Several goroutines may use it at once.
type Rule interface {
	// Next gives the first moment after the given one, in UTC. A time that clocks in
	// the zone skip comes at the first moment after the gap; one that they show twice
	// comes once, the first time. False when there is none for years.
	Next(after time.Time) (next time.Time, ok bool)
	// Shortest is the least time from one moment to the next, as a clock on the wall tells
	// it that is never put forward or back. It looks at a thousand moments, which is
	// more than a month of the densest that anyone uses.
	Shortest() time.Duration
}

var (
	ErrCron = errors.New("recurrence: not a cron expression of five fields that ever matches")
	ErrZone = errors.New("recurrence: not a time zone of the IANA database")
)
