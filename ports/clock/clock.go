// Package clock is where the time comes from. Nothing outside the system
// adapter asks the operating system for it, so that a test can move it.
package clock

import "time"

// Clock tells the system's time, in UTC and whole microseconds: what every
// database can store and give back unchanged.
type Clock interface {
	Now() time.Time
}
