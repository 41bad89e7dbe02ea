// Package signin lets players in, keeps them in, and lets them out.
//
// It makes sessions and their tokens. Sessions live by the system's clock and
// not the environment's, which an operator may move: a rehearsed season must
// neither sign players out nor keep a stolen token alive.
package signin
