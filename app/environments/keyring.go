package environments

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/secrets"
)

// ErrMasterKey is a signing key that another master key sealed.
var ErrMasterKey = errors.New("it does not open: is the master key the one it was made with?")

// Parts are what a KeyRing is made of.
type Parts struct {
	Store  datastore.Datastore
	Clock  clock.Clock
	IDs    ids.Source
	Random secrets.Random
	Vault  secrets.Vault
}

// KeyRing holds the signing keys of the environments in use.
type KeyRing struct {
	parts Parts
	known recent.Values[tenancy.EnvironmentID, identity.KeySet]
}

func NewKeyRing(p Parts) *KeyRing { return &KeyRing{parts: p} }

// Keys gives an environment's key set.
func (r *KeyRing) Keys(ctx context.Context, scope tenancy.Scope) (identity.KeySet, error) {
	now := r.parts.Clock.Now()
	return r.known.Get(ctx, scope.Environment(), now, func(ctx context.Context) (identity.KeySet, error) {
		sealed, err := r.parts.Store.SigningKeys().List(ctx, scope)
		if err != nil {
			return nil, fmt.Errorf("list signing keys: %w", err)
		}
		return r.open(scope, sealed, now)
	})
}

// Signer gives the key that signs now.
func (r *KeyRing) Signer(ctx context.Context, scope tenancy.Scope) (identity.SigningKey, error) {
	keys, err := r.Keys(ctx, scope)
	if err != nil {
		return identity.SigningKey{}, err
	}
	key, ok := keys.Signer(r.parts.Clock.Now())
	if !ok {
		return key, fault.ErrInternal.Because(fmt.Errorf("environment %s has no signing key", scope.Environment()))
	}
	return key, nil
}

// Rotate adds a fresh key within a transaction; atOnce is as for
// identity.KeySet.Rotated. Call Forget once the transaction has committed.
func (r *KeyRing) Rotate(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, atOnce bool) (identity.SigningKey, error) {
	stored, err := tx.SigningKeys().List(ctx, scope)
	if err != nil {
		return identity.SigningKey{}, fmt.Errorf("list signing keys: %w", err)
	}
	// The others go on signing or verifying, unless they go now, so they must
	// be of use with this master key.
	if !atOnce {
		if _, err := r.open(scope, stored, r.parts.Clock.Now()); err != nil {
			return identity.SigningKey{}, err
		}
	}
	var seed [ed25519.SeedSize]byte
	r.parts.Random.Fill(seed[:])
	private := ed25519.NewKeyFromSeed(seed[:])
	fresh := identity.SigningKey{ID: r.parts.IDs.New(), Private: private, Public: private.Public().(ed25519.PublicKey)}

	keys := make(identity.KeySet, len(stored))
	for i, k := range stored {
		keys[i] = k.SigningKey
	}
	keys = keys.Rotated(fresh, r.parts.Clock.Now(), atOnce)
	fresh = keys[len(keys)-1]
	sealed := make([]identity.SealedKey, len(keys))
	for i, k := range keys {
		if i < len(stored) {
			sealed[i] = identity.SealedKey{SigningKey: k, Sealed: stored[i].Sealed}
			continue
		}
		sealed[i] = identity.SealedKey{SigningKey: k, Sealed: r.parts.Vault.Seal(sealContext(scope, k.ID), seed[:])}
	}
	if err := tx.SigningKeys().Save(ctx, scope, sealed); err != nil {
		return fresh, fmt.Errorf("save signing keys: %w", err)
	}
	return fresh, nil
}

// Forget makes the next Keys ask the database.
func (r *KeyRing) Forget(scope tenancy.Scope) {
	r.known.Forget(scope.Environment())
}

// open gives the keys that are not gone yet. Of the others nothing is needed,
// so that an environment whose master key was lost can begin anew with Rotate.
func (r *KeyRing) open(scope tenancy.Scope, sealed []identity.SealedKey, now time.Time) (identity.KeySet, error) {
	keys := make(identity.KeySet, 0, len(sealed))
	for _, s := range sealed {
		if !s.GoneAt.IsZero() && !now.Before(s.GoneAt) {
			continue
		}
		seed, err := r.parts.Vault.Open(sealContext(scope, s.ID), s.Sealed)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, fault.ErrInternal.Because(fmt.Errorf("signing key %s of environment %s: %w (%w)", s.ID, scope.Environment(), ErrMasterKey, err))
		}
		s.Private = ed25519.NewKeyFromSeed(seed)
		keys = append(keys, s.SigningKey)
	}
	return keys, nil
}

func sealContext(scope tenancy.Scope, kid string) string {
	return "signing-key/" + string(scope.Environment()) + "/" + kid
}
