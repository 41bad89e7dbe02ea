// Package access finds out who is calling.
//
// It reads a bearer credential of any kind, proves it, and makes sure on every
// request that it has not been revoked. It says who the caller is, never what
// the caller may do: that is the route's audience and the use case's rules.
package access
