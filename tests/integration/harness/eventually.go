package harness

import (
	"testing"
	"time"
)

// look is how often a condition is looked at.
const look = 20 * time.Millisecond

// Eventually waits until the condition holds, and ends the test when it still does
// not after the given time. It says what was waited for, not how long it took.
func Eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !poll(within, holds) {
		t.Fatalf("after %s there is still no %s", within, what)
	}
}

// poll tells whether the condition came to hold in time.
func poll(within time.Duration, holds func() bool) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			return holds()
		case <-again.C:
		}
	}
	return true
}
