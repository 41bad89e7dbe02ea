package signin_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const secret = "f47ac10b58cc4372a5670e02b2c3d479"

// game is a world with a project, and the client's principals in two of its environments.
type game struct {
	*composetest.World
	project         tenancy.Project
	client, staging tenancy.Principal
}

func newGame(t testing.TB) game {
	w := composetest.New(t)
	g := game{World: w, project: w.Project(t, "game")}
	g.client = w.Caller(t, g.place(), tenancy.PublishableKey)
	g.staging = w.Caller(t, operators.Place{Project: "game", Environment: "staging"}, tenancy.PublishableKey)
	return g
}

func (g game) place() operators.Place {
	return operators.Place{Project: "game", Environment: "development"}
}

func (g game) edit(t *testing.T, change func(*tenancy.Settings)) {
	t.Helper()
	if _, err := g.Operators.EditEnvironment(t.Context(), composetest.Operator(), "game", "development", operators.Edit{Settings: change}); err != nil {
		t.Fatal(err)
	}
}

func (g game) refresh(token string) (signin.Grant, error) {
	return g.SignIn.Refresh(context.Background(), g.client, token, signin.Device{})
}

func TestWhoComesBackAtOnceIsNotNotedAgain(t *testing.T) {
	g := newGame(t)
	first, err := g.SignIn.Guest(t.Context(), g.client, "", signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	token := first.RefreshToken
	for _, c := range []struct {
		way  string
		come func() (signin.Grant, error)
	}{
		{"sign-in", func() (signin.Grant, error) {
			return g.SignIn.Guest(t.Context(), g.client, first.DeviceSecret, signin.Device{})
		}},
		{"refresh", func() (signin.Grant, error) { return g.refresh(token) }},
	} {
		began := g.Clock.Now()
		for _, after := range []time.Duration{identity.SeenEvery - time.Microsecond, time.Microsecond} {
			g.Clock.Advance(after)
			grant, err := c.come()
			if err != nil {
				t.Fatalf("%s: %v", c.way, err)
			}
			token = grant.RefreshToken
			want := began
			if g.Clock.Now().Sub(began) == identity.SeenEvery {
				want = g.Clock.Now()
			}
			player, err := g.Ports.Store.Players().Get(t.Context(), g.client.Scope(), first.Player)
			if err != nil || !player.LastSeenAt.Equal(want) {
				t.Errorf("%s after %s: seen at %s, want %s, %v", c.way, g.Clock.Now().Sub(began), player.LastSeenAt, want, err)
			}
		}
	}
}

func TestAGuestIsKnownAgain(t *testing.T) {
	g := newGame(t)
	first, err := g.SignIn.Guest(t.Context(), g.client, "", signin.Device{})
	if err != nil || !first.Created || first.DeviceSecret == "" {
		t.Fatalf("new: %+v, %v", first, err)
	}
	g.Clock.Advance(time.Hour)
	again, err := g.SignIn.Guest(t.Context(), g.client, first.DeviceSecret, signin.Device{})
	if err != nil || again.Created || again.DeviceSecret != "" || again.Player != first.Player || again.Session == first.Session {
		t.Errorf("known: %+v, %v", again, err)
	}
	p := g.Enter(t, again.AccessToken)
	if id, ok := identity.Caller(p); !ok || id != first.Player || p.Session() != string(again.Session) || p.Scope() != g.client.Scope() {
		t.Errorf("its token is of %+v", p)
	}
	player, err := g.Players.Get(t.Context(), p, first.Player)
	if err != nil || !player.CreatedAt.Equal(composetest.Epoch) || !player.LastSeenAt.Equal(composetest.Epoch.Add(time.Hour)) {
		t.Errorf("the player is %+v, %v", player, err)
	}
	other, err := g.SignIn.Guest(t.Context(), g.staging, first.DeviceSecret, signin.Device{})
	if err != nil || !other.Created || other.Player == first.Player {
		t.Errorf("in another environment: %+v, %v", other, err)
	}
	if _, err := g.SignIn.Guest(t.Context(), g.client, "1234", signin.Device{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a weak secret: %v", err)
	}
}

func TestDevicesWithOneSecretAtOnceAreOnePlayer(t *testing.T) {
	g := newGame(t)
	const devices = 16
	grants := make([]signin.Grant, devices)
	errs := make([]error, devices)
	var wait sync.WaitGroup
	for i := range devices {
		wait.Go(func() { grants[i], errs[i] = g.SignIn.Guest(context.Background(), g.client, secret, signin.Device{}) })
	}
	wait.Wait()
	created := 0
	sessions := map[identity.SessionID]bool{}
	for i, grant := range grants {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if grant.Player != grants[0].Player {
			t.Errorf("players %s and %s", grant.Player, grants[0].Player)
		}
		if grant.Created {
			created++
		}
		sessions[grant.Session] = true
		g.Enter(t, grant.AccessToken)
	}
	if created != 1 || len(sessions) != devices {
		t.Errorf("%d created, %d sessions", created, len(sessions))
	}
}

func TestGuestsCanBeShutOut(t *testing.T) {
	g := newGame(t)
	grant := g.Guest(t, g.client)
	g.edit(t, func(s *tenancy.Settings) { s.GuestSignIn = false })
	if _, err := g.SignIn.Guest(t.Context(), g.client, secret, signin.Device{}); !errors.Is(err, identity.ErrGuestClosed) {
		t.Errorf("a guest: %v", err)
	}
	if _, err := g.refresh(grant.RefreshToken); err != nil {
		t.Errorf("one who is in: %v", err)
	}
}

func TestALostReplyIsRepeated(t *testing.T) {
	g := newGame(t)
	first := g.Guest(t, g.client)
	g.Clock.Advance(90 * time.Second)
	lost, err := g.refresh(first.RefreshToken)
	if err != nil || lost.RefreshToken == first.RefreshToken || lost.AccessToken == first.AccessToken || lost.Player != first.Player || lost.Session != first.Session {
		t.Fatalf("rotated to %+v, %v", lost, err)
	}
	g.Clock.Advance(identity.RefreshGrace)
	again, err := g.refresh(first.RefreshToken)
	if err != nil || again != lost {
		t.Errorf("the retry gives %+v, %v; want %+v", again, err, lost)
	}
	g.Enter(t, again.AccessToken)
	next, err := g.refresh(again.RefreshToken)
	if err != nil || next.RefreshToken == again.RefreshToken {
		t.Errorf("the successor's: %+v, %v", next, err)
	}
	if events := g.Audit(t, g.project, audit.SessionReuseDetected); len(events) != 0 {
		t.Errorf("taken for theft: %+v", events)
	}
}

func TestTheftEndsTheFamily(t *testing.T) {
	g := newGame(t)
	first := g.Guest(t, g.client)
	stolen, err := g.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	g.Enter(t, stolen.AccessToken) // from now on vouched for
	g.Clock.Advance(identity.RefreshGrace + time.Microsecond)
	if _, err := g.refresh(first.RefreshToken); !errors.Is(err, identity.ErrRefreshReuse) {
		t.Fatalf("an older token: %v", err)
	}
	if _, err := g.refresh(stolen.RefreshToken); !errors.Is(err, identity.ErrSessionEnded) {
		t.Errorf("the newest token: %v", err)
	}
	for _, token := range []string{first.AccessToken, stolen.AccessToken} {
		if _, err := g.Authenticate(token); !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("an access token: %v", err)
		}
	}
	events := g.Audit(t, g.project, audit.SessionReuseDetected)
	if len(events) != 1 || events[0].Target.ID != string(first.Session) || events[0].After["player"] != string(first.Player) || events[0].Environment != g.client.Scope().Environment() {
		t.Errorf("audited %+v", events)
	}
}

func TestOneTokenRefreshedAtOnceHasOneSuccessor(t *testing.T) {
	g := newGame(t)
	first := g.Guest(t, g.client)
	const callers = 16
	grants := make([]signin.Grant, callers)
	errs := make([]error, callers)
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() { grants[i], errs[i] = g.refresh(first.RefreshToken) })
	}
	wait.Wait()
	for i, grant := range grants {
		if errs[i] != nil || grant != grants[0] {
			t.Fatalf("%+v, %v; another got %+v", grant, errs[i], grants[0])
		}
	}
	if _, err := g.refresh(grants[0].RefreshToken); err != nil {
		t.Errorf("the successor: %v", err)
	}
}

