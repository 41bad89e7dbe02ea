// Package ticket verifies what an environment signs, join tickets and manifests of live configuration, as a
// game server would that knows nothing of Overworld but docs/servers.md and docs/configuration.md: with the
// standard library and the public keys alone. It is an example to be copied, and shows that what the server
// signs can be checked elsewhere.
package ticket
