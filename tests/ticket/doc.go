// Package ticket verifies join tickets as a game server would that knows nothing of
// Overworld but docs/servers.md: with the standard library and the public keys alone.
// It is an example to be copied, and shows that what the server signs can be checked elsewhere.
package ticket
