// Package idempotency remembers what was answered to requests that carried an
// idempotency key, so that asking again gives the same answer and no second effect.
package idempotency

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Key is a client's name for one intended effect.
type Key struct {
	// Holder is who chose the key. Two holders' equal keys have nothing to do
	// with each other.
	Holder string // at most 200 bytes
	Name   string // 1 to 255 bytes
}

// Record is what was answered under a key.
type Record struct {
	Key         Key
	Fingerprint [sha256.Size]byte // of the request
	Reply       []byte            // as its keeper sealed it
	ExpiresAt   time.Time
}

// Records stores what was answered, in the transaction of its effect. Keys are
// found whatever their environment: their holder names it.
type Records interface {
	// Find gives the record of a key; ErrNotFound when there is none, or one that expired at now or before.
	Find(ctx context.Context, key Key, now time.Time) (Record, error)
	// Save stores a record. ErrTaken when the key has one that has not expired at
	// now: nothing is changed, and a transaction can go on after it. Of two
	// transactions that save one key at once, one waits until the other has ended.
	Save(ctx context.Context, record Record, now time.Time) error
	// SaveMany is Save for records of different keys: it stores those whose keys are
	// not taken, and gives the keys that are, in any order. Transactions that save
	// several don't wait for each other in a circle.
	SaveMany(ctx context.Context, records []Record, now time.Time) (taken []Key, err error)
	// Purge deletes up to limit records that expired before the given time, and tells how many.
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
}

var (
	ErrNotFound = fault.New(fault.NotFound, "idempotency.not_found", "Nothing was answered under this key.")
	ErrTaken    = fault.New(fault.Conflict, "idempotency.taken", "Something else was done under this key just now; send the request again.")
)
