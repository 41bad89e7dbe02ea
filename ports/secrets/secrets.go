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

// Passwords turns passwords into what may be stored of them. Both methods take a
// good part of a second of one core and many megabytes, on purpose: bound how many
// run at once.
type Passwords interface {
	// Hash gives text that is different each time, of at most 200 bytes.
	Hash(password string) string
	// Check tells whether the password was hashed to this, and whether Hash would
	// now do so in another way. The empty hash is nobody's, and takes as long as any.
	Check(password, hash string) (right, outdated bool)
}
