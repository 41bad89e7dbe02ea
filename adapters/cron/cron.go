package cron

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // for machines without the files

	"github.com/robfig/cron/v3"

	"github.com/overworldhq/overworld/ports/recurrence"
)

// Reader reads cron expressions.
type Reader struct{}

var _ recurrence.Reader = Reader{}

var (
	parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	// The library knows more than this: zones within the expression, words such as @daily.
	expression = regexp.MustCompile(`^[0-9A-Za-z*?,/ -]{1,100}$`)
	zoneName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
)

// Read parses an expression for a zone.
func (Reader) Read(text, zone string) (recurrence.Rule, error) {
	schedule, faultyCron := parse(text)
	location, faultyZone := locate(zone)
	if err := errors.Join(faultyCron, faultyZone); err != nil {
		return nil, err
	}
	return rule{schedule, location}, nil
}

func parse(text string) (cron.Schedule, error) {
	if !expression.MatchString(text) {
		return nil, recurrence.ErrCron
	}
	schedule, err := parser.Parse(sundays(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", recurrence.ErrCron, err)
	}
	if schedule.Next(reference).IsZero() {
		return nil, recurrence.ErrCron // the 30th of February, say
	}
	return schedule, nil
}

// sundays writes 0 for a Sunday that is the seventh day of the week, which crontabs know and the library doesn't.
func sundays(text string) string {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return text
	}
	days := strings.Split(fields[4], ",")
	for i, day := range days {
		if first, ok := strings.CutSuffix(day, "-7"); ok && first != "7" {
			days[i] = first + "-6,0"
		} else if ok || day == "7" {
			days[i] = "0"
		}
	}
	fields[4] = strings.Join(days, ",")
	return strings.Join(fields, " ")
}

// locate finds a zone. Names that mean something on some machines only are
// refused: replicas would not agree on them.
func locate(name string) (*time.Location, error) {
	first, _, _ := strings.Cut(name, "/")
	if !zoneName.MatchString(name) || first == "Local" || first == "posix" || first == "right" {
		return nil, recurrence.ErrZone
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", recurrence.ErrZone, err)
	}
	return location, nil
}

// rule is a schedule on a calendar without zones, which is UTC's, and the zone whose
// clocks on the wall show its times.
type rule struct {
	schedule cron.Schedule
	zone     *time.Location
}

// Next tries matches from the time on the wall on. None before it can come later:
// of two times on the wall the later one never comes first.
func (r rule) Next(after time.Time) (time.Time, bool) {
	local := after.In(r.zone)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	for {
		next, ok := r.match(wall)
		if !ok {
			return time.Time{}, false
		}
		if moment := r.moment(next); moment.After(after) {
			return moment.UTC(), true
		}
		wall = next
	}
}

// match gives the first match after a time on the wall. The library looks five years
// ahead, and from a leap day to the next it can be eight.
func (r rule) match(wall time.Time) (time.Time, bool) {
	for range 2 {
		if next := r.schedule.Next(wall); !next.IsZero() {
			return next, true
		}
		wall = wall.AddDate(4, 0, 0)
	}
	return time.Time{}, false
}

// moment gives when clocks in the zone show a time: when they first do, if they do
// twice, and when they are put forward over it, if they don't.
func (r rule) moment(wall time.Time) time.Time {
	// What time.Date gives is right in a zone before or after a change that is near.
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, r.zone)
	_, offset := guess.Zone()
	begin, end := guess.ZoneBounds()
	if !begin.IsZero() {
		_, before := begin.Add(-time.Second).Zone()
		if earlier := wall.Add(-seconds(before)); earlier.Before(begin) {
			return earlier
		}
	}
	switch shown := guess.Add(seconds(offset)); {
	case shown.Equal(wall):
		return guess
	case shown.Before(wall):
		return end
	}
	return begin
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// reference begins a year that is followed by a leap day.
var reference = time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC).Add(-time.Second)

const looked = 1000

// Shortest looks at the first moments after the reference.
func (r rule) Shortest() time.Duration {
	shortest := time.Duration(1<<63 - 1)
	last, ok := r.match(reference)
	for range looked {
		if !ok {
			break
		}
		var next time.Time
		if next, ok = r.match(last); ok {
			shortest = min(shortest, next.Sub(last))
			last = next
		}
	}
	return shortest
}
