package access_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/revocation"
)

var place = operators.Place{Project: "game", Environment: "development"}

// away is a cache that can't be reached, which the one in process can't be.
type away struct{}

var errAway = errors.New("away")

func (away) Look(context.Context, string) (revocation.Verdict, revocation.Claim, error) {
	return revocation.Unknown, "", errAway
}
func (away) Confirm(context.Context, string, revocation.Claim) error { return errAway }
func (away) Block(context.Context, ...string) error                  { return errAway }

// flushed is a cache that loses everything after each call.
type flushed struct{ composetest.Clock }

func (f *flushed) fresh() revocation.Memory { return memory.NewRevocations(&f.Clock) }
func (f *flushed) Look(ctx context.Context, key string) (revocation.Verdict, revocation.Claim, error) {
	return f.fresh().Look(ctx, key)
}
func (f *flushed) Confirm(ctx context.Context, key string, claim revocation.Claim) error {
	return f.fresh().Confirm(ctx, key, claim)
}
func (f *flushed) Block(ctx context.Context, keys ...string) error {
	return f.fresh().Block(ctx, keys...)
}

func TestRevocationsHoldOnTheNextRequestOfEveryReplica(t *testing.T) {
	for name, change := range map[string]func(*compose.Ports){
		"shared":  nil,
		"away":    func(p *compose.Ports) { p.Revocations = away{} },
		"flushed": func(p *compose.Ports) { p.Revocations = &flushed{} },
	} {
		t.Run(name, func(t *testing.T) {
			w := composetest.New(t)
			w.Project(t, "game")
			one, other := w.Replica(change), w.Replica(change)
			client := one.Caller(t, place, tenancy.PublishableKey)
			grant := one.Guest(t, client)
			credential, token := one.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.ServerToken})
			for range 3 { // until it is vouched for wherever it can be
				for _, bearer := range []string{token, grant.AccessToken} {
					one.Enter(t, bearer)
					other.Enter(t, bearer)
				}
			}
			if err := one.SignIn.Logout(t.Context(), one.Enter(t, grant.AccessToken)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time is no error, and keeps the time of the first
				if err := one.Operators.RevokeCredential(t.Context(), composetest.Operator(), place, credential.ID); err != nil {
					t.Fatal(err)
				}
			}
			// Now, past the confirmations, past the blocks; and after a restart.
			for _, wait := range []time.Duration{0, revocation.GoodFor, revocation.BlockFor} {
				w.Clock.Advance(wait)
				for _, replica := range []*composetest.World{one, other, w.Replica(change)} {
					if _, err := replica.Authenticate(token); !errors.Is(err, tenancy.ErrCredential) {
						t.Errorf("after %s: the server token: %v", wait, err)
					}
					if _, err := replica.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrSessionEnded) {
						t.Errorf("after %s: the player: %v", wait, err)
					}
				}
			}
		})
	}
}

func TestTheSteadyStateAsksTheDatabaseNothing(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	store := &questions{Datastore: w.Ports.Store}
	r := w.Replica(func(p *compose.Ports) { p.Store = store })
	_, token := r.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.PublishableKey})
	grant := r.Guest(t, r.Enter(t, token))
	r.Enter(t, grant.AccessToken)
	store.asked = 0
	for range 100 {
		r.Enter(t, token)
		r.Enter(t, grant.AccessToken)
	}
	if store.asked != 0 {
		t.Errorf("asked %d times", store.asked)
	}
	w.Clock.Advance(revocation.GoodFor) // no confirmation is believed for longer
	r.Enter(t, token)
	r.Enter(t, grant.AccessToken)
	if store.asked == 0 {
		t.Error("nothing was asked again")
	}
}