func TestRefreshTokensOfOtherPlaces(t *testing.T) {
	g := newGame(t)
	grant := g.Guest(t, g.client)
	if _, err := g.SignIn.Refresh(t.Context(), g.staging, grant.RefreshToken, signin.Device{}); !errors.Is(err, identity.ErrRefreshToken) {
		t.Errorf("in another environment: %v", err)
	}
	if _, err := g.refresh(grant.AccessToken); !errors.Is(err, identity.ErrRefreshToken) {
		t.Errorf("an access token: %v", err)
	}
	if _, err := g.refresh(grant.RefreshToken); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSessionsEndUnused(t *testing.T) {
	g := newGame(t)
	g.edit(t, func(s *tenancy.Settings) {
		s.AccessTokenLifetime, s.RefreshTokenLifetime = 24*time.Hour, time.Hour
	})
	grant := g.Guest(t, g.client)
	g.Clock.Advance(time.Hour - time.Microsecond)
	g.Enter(t, grant.AccessToken)
	g.Clock.Advance(time.Microsecond)
	if _, err := g.refresh(grant.RefreshToken); !errors.Is(err, identity.ErrSessionEnded) {
		t.Errorf("refresh: %v", err)
	}
	// The access token would last longer, and was vouched for a moment ago.
	if _, err := g.Authenticate(grant.AccessToken); !errors.Is(err, identity.ErrSessionEnded) {
		t.Errorf("access: %v", err)
	}
}

func TestTheEnvironmentsClockMovesNoSession(t *testing.T) {
	g := newGame(t)
	grant := g.Guest(t, g.client)
	g.edit(t, func(s *tenancy.Settings) { s.ClockOffset = 2 * 366 * 24 * time.Hour })
	g.Enter(t, grant.AccessToken)
	next, err := g.refresh(grant.RefreshToken)
	if err != nil || !next.RefreshExpiresAt.Equal(grant.RefreshExpiresAt) {
		t.Errorf("%+v, %v", next, err)
	}
}

func TestLogoutIsOfOneSessionAndForGood(t *testing.T) {
	g := newGame(t)
	here, err := g.SignIn.Guest(t.Context(), g.client, secret, signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	there, err := g.SignIn.Guest(t.Context(), g.client, secret, signin.Device{})
	if err != nil {
		t.Fatal(err)
	}
	p := g.Enter(t, here.AccessToken)
	for range 2 { // the second time is no error
		if err := g.SignIn.Logout(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := g.Authenticate(here.AccessToken); !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("access: %v", err)
		}
		if _, err := g.refresh(here.RefreshToken); !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("refresh: %v", err)
		}
		g.Clock.Advance(3 * time.Minute) // past every block and confirmation
	}
	g.Enter(t, there.AccessToken)
}

func TestWhatIsNotedOfADevice(t *testing.T) {
	g := newGame(t)
	grant, err := g.SignIn.Guest(t.Context(), g.client, "", signin.Device{Client: "a\x00b\xff" + strings.Repeat("é", 200), Address: "192.0.2.9"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := g.Ports.Store.Sessions().Get(t.Context(), g.client.Scope(), grant.Session)
	if err != nil || !utf8.ValidString(session.Client) || len(session.Client) != 200 || !strings.HasPrefix(session.Client, "abé") || session.Address != "192.0.2.9" {
		t.Errorf("%+v, %v", session, err)
	}
}
