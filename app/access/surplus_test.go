package access_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/revocation"
)

// TestAPlayerHasNoMoreSessionsThanThereMayBe signs one device in over and over: the oldest sessions end, on
// another replica with the next request, although that one has found them good a moment ago.
func TestAPlayerHasNoMoreSessionsThanThereMayBe(t *testing.T) {
	for _, most := range []int{1, 3, 20} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			w := composetest.New(t)
			w.Project(t, "game")
			one := w.Replica(func(p *compose.Ports) { p.Limits.PlayerSessions = most })
			other := one.Replica(nil)
			client := one.Caller(t, place, tenancy.PublishableKey)
			secret := "0123456789abcdef0123456789abcdefAB12"
			bystander := w.Guest(t, client)
			var grants []signin.Grant
			for range 3*most + 2 {
				grant, err := one.SignIn.Guest(t.Context(), client, secret, signin.Device{})
				if err != nil {
					t.Fatal(err)
				}
				grants = append(grants, grant)
				live := 0
				for i, g := range grants {
					here, there := enters(one, g), enters(other, g)
					if here != there {
						t.Fatalf("after %d sign-ins the %d. is good on one replica alone", len(grants), i+1)
					}
					if here {
						live++
					} else if live > 0 {
						t.Fatalf("after %d sign-ins the %d. has ended, and an older one has not", len(grants), i+1)
					}
				}
				if live > most || live < min(len(grants), most-most/10) || !enters(one, grant) {
					t.Fatalf("after %d sign-ins %d sessions are good, of at most %d", len(grants), live, most)
				}
			}
			if _, err := one.SignIn.Refresh(t.Context(), client, grants[0].RefreshToken, signin.Device{}); !errors.Is(err, identity.ErrSessionEnded) {
				t.Errorf("refresh of the oldest: %v", err)
			}
			one.Enter(t, bystander.AccessToken)
			w.Clock.Advance(revocation.BlockFor) // and for good
			if enters(other, grants[0]) {
				t.Error("the oldest is good again")
			}
		})
	}
}

func enters(w *composetest.World, g signin.Grant) bool {
	_, err := w.Authenticate(g.AccessToken)
	return err == nil
}

// TestNobodyHasMoreSessionsForSigningInManyTimesAtOnce: those who share a commit are all made up for.
func TestNobodyHasMoreSessionsForSigningInManyTimesAtOnce(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	most := w.Ports.Limits.PlayerSessions
	const atOnce, each = 64, 10
	player := w.Guest(t, client)
	signIn := func(times int) {
		for range times {
			if _, err := w.SignIn.Guest(t.Context(), client, player.DeviceSecret, signin.Device{}); err != nil {
				t.Error(err)
				return
			}
		}
	}
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() { signIn(each) })
	}
	all.Wait()
	if live := sessions(t, w, client.Scope(), player.Player); live > most+atOnce {
		t.Errorf("after %d sign-ins, %d at once, %d sessions are live, of at most %d", atOnce*each, atOnce, live, most)
	}
	signIn(20)
	if live := sessions(t, w, client.Scope(), player.Player); live > most {
		t.Errorf("after 20 more, one by one, %d sessions are live, of at most %d", live, most)
	}
}

// TestTwoWhoEndTheSameSurplusDontCountOnEachOther: another look has deleted some of what this one found, before it could.
func TestTwoWhoEndTheSameSurplusDontCountOnEachOther(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	scope := client.Scope()
	player := crowd(t, w, client, 29)
	end := func(memory revocation.Memory, step int) {
		if _, err := access.NewRevoker(w.Ports.Store, memory, w.Clock, w.Ports.Limits).EndSurplus(t.Context(), scope, 10, step, player); err != nil {
			t.Error(err)
		}
	}
	end(&interrupted{Memory: w.Ports.Revocations, first: func() { end(w.Ports.Revocations, 5) }}, 15)
	if live := sessions(t, w, scope, player); live != 10 {
		t.Errorf("of 30, 20 too many, %d are left after 5 and 15", live)
	}
}

// interrupted does something before it blocks for the first time.
type interrupted struct {
	revocation.Memory
	first func()
}

func (m *interrupted) Block(ctx context.Context, keys ...string) error {
	if first := m.first; first != nil {
		m.first = nil
		first()
	}
	return m.Memory.Block(ctx, keys...)
}

// crowd makes a player with so many sessions besides the one that he began with.
func crowd(t *testing.T, w *composetest.World, client tenancy.Principal, besides int) identity.PlayerID {
	t.Helper()
	grant := w.Guest(t, client)
	many := make([]identity.Session, besides)
	for i := range many {
		many[i] = identity.NewSession(identity.SessionID(w.Ports.IDs.New()), grant.Player, w.Clock.Now(), time.Hour)
	}
	if err := w.Ports.Store.Sessions().Create(t.Context(), client.Scope(), many...); err != nil {
		t.Fatal(err)
	}
	return grant.Player
}

// sessions counts the live ones.
func sessions(t *testing.T, w *composetest.World, scope tenancy.Scope, player identity.PlayerID) int {
	t.Helper()
	all, err := w.Ports.Store.Sessions().List(t.Context(), scope, identity.SessionQuery{Player: player, LiveAt: w.Clock.Now(), Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestWhatIsDoneToAllSessionsBeginsWithTheSurplus: of a player who has thousands, from before there was a
// bound, no transaction takes more than it can.
func TestWhatIsDoneToAllSessionsBeginsWithTheSurplus(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, place, tenancy.PublishableKey)
	scope := client.Scope()
	live := func(player identity.PlayerID) int { return sessions(t, w, scope, player) }
	banned, revoker := crowd(t, w, client, 1500), access.NewRevoker(w.Ports.Store, w.Ports.Revocations, w.Clock, w.Ports.Limits)
	if ended, err := revoker.EndSurplus(t.Context(), scope, 100, 500, banned); err != nil || ended != 500 || live(banned) != 1001 {
		t.Errorf("one step ended %d, %d are left, %v; want 500 and 1001", ended, live(banned), err)
	}
	if _, err := w.Operators.Ban(t.Context(), composetest.Operator(), place, banned, "bot", time.Time{}); err != nil || live(banned) > 100 {
		t.Errorf("after the ban %d are left, %v", live(banned), err)
	}
	ended := crowd(t, w, client, 1500)
	if err := w.Operators.RevokeSessions(t.Context(), composetest.Operator(), place, ended); err != nil || live(ended) != 0 {
		t.Errorf("after all were revoked %d are left, %v", live(ended), err)
	}
}
