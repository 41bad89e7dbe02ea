// Bench drives load through the HTTP API of the real program, on durable servers
// that it starts for itself, and measures floors beside it: what the same
// bytes cost a bare net/http handler, and the same rows a table in the database.
//
//	go run ./tests/bench                                     # everything
//	go run ./tests/bench -stack production -scenario document-put -connections 64
//	go run ./tests/bench -profile profiles                   # CPU profiles of the server
//	go run ./tests/bench -overload                           # twice what saturates it
//	go run ./tests/bench -flush                              # a million ranks are lost twice; exit code 1 if one is wrong
//	go run ./tests/bench -scenario login-flood               # everything else while players sign in ten times too often
//	go run ./tests/bench -scenario fleet                     # ten thousand game servers send heartbeats while players look for some
//	go run ./tests/bench -scenario polls                     # ten thousand players wait for a release
//	go run ./tests/bench -write                              # docs/performance.md
//
// The load is a closed loop over connections that stay open: each sends its next
// request when it has the reply to the last. Only ratios survive another machine, so
// each run prints them; nothing is asserted about time, here or in any test.
package main
