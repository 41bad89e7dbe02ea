package ticket_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/ticket"
)

// release releases a bundle for everyone.
func release(ctx context.Context, w *composetest.World, place operators.Place, config, content string) error {
	operator := composetest.Operator()
	received, err := w.Operators.ReceiveBundle(ctx, operator, place, configs.Upload{Content: strings.NewReader(content), Size: int64(len(content)), ContentType: "application/json"})
	if err != nil {
		return err
	}
	added, err := w.Operators.AddBundle(ctx, operator, place, received)
	if err != nil {
		return err
	}
	_, err = w.Operators.Activate(ctx, operator, place, operators.Activation{Config: config, Rules: []configuration.Rule{{Bundle: added.Bundle.Hash}}})
	return err
}

func TestManifestsAreVerifiedElsewhere(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	place := operators.Place{Project: "game", Environment: "development"}
	const content = `{"drop":1}`
	if err := errors.Join(release(t.Context(), w, place, "gameplay", content), release(t.Context(), w, place, "client", `{}`)); err != nil {
		t.Fatal(err)
	}
	server := w.Caller(t, place, tenancy.ServerToken)
	environment := server.Scope().Environment()
	made, signed, err := w.Configs.Manifest(t.Context(), server, configs.Query{})
	if err != nil {
		t.Fatal(err)
	}
	published, err := w.SignIn.PublicKeys(t.Context(), environment)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ticket.ReadKeys(keySet(t, published))
	if err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now()

	read, err := ticket.ReadManifest(signed, "test", string(environment), keys, now.Add(configs.ManifestLifetime-time.Second))
	if err != nil || len(read.Configs) != 2 || read.Configs[1].Config != "gameplay" || read.Configs[1].Release != 1 || read.ExpiresAt != made.ExpiresAt.Unix() {
		t.Fatalf("read %+v, %v", read, err)
	}
	if err := read.Check("gameplay", []byte(content)); err != nil {
		t.Error(err)
	}
	for i := range content {
		changed := []byte(content)
		changed[i] ^= 1
		if err := read.Check("gameplay", changed); !errors.Is(err, ticket.ErrManifest) {
			t.Errorf("byte %d of the bundle changed: %v", i, err)
		}
	}
	for name, check := range map[string]error{
		"cut": read.Check("gameplay", []byte(content[1:])), "another config's": read.Check("client", []byte(content)), "no config": read.Check("other", []byte(content)),
	} {
		if !errors.Is(check, ticket.ErrManifest) {
			t.Errorf("%s: %v", name, check)
		}
	}

	// Whatever byte of the manifest changes, to whatever means something there, it vouches for nothing.
	for i := range len(signed) {
		for _, c := range []byte("AQgwz09-_.") {
			if changed := signed[:i] + string(c) + signed[i+1:]; changed != signed {
				if _, err := ticket.ReadManifest(changed, "test", string(environment), keys, now); !errors.Is(err, ticket.ErrManifest) {
					t.Fatalf("byte %d changed to %q: %v", i, c, err)
				}
			}
		}
	}
	for name, try := range map[string]func() (ticket.Manifest, error){
		"another issuer": func() (ticket.Manifest, error) {
			return ticket.ReadManifest(signed, "other", string(environment), keys, now)
		},
		"another environment": func() (ticket.Manifest, error) { return ticket.ReadManifest(signed, "test", "other", keys, now) },
		"no keys": func() (ticket.Manifest, error) {
			return ticket.ReadManifest(signed, "test", string(environment), nil, now)
		},
		"expired": func() (ticket.Manifest, error) {
			return ticket.ReadManifest(signed, "test", string(environment), keys, now.Add(configs.ManifestLifetime))
		},
	} {
		if _, err := try(); !errors.Is(err, ticket.ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// None of what the keys sign is ever taken for another.
	key, _ := published.Find(published[0].ID, now)
	if claims, err := w.Ports.JoinTickets.Verify(signed, published, "test", environment, "arena", now); !errors.Is(err, registry.ErrTicket) {
		t.Errorf("a manifest as a ticket: %+v, %v", claims, err)
	}
	if claims, err := w.Ports.Tokens.Verify(signed, key, "test", environment, now); !errors.Is(err, identity.ErrAccessToken) {
		t.Errorf("a manifest as an access token: %+v, %v", claims, err)
	}
	token := w.Guest(t, w.Caller(t, place, tenancy.PublishableKey)).AccessToken
	if _, err := ticket.ReadManifest(token, "test", string(environment), keys, now); !errors.Is(err, ticket.ErrManifest) {
		t.Errorf("an access token as a manifest: %v", err)
	}
}

// After a rotation the manifests of before are still good, as long as they last.
func TestManifestsSurviveARotation(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	place := operators.Place{Project: "game", Environment: "development"}
	server := w.Caller(t, place, tenancy.ServerToken)
	if _, err := w.Operators.RotateSigningKey(t.Context(), composetest.Operator(), place, false); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(identity.KeyPublication - time.Second) // the last that the old key signs
	_, signed, err := w.Configs.Manifest(t.Context(), server, configs.Query{})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(configs.ManifestLifetime - time.Second)
	environment := server.Scope().Environment()
	published, err := w.SignIn.PublicKeys(t.Context(), environment)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ticket.ReadKeys(keySet(t, published))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ticket.ReadManifest(signed, "test", string(environment), keys, w.Clock.Now()); err != nil {
		t.Error(err)
	}
}
