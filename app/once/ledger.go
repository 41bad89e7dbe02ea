package once

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
	"github.com/overworldhq/overworld/ports/secrets"
)

const (
	// Remembered is how long an answer is kept.
	Remembered = 24 * time.Hour
	// MaxKey bounds a client's key, in bytes.
	MaxKey = 255
)

var (
	ErrKey      = fault.New(fault.Malformed, "idempotency.malformed_key", "An Idempotency-Key is 1 to %d printable ASCII characters, in one header.", MaxKey)
	ErrMismatch = fault.New(fault.Invalid, "idempotency.mismatch", "This Idempotency-Key was used for another request.")
	ErrRunning  = fault.New(fault.Conflict, "idempotency.in_progress", "A request with this Idempotency-Key is still being worked on.").After(time.Second)
)

// Ledger keeps the answers.
type Ledger struct {
	store datastore.Datastore
	clock clock.Clock
	vault secrets.Vault

	mu      sync.Mutex
	running map[idempotency.Key]bool
}

func NewLedger(store datastore.Datastore, clock clock.Clock, vault secrets.Vault) *Ledger {
	return &Ledger{store: store, clock: clock, vault: vault, running: map[idempotency.Key]bool{}}
}

// Attempt is one request's try at its effect.
type Attempt struct {
	ledger      *Ledger
	key         idempotency.Key
	fingerprint [sha256.Size]byte
}

// Begin starts an attempt under the key that its caller chose, whose fingerprint is
// of all that the request asks for. When that was done before there is no
// attempt, and answer is what was answered. ErrMismatch when the key was used
// for another request; ErrRunning when this process is at it. Another
// process's attempt is found out by Keep. Call End when the attempt is over.
func (l *Ledger) Begin(ctx context.Context, p tenancy.Principal, name string, fingerprint [sha256.Size]byte) (attempt *Attempt, answer []byte, err error) {
	if len(name) < 1 || len(name) > MaxKey || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, nil, ErrKey
	}
	a := &Attempt{ledger: l, key: idempotency.Key{Holder: holder(p), Name: name}, fingerprint: fingerprint}
	if !l.claim(a.key) {
		return nil, nil, ErrRunning
	}
	answer, err = a.Answer(ctx)
	if err != nil || answer != nil {
		a.End()
		return nil, answer, err
	}
	return a, nil, nil
}

// holder sets the callers apart whose keys have nothing to do with each other.
func holder(p tenancy.Principal) string {
	return string(p.Scope().Environment()) + "/" + p.Kind().String() + "/" + p.Subject()
}

func (l *Ledger) claim(key idempotency.Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[key] {
		return false
	}
	l.running[key] = true
	return true
}

// End lets the next attempt under the key begin.
func (a *Attempt) End() {
	a.ledger.mu.Lock()
	defer a.ledger.mu.Unlock()
	delete(a.ledger.running, a.key)
}

// Answer gives what was answered under the key, nil when nothing was; ErrMismatch when
// that was to another request.
func (a *Attempt) Answer(ctx context.Context) ([]byte, error) {
	record, err := a.ledger.store.Idempotency().Find(ctx, a.key, a.ledger.clock.Now())
	switch {
	case errors.Is(err, idempotency.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find answer: %w", err)
	case record.Fingerprint != a.fingerprint:
		return nil, ErrMismatch
	}
	aead, err := a.lock()
	if err != nil {
		return nil, err
	}
	answer, err := aead.Open(nil, nil, record.Reply, record.Fingerprint[:])
	if err != nil {
		return nil, fmt.Errorf("open answer: is the master key the one it was sealed with? %w", err)
	}
	return answer, nil
}

// Keep stores the answer, which is not empty, within the transaction of its
// effect. It is idempotency.ErrTaken when another process was first: the
// transaction must then be undone, and Answer gives what that one answered.
func (a *Attempt) Keep(ctx context.Context, tx datastore.Repos, answer []byte) error {
	aead, err := a.lock()
	if err != nil {
		return err
	}
	now := a.ledger.clock.Now()
	return tx.Idempotency().Save(ctx, idempotency.Record{
		Key: a.key, Fingerprint: a.fingerprint, Reply: aead.Seal(nil, nil, answer, a.fingerprint[:]), ExpiresAt: now.Add(Remembered),
	}, now)
}

// lock seals answers, which may hold tokens. Each key has a cipher of its own
// rather than the vault's: there may be more answers than one cipher may seal
// with random nonces.
func (a *Attempt) lock() (cipher.AEAD, error) {
	block, err := aes.NewCipher(a.ledger.vault.Derive("idempotency/" + a.key.Holder + "/" + a.key.Name))
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return aead, nil
}
