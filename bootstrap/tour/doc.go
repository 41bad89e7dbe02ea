// Package tour plays a game session against a server and prints it for a
// person to read: each request, each reply, and why it is so.
//
// It speaks HTTP like any client and sees nothing of the server's insides, so
// it is a smoke test too: a reply that is not what it should be ends it. It
// never touches data other than what it makes itself.
package tour
