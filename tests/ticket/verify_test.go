package ticket_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/ticket"
)

// keySet writes public keys as the API publishes them.
func keySet(t *testing.T, keys identity.KeySet) []byte {
	t.Helper()
	list := []map[string]string{}
	for _, key := range keys {
		list = append(list, map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": key.ID, "x": base64.RawURLEncoding.EncodeToString(key.Public)})
	}
	set, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTicketsAreVerifiedElsewhere(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	place := operators.Place{Project: "game", Environment: "development"}
	server := w.Caller(t, place, tenancy.ServerToken)
	player := w.Guest(t, w.Caller(t, place, tenancy.PublishableKey)).Player
	environment := server.Scope().Environment()

	a := registry.Announcement{Address: registry.Address{Host: "192.0.2.1", Ports: map[string]int{"game": 7777}}, MaxPlayers: 4}
	opened, err := w.Servers.Register(t.Context(), server, "arena", a, registry.Ready)
	if err != nil {
		t.Fatal(err)
	}
	reserved, err := w.Servers.Reserve(t.Context(), server, "arena", player)
	if err != nil {
		t.Fatal(err)
	}
	published, err := w.SignIn.PublicKeys(t.Context(), environment)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ticket.ReadKeys(keySet(t, published))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	door := func(change func(*ticket.Door)) *ticket.Door {
		d := &ticket.Door{Issuer: "test", Environment: string(environment), Server: "arena", Generation: opened.Generation, Keys: keys}
		if change != nil {
			change(d)
		}
		return d
	}
	shown, now := reserved.Seats[0].Ticket, w.Clock.Now()
	for name, d := range map[string]*ticket.Door{
		"another server":      door(func(d *ticket.Door) { d.Server = "arena-2" }),
		"another generation":  door(func(d *ticket.Door) { d.Generation++ }),
		"another environment": door(func(d *ticket.Door) { d.Environment = "other" }),
		"another issuer":      door(func(d *ticket.Door) { d.Issuer = "other" }),
		"no keys":             door(func(d *ticket.Door) { d.Keys = nil }),
	} {
		if _, err := d.Enter(shown, string(player), now); !errors.Is(err, ticket.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := door(nil)
	for name, try := range map[string]func() (ticket.Claims, error){
		"another player": func() (ticket.Claims, error) { return d.Enter(shown, "other", now) },
		"expired":        func() (ticket.Claims, error) { return d.Enter(shown, string(player), now.Add(time.Minute)) },
		"a changed byte": func() (ticket.Claims, error) {
			changed := []byte(shown)
			changed[len(changed)/2] ^= 1
			return d.Enter(string(changed), string(player), now)
		},
	} {
		if _, err := try(); !errors.Is(err, ticket.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	claims, err := d.Enter(shown, string(player), now.Add(59*time.Second))
	if err != nil || claims.Seat != 1 {
		t.Errorf("%+v, %v", claims, err)
	}
	if _, err := d.Enter(shown, string(player), now.Add(59*time.Second)); !errors.Is(err, ticket.ErrRefused) {
		t.Errorf("the second time: %v", err)
	}
}
