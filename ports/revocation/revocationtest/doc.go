// Package revocationtest is the suite that a revocation memory must pass. An
// adapter's test calls [Run]; the suite needs nothing but testing.
//
// It never waits: the adapter's test hands over ways to move time on and to
// flush the engine.
package revocationtest
