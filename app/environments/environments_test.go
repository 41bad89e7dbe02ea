package environments_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var place = operators.Place{Project: "game", Environment: "development"}

func rotate(t *testing.T, w *composetest.World, atOnce bool) {
	t.Helper()
	if _, err := w.Operators.RotateSigningKey(t.Context(), composetest.Operator(), place, atOnce); err != nil {
		t.Fatal(err)
	}
}

// verifies tells whether someone with only the public keys can verify a token.
func verifies(t *testing.T, w *composetest.World, environment tenancy.EnvironmentID, token string) bool {
	t.Helper()
	keys, err := w.SignIn.PublicKeys(t.Context(), environment)
	if err != nil {
		t.Fatal(err)
	}
	signed, signature := token[:strings.LastIndexByte(token, '.')], token[strings.LastIndexByte(token, '.')+1:]
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if ed25519.Verify(key.Public, []byte(signed), raw) {
			return true
		}
	}
	return false
}

func TestRotationDisturbsNobody(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	other := w.Replica(nil)
	environment := client.Scope().Environment()
	before := w.Guest(t, client)
	other.Enter(t, before.AccessToken)
	rotate(t, w, false)

	// Through the whole takeover each replica's tokens are good on the other at
	// once, and to those who fetch the public keys.
	for range 16 {
		for _, pair := range [][2]*composetest.World{{w, other}, {other, w}} {
			grant := pair[0].Guest(t, client)
			pair[1].Enter(t, grant.AccessToken)
			if !verifies(t, pair[1], environment, grant.AccessToken) {
				t.Fatalf("at %s a fresh token can't be verified", w.Clock.Now())
			}
		}
		if w.Clock.Now().Before(before.AccessExpiresAt) {
			w.Enter(t, before.AccessToken)
		}
		w.Clock.Advance(identity.KeyPublication / 8)
	}
	keys, err := w.SignIn.PublicKeys(t.Context(), environment)
	if err != nil || len(keys) != 2 {
		t.Errorf("%d keys are published, %v", len(keys), err)
	}
	w.Clock.Advance(tenancy.MaxAccessTokenLifetime)
	if keys, err = w.SignIn.PublicKeys(t.Context(), environment); err != nil || len(keys) != 1 {
		t.Errorf("%d keys are published at the end, %v", len(keys), err)
	}
}

func TestALostReplyAcrossATakeover(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	grant := w.Guest(t, client)
	rotate(t, w, false)
	w.Clock.Advance(identity.KeyPublication - time.Second)
	lost, err := w.SignIn.Refresh(t.Context(), client, grant.RefreshToken, signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(2 * time.Second)
	again, err := w.SignIn.Refresh(t.Context(), client, grant.RefreshToken, signin.Device{})
	if err != nil || again.RefreshToken != lost.RefreshToken {
		t.Fatalf("the successor is %+v, %v", again, err)
	}
	w.Enter(t, lost.AccessToken)
	w.Enter(t, again.AccessToken)
}

func TestALeakedKeyDiesWithItsTokens(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	other := w.Replica(nil)
	grant := w.Guest(t, client)
	for _, replica := range []*composetest.World{w, other} {
		replica.Enter(t, grant.AccessToken)
	}
	rotate(t, w, true)
	if _, err := w.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("where it was rotated: %v", err)
	}
	w.Clock.Advance(environments.Fresh)
	if _, err := other.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("on another replica: %v", err)
	}
	if verifies(t, w, client.Scope().Environment(), grant.AccessToken) {
		t.Error("the leaked key is still published")
	}
	// The session lives on: refresh tokens aren't signed with it.
	next, err := w.SignIn.Refresh(t.Context(), client, grant.RefreshToken, signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	other.Enter(t, next.AccessToken)
}

func TestKeysOpenWithTheirMasterKeyOnly(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	stranger := w.Replica(func(p *compose.Ports) { p.Vault = system.NewVault([system.MasterKeySize]byte{2}) })
	_, err := stranger.SignIn.Guest(t.Context(), client, "", signin.Device{})
	if fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), "master key") {
		t.Errorf("with another master key: %v", err)
	}
	sealed, err := w.Ports.Store.SigningKeys().List(t.Context(), client.Scope())
	if err != nil || len(sealed) != 1 || sealed[0].Private != nil {
		t.Errorf("stored: %+v, %v", sealed, err)
	}
}

func TestOtherReplicasSeeAChangeWithinFresh(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	other := w.Replica(nil)
	other.Guest(t, client)
	_, err := w.Operators.EditEnvironment(t.Context(), composetest.Operator(), "game", "development", operators.Edit{
		Settings: func(s *tenancy.Settings) { s.GuestSignIn = false },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.SignIn.Guest(t.Context(), client, "", signin.Device{}); !errors.Is(err, identity.ErrGuestClosed) {
		t.Errorf("here: %v", err)
	}
	w.Clock.Advance(environments.Fresh)
	if _, err := other.SignIn.Guest(t.Context(), client, "", signin.Device{}); !errors.Is(err, identity.ErrGuestClosed) {
		t.Errorf("there: %v", err)
	}
	if _, err := w.Directory.Get(t.Context(), "nowhere"); !errors.Is(err, tenancy.ErrEnvironmentNotFound) {
		t.Errorf("nowhere: %v", err)
	}
}

func TestEachVisitsEveryEnvironmentOnce(t *testing.T) {
	w := composetest.New(t)
	const projects = 70 // three environments each: more than a page
	for i := range projects {
		w.Project(t, fmt.Sprintf("game-%d", i))
	}
	seen := map[tenancy.EnvironmentID]int{}
	visit := func(e tenancy.Environment) error {
		seen[e.ID]++
		return nil
	}
	if err := environments.Each(t.Context(), w.Ports.Store, visit); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3*projects {
		t.Errorf("visited %d", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("visited %s %d times", id, n)
		}
	}
	stop := errors.New("stop")
	if err := environments.Each(t.Context(), w.Ports.Store, func(tenancy.Environment) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the first error: %v", err)
	}
}
