package identity

import (
	"crypto/ed25519"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// SigningKey is one Ed25519 key pair of an environment. A new key is published
// before it signs, so that servers which cache the key set know it in time,
// and stays published until the last token it signed has expired.
type SigningKey struct {
	ID        string // kid
	Public    ed25519.PublicKey
	Private   ed25519.PrivateKey
	CreatedAt time.Time
	// SignsFrom is when it takes over from the key before.
	SignsFrom time.Time
	// GoneAt is when it leaves the key set; zero while it has no successor.
	GoneAt time.Time
}

// KeyPublication is how long a new key is published before it signs; the key
// set may be cached for that long.
const KeyPublication = 10 * time.Minute

// KeySet is the keys of one environment.
type KeySet []SigningKey

// Signer is the key that signs at now: of those whose time has come, the latest.
func (ks KeySet) Signer(now time.Time) (SigningKey, bool) {
	var best SigningKey
	for _, k := range ks {
		if !k.SignsFrom.After(now) && !k.gone(now) && (best.ID == "" || k.SignsFrom.After(best.SignsFrom)) {
			best = k
		}
	}
	return best, best.ID != ""
}

// Published are the keys that anyone may verify with at now.
func (ks KeySet) Published(now time.Time) KeySet {
	var live KeySet
	for _, k := range ks {
		if !k.gone(now) {
			live = append(live, k)
		}
	}
	return live
}

// Find gives the published key of an id.
func (ks KeySet) Find(id string, now time.Time) (SigningKey, bool) {
	for _, k := range ks {
		if k.ID == id && !k.gone(now) {
			return k, true
		}
	}
	return SigningKey{}, false
}

// Rotated adds a fresh key and gives the whole set as it must be stored. At
// once is for a leaked key: the others leave the set now, and every access
// token they signed dies with them. Otherwise the successor waits for
// KeyPublication, and the others leave once the longest token they may have
// signed has expired: the environment's own lifetime may be edited in between.
func (ks KeySet) Rotated(fresh SigningKey, now time.Time, atOnce bool) KeySet {
	fresh.CreatedAt, fresh.SignsFrom, fresh.GoneAt = now, now.Add(KeyPublication), time.Time{}
	for _, k := range ks {
		// Two rotations at once, or by replicas whose clocks differ, still follow one another.
		if !k.gone(now) && !fresh.SignsFrom.After(k.SignsFrom) {
			fresh.SignsFrom = k.SignsFrom.Add(time.Microsecond)
		}
	}
	gone := fresh.SignsFrom.Add(tenancy.MaxAccessTokenLifetime)
	if atOnce || len(ks) == 0 {
		fresh.SignsFrom, gone = now, now
	}
	next := make(KeySet, 0, len(ks)+1)
	for _, k := range ks {
		if k.GoneAt.IsZero() || k.GoneAt.After(gone) {
			k.GoneAt = gone
		}
		next = append(next, k)
	}
	return append(next, fresh)
}

func (k SigningKey) gone(now time.Time) bool { return !k.GoneAt.IsZero() && !now.Before(k.GoneAt) }
