package system

import (
	"time"

	"github.com/overworldhq/overworld/ports/clock"
)

// Clock tells the operating system's time.
type Clock struct{}

var _ clock.Clock = Clock{}

// Now is in UTC and cut to whole microseconds. Cutting also drops the
// monotonic reading, so that two times compare as their stored forms do.
func (Clock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
