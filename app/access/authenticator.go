package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/revocation"
)

// Issuer is the `iss` of every access token of this installation.
type Issuer string

// Parts are what an Authenticator is made of.
type Parts struct {
	Store       datastore.Datastore
	Revocations revocation.Memory
	Directory   *environments.Directory
	Keys        *environments.KeyRing
	Tokens      identity.AccessTokens
	Clock       clock.Clock
	Issuer      Issuer
	Uses        *Uses
}

// Authenticator turns bearer credentials into principals.
type Authenticator struct {
	parts Parts

	verified verified

	mu    sync.RWMutex
	known map[[sha256.Size]byte]tenancy.Credential
}

// maxKnown bounds the credentials remembered; past it the memory starts afresh.
const maxKnown = 10_000

func NewAuthenticator(p Parts) *Authenticator {
	return &Authenticator{parts: p, known: map[[sha256.Size]byte]tenancy.Credential{}}
}

// Authenticate gives the principal of a bearer credential used from address. Whether one that this process
// hasn't lately found good may be looked into, it asks mayLook first, and gives its error back: to look
// costs a query, which anybody can cause who makes credentials up.
func (a *Authenticator) Authenticate(ctx context.Context, bearer string, address netip.Addr, mayLook func(ctx context.Context) error) (tenancy.Principal, error) {
	if bearer == "" {
		return tenancy.Principal{}, tenancy.ErrNoCredential
	}
	if _, ok := tenancy.ReadToken(bearer); ok {
		return a.credential(ctx, bearer, address, mayLook)
	}
	return a.player(ctx, bearer, mayLook)
}

func (a *Authenticator) credential(ctx context.Context, bearer string, address netip.Addr, mayLook func(ctx context.Context) error) (tenancy.Principal, error) {
	hash := tenancy.HashToken(bearer)
	if _, known := a.remembered(hash); !known {
		if err := mayLook(ctx); err != nil {
			return tenancy.Principal{}, err
		}
	}
	credential, err := a.find(ctx, hash)
	if errors.Is(err, tenancy.ErrCredentialNotFound) {
		a.drop(hash)
		return tenancy.Principal{}, tenancy.ErrCredential
	}
	if err != nil {
		return tenancy.Principal{}, err
	}
	now := a.parts.Clock.Now()
	p, err := credential.Authenticate(now, address)
	if err == nil {
		a.parts.Uses.note(credential, now)
	}
	return p, err
}

// find gives the credential with the hash, from memory only while the shared
// memory of revocations vouches for it.
func (a *Authenticator) find(ctx context.Context, hash [sha256.Size]byte) (tenancy.Credential, error) {
	key := CredentialKey(hash)
	verdict, claim, _ := a.parts.Revocations.Look(ctx, key) // an error is Unknown: ask the database
	if verdict == revocation.Good {
		if known, ok := a.remembered(hash); ok {
			return known, nil
		}
	}
	credential, err := a.parts.Store.Credentials().ByHash(ctx, hash)
	if err != nil {
		return credential, fmt.Errorf("find credential: %w", err)
	}
	if credential.RevokedAt.IsZero() {
		a.mu.Lock()
		if len(a.known) >= maxKnown {
			clear(a.known)
		}
		a.known[hash] = credential
		a.mu.Unlock()
		_ = a.parts.Revocations.Confirm(ctx, key, claim) // only a shortcut for the next request
	} else {
		a.drop(hash)
	}
	return credential, nil
}

func (a *Authenticator) remembered(hash [sha256.Size]byte) (tenancy.Credential, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	credential, ok := a.known[hash]
	return credential, ok
}

// drop forgets a credential that was good once.
func (a *Authenticator) drop(hash [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, hash)
}

func (a *Authenticator) player(ctx context.Context, bearer string, mayLook func(ctx context.Context) error) (tenancy.Principal, error) {
	hash := sha256.Sum256([]byte(bearer))
	seen, known := a.verified.get(hash)
	id, kid := seen.claims.Environment, seen.keyID
	if !known {
		var err error
		if id, kid, err = a.parts.Tokens.Peek(bearer); err != nil {
			return tenancy.Principal{}, tenancy.ErrCredential
		}
		if err := mayLook(ctx); err != nil {
			return tenancy.Principal{}, err
		}
	}
	environment, err := a.parts.Directory.Get(ctx, id)
	if errors.Is(err, tenancy.ErrEnvironmentNotFound) {
		a.verified.drop(hash)
		return tenancy.Principal{}, identity.ErrAccessToken
	}
	if err != nil {
		return tenancy.Principal{}, err
	}
	scope := environment.Scope()
	keys, err := a.parts.Keys.Keys(ctx, scope)
	if err != nil {
		return tenancy.Principal{}, err
	}
	now := a.parts.Clock.Now()
	if !known {
		key, ok := keys.Find(kid, now)
		if !ok {
			return tenancy.Principal{}, identity.ErrAccessToken
		}
		claims, err := a.parts.Tokens.Verify(bearer, key, string(a.parts.Issuer), id, now)
		if err != nil {
			return tenancy.Principal{}, err
		}
		seen = token{keyID: kid, public: string(key.Public), claims: claims}
	}
	if !seen.stands(id, keys, now) {
		return tenancy.Principal{}, identity.ErrAccessToken
	}
	claims := seen.claims
	if err := a.alive(ctx, scope, claims.Session, now); err != nil {
		if kind := fault.KindOf(err); kind == fault.Unauthenticated || kind == fault.Forbidden {
			a.verified.drop(hash)
		}
		return tenancy.Principal{}, err
	}
	if !known {
		a.verified.put(hash, seen)
	}
	return tenancy.Player(scope, string(claims.Player), string(claims.Session), claims.ExpiresAt), nil
}

// alive is ErrSessionEnded unless the session is live, and ErrBanned while its
// player is kept out. A ban blocks the sessions as a revocation does, so that
// none of them is vouched for while it holds; and it is over when its time is,
// because nothing vouches for the refusal either.
func (a *Authenticator) alive(ctx context.Context, scope tenancy.Scope, id identity.SessionID, now time.Time) error {
	key := SessionKey(scope, id)
	verdict, claim, _ := a.parts.Revocations.Look(ctx, key) // an error is Unknown: ask the database
	if verdict == revocation.Good {
		return nil
	}
	session, err := a.parts.Store.Sessions().Get(ctx, scope, id)
	if errors.Is(err, identity.ErrSessionNotFound) || err == nil && !session.Live(now) {
		return identity.ErrSessionEnded
	}
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	player, err := a.parts.Store.Players().Get(ctx, scope, session.Player)
	if errors.Is(err, identity.ErrPlayerNotFound) {
		return identity.ErrSessionEnded
	}
	if err != nil {
		return fmt.Errorf("find player: %w", err)
	}
	if err := player.Admit(now); err != nil {
		return err
	}
	// A confirmation knows no expiry, so it must not outlive the session.
	if session.Live(now.Add(revocation.GoodFor)) {
		_ = a.parts.Revocations.Confirm(ctx, key, claim) // only a shortcut for the next request
	}
	return nil
}

// CredentialKey names a credential in the memory of revocations.
func CredentialKey(hash [sha256.Size]byte) string {
	return "credential/" + hex.EncodeToString(hash[:16])
}

// SessionKey names a session in the memory of revocations.
func SessionKey(scope tenancy.Scope, id identity.SessionID) string {
	return "session/" + string(scope.Environment()) + "/" + string(id)
}
