// Package once makes a request that is sent again have one effect and one answer.
//
// What is answered to a request with an idempotency key is stored in the very
// transaction that has its effect. So either both are there, and whoever asks
// again gets the stored answer, whatever became of the first reply; or neither
// is, and asking again does what the first should have done. There is no state
// between the two that a crash could leave behind.
//
// It never decides what an answer looks like: that is its caller's.
package once
