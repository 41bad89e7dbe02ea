// Package integration tests Overworld as its users meet it: the built program,
// its command line and its HTTP API, on every stack that is supported, with real
// servers behind it that are stopped, killed and paused.
//
// It holds tests only. What they have in common is in harness; no test here
// calls the program's packages, except to read the route table that the isolation
// test must cover.
package integration
