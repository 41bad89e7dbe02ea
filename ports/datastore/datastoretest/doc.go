// Package datastoretest proves that an adapter is a datastore.Datastore: one call
// of Run in the adapter's own tests, and one of RunReopen.
//
// It asks only what the port promises, through the port alone, so it knows
// no engine. It needs no clock, no network and no mock, and never skips.
package datastoretest
