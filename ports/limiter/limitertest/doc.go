// Package limitertest is the suite that a limiter must pass. An adapter's test
// calls [Run]; the suite needs nothing but testing.
//
// It never waits: the adapter's test hands over a way to move time on. Real
// time may pass as well, so it asks at rates of hours and reads answers to
// the minute.
package limitertest