func TestWhatIsNoCredential(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	_, token := w.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.PublishableKey})
	grant := w.Guest(t, w.Enter(t, token))
	_, unknown, err := tenancy.NewCredential("x", tenancy.CredentialSpec{Kind: tenancy.PublishableKey, Environment: "e", Name: "x"}, [tenancy.TokenEntropy]byte{7}, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := w.Replica(func(p *compose.Ports) { p.Issuer = "another installation" })
	foreign := elsewhere.Guest(t, w.Enter(t, token))
	for _, c := range []struct {
		name, bearer string
		want         error
	}{
		{"nothing", "", tenancy.ErrNoCredential},
		{"nonsense", "nonsense", tenancy.ErrCredential},
		{"a typo", token[:len(token)-1] + "_", tenancy.ErrCredential},
		{"a well-formed one that nobody made", unknown, tenancy.ErrCredential},
		{"a refresh token", grant.RefreshToken, tenancy.ErrCredential},
		{"a forged signature", grant.AccessToken[:strings.LastIndexByte(grant.AccessToken, '.')+1] + strings.Repeat("A", 86), identity.ErrAccessToken},
		{"another issuer's", foreign.AccessToken, identity.ErrAccessToken},
	} {
		if p, err := w.Authenticate(c.bearer); !errors.Is(err, c.want) || p.Kind() != tenancy.NoKind {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	w.Clock.Advance(15*time.Minute - time.Microsecond)
	w.Enter(t, grant.AccessToken)
	w.Clock.Advance(time.Microsecond)
	if _, err := w.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("expired: %v", err)
	}
}

func TestAServerTokenHasAnEndAndAPlace(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	_, token := w.Issue(t, place, tenancy.CredentialSpec{
		Kind: tenancy.ServerToken, ExpiresAt: composetest.Epoch.Add(time.Hour),
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:192.0.2.0/120")},
	})
	for address, want := range map[string]error{
		"10.1.2.3": nil, "::ffff:10.1.2.3": nil, "192.0.2.7": nil, "11.1.2.3": tenancy.ErrNetwork, "2001:db8::1": tenancy.ErrNetwork,
	} {
		if _, err := w.Authenticator.Authenticate(t.Context(), token, netip.MustParseAddr(address), composetest.MayLook); !errors.Is(err, want) {
			t.Errorf("from %s: %v, want %v", address, err, want)
		}
	}
	w.Clock.Advance(time.Hour)
	if _, err := w.Authenticator.Authenticate(t.Context(), token, netip.MustParseAddr("10.1.2.3"), composetest.MayLook); !errors.Is(err, tenancy.ErrCredential) {
		t.Errorf("after its end: %v", err)
	}
}

func TestDeletedEnvironmentsLetNobodyIn(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	other := w.Replica(nil)
	_, token := w.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.PublishableKey})
	grant := w.Guest(t, w.Enter(t, token))
	for _, replica := range []*composetest.World{w, other} {
		for range 2 {
			replica.Enter(t, token)
			replica.Enter(t, grant.AccessToken)
		}
	}
	if err := w.Operators.DeleteEnvironment(t.Context(), composetest.Operator(), "game", "development", operators.Confirmation{Slug: "development"}); err != nil {
		t.Fatal(err)
	}
	for name, replica := range map[string]*composetest.World{"here": w, "on another replica": other} {
		if _, err := replica.Authenticate(token); !errors.Is(err, tenancy.ErrCredential) {
			t.Errorf("the key, %s: %v", name, err)
		}
	}
	if _, err := w.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("the player, here: %v", err)
	}
	w.Clock.Advance(environments.Fresh)
	if _, err := other.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("the player, on another replica: %v", err)
	}
}

func TestLastUseIsStoredOnceAMinute(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	credential, token := w.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.SecretKey})
	w.Clock.Advance(90 * time.Second)
	w.Enter(t, token)
	if err := w.Uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, err := w.Ports.Store.Credentials().ByHash(t.Context(), credential.Hash)
	if err != nil || !stored.LastUsedAt.Equal(composetest.Epoch.Add(time.Minute)) {
		t.Errorf("used %s, %v", stored.LastUsedAt, err)
	}
}

// verifying counts the signatures that are checked.
type verifying struct {
	identity.AccessTokens
	checked int
}

func (v *verifying) Verify(token string, key identity.SigningKey, issuer string, environment tenancy.EnvironmentID, now time.Time) (identity.AccessClaims, error) {
	v.checked++
	return v.AccessTokens.Verify(token, key, issuer, environment, now)
}

func TestASignatureIsCheckedOnceAndAKeyThatIsGoneStillEndsItsTokens(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	tokens := &verifying{AccessTokens: w.Ports.Tokens}
	r := w.Replica(func(p *compose.Ports) { p.Tokens = tokens })
	grant, other := r.Guest(t, r.Caller(t, place, tenancy.PublishableKey)), r.Guest(t, r.Caller(t, place, tenancy.PublishableKey))
	for range 10 {
		if p := r.Enter(t, grant.AccessToken); p.Subject() != string(grant.Player) {
			t.Errorf("the token is of %s", p.Subject())
		}
		if p := r.Enter(t, other.AccessToken); p.Subject() != string(other.Player) {
			t.Errorf("the other token is of %s", p.Subject())
		}
	}
	if tokens.checked != 2 {
		t.Errorf("checked %d signatures of 2 tokens", tokens.checked)
	}
	if _, err := r.Operators.RotateSigningKey(t.Context(), composetest.Operator(), place, true); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(environments.Fresh)
	if _, err := r.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("after its key left: %v", err)
	}
}
