package access_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// questions counts all that is asked of the database.
type questions struct {
	datastore.Datastore
	asked int
}

func (q *questions) Credentials() tenancy.Credentials   { q.asked++; return q.Datastore.Credentials() }
func (q *questions) Sessions() identity.Sessions        { q.asked++; return q.Datastore.Sessions() }
func (q *questions) Players() identity.Players          { q.asked++; return q.Datastore.Players() }
func (q *questions) Environments() tenancy.Environments { q.asked++; return q.Datastore.Environments() }
func (q *questions) SigningKeys() identity.SigningKeys  { q.asked++; return q.Datastore.SigningKeys() }

// TestWhatMayNotBeLookedIntoCostsNoQuery tries all that is no credential, or no longer one, as somebody who
// is past his rate: he is told that and the database nothing. Who is known good isn't asked about.
func TestWhatMayNotBeLookedIntoCostsNoQuery(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	store := &questions{Datastore: w.Ports.Store}
	r := w.Replica(func(p *compose.Ports) { p.Store = store })
	past := errors.New("past the rate")
	look := func(bearer string, may error) error {
		_, err := r.Authenticator.Authenticate(t.Context(), bearer, netip.MustParseAddr("192.0.2.1"), func(context.Context) error { return may })
		return err
	}
	_, publishable := r.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.PublishableKey})
	client := r.Enter(t, publishable)
	good, ended, banned := r.Guest(t, client), r.Guest(t, client), r.Guest(t, client)
	credential, revoked := r.Issue(t, place, tenancy.CredentialSpec{Kind: tenancy.ServerToken})
	elsewhere := operators.Place{Project: "game", Environment: "staging"}
	gone := r.Guest(t, r.Caller(t, elsewhere, tenancy.PublishableKey))
	scope := client.Scope()
	spec := tenancy.CredentialSpec{Kind: tenancy.PublishableKey, Project: scope.Project(), Environment: scope.Environment(), Name: "x"}
	later, unknown, err := tenancy.NewCredential(w.Ports.IDs.New(), spec, [tenancy.TokenEntropy]byte{7}, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good.AccessToken, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	environment := string(scope.Environment())
	if parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), environment, strings.Repeat("0", len(environment)), 1))); !strings.Contains(string(claims), environment) {
		t.Fatalf("claims %s", claims)
	}
	for _, bearer := range []string{good.AccessToken, ended.AccessToken, banned.AccessToken, gone.AccessToken, revoked} {
		for range 3 {
			r.Enter(t, bearer)
		}
	}
	ctx, operator := t.Context(), composetest.Operator()
	_, banning := r.Operators.Ban(ctx, operator, place, banned.Player, "bot", w.Clock.Now().Add(1<<40))
	if err := errors.Join(
		r.SignIn.Logout(ctx, r.Enter(t, ended.AccessToken)), r.Operators.RevokeCredential(ctx, operator, place, credential.ID), banning,
		r.Operators.DeleteEnvironment(ctx, operator, elsewhere.Project, elsewhere.Environment, operators.Confirmation{Slug: "staging"}),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, bearer string
		want         error
	}{
		{"a key that nobody made", unknown, tenancy.ErrCredential},
		{"a token of an environment that isn't there", strings.Join(parts, "."), identity.ErrAccessToken},
		{"a revoked server token", revoked, tenancy.ErrCredential},
		{"the token of a session that has ended", ended.AccessToken, identity.ErrSessionEnded},
		{"the token of somebody who is banned", banned.AccessToken, identity.ErrBanned},
		{"a token of an environment that was deleted", gone.AccessToken, identity.ErrAccessToken},
	} {
		if err := look(c.bearer, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		store.asked = 0
		for range 3 {
			if err := look(c.bearer, past); !errors.Is(err, past) || store.asked != 0 {
				t.Errorf("%s, past the rate: %v, and %d questions", c.name, err, store.asked)
			}
		}
		if err := look(c.bearer, nil); !errors.Is(err, c.want) {
			t.Errorf("%s, later: %v, want %v", c.name, err, c.want)
		}
	}
	for _, bearer := range []string{publishable, good.AccessToken} {
		if err := look(bearer, past); err != nil {
			t.Errorf("one that is known: %v", err)
		}
	}
	// What is made after it was tried is good at once.
	if err := w.Ports.Store.Credentials().Create(ctx, later); err != nil {
		t.Fatal(err)
	}
	if err := look(unknown, nil); err != nil {
		t.Errorf("a key that was made since: %v", err)
	}
	if err := r.Operators.Unban(ctx, operator, place, banned.Player); err != nil {
		t.Fatal(err)
	}
	if err := look(banned.AccessToken, nil); err != nil {
		t.Errorf("after the ban: %v", err)
	}
}
