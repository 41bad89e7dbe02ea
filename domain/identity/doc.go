// Package identity knows players, how they sign in, and how long they stay.
//
// A player is one id for life; login methods hang off it. A session is one
// signed-in device: its access tokens are short-lived and its refresh tokens
// rotate. The package decides what a rotation, a replay or a revocation
// means. It never sees a header, a database or a clock.
package identity
