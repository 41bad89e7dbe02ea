// Package ranktest is the suite that a rank index must pass. An adapter's test
// calls [Run]; the suite needs nothing but testing.
//
// It never waits: the adapter's test hands over ways to move time on and to
// make the engine lose what it holds.
package ranktest
