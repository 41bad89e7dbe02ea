// Package secrets is where randomness comes from, and where secrets at rest are
// locked away under the installation's master key.
package secrets

// Random fills buffers with bytes nobody can guess. It never fails: a process
// without randomness must not go on.
type Random interface {
	Fill(buffer []byte)
}

// Vault holds the master key, which all replicas share and the database never sees.
type Vault interface {
	// Seal encrypts and authenticates a secret. The same context must be
	// given to open it, so a sealed secret can't be moved to another row.
	Seal(context string, secret []byte) []byte
	// Open is an error when the master key or the context is another, or a bit was changed.
	Open(context string, sealed []byte) ([]byte, error)
	// Derive gives 32 bytes that depend on the master key and the purpose only.
	Derive(purpose string) []byte
}
