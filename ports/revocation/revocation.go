// Package revocation remembers, outside the database, which sessions and
// credentials were lately found good, so that most requests need not ask it.
//
// The database alone knows who is revoked. This is a disposable copy of its
// "still good" answers, built so that no interleaving of readers, revokers,
// crashes and flushes lets a revoked key pass:
//
//   - A reader that finds nothing gets a claim, asks the database, and confirms
//     the claim. Anything that happened to the key in between voids the claim.
//   - A revoker blocks the key before it commits. While a key is blocked
//     nobody can claim it, so every reader asks the database.
//
// When the cache can't be reached, everyone asks the database.
package revocation

import (
	"context"
	"time"
)

// Verdict is what is known of a key.
type Verdict uint8

const (
	// Unknown: ask the database. The answer may carry a claim.
	Unknown Verdict = iota
	// Good: the database said so within the last GoodFor.
	Good
)

const (
	// GoodFor is the longest a confirmation is believed.
	GoodFor = time.Minute
	// BlockFor is how long Block keeps a key from being claimed. A transaction
	// that revokes must end well within it.
	BlockFor = 2 * time.Minute
)

// Claim is the right to confirm a key; empty is none.
type Claim string

// Memory remembers good keys. Keys are at most 200 bytes.
type Memory interface {
	// Look tells what is known of a key and, when Unknown, may give a claim.
	// An error means the same as Unknown without a claim.
	Look(ctx context.Context, key string) (Verdict, Claim, error)
	// Confirm makes the key good for GoodFor if the claim still stands. A
	// void or empty claim is no error, and changes nothing.
	Confirm(ctx context.Context, key string, claim Claim) error
	// Block makes each key unknown, voids its claim, and refuses new ones for BlockFor.
	Block(ctx context.Context, keys ...string) error
}
