package identity_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/identity"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// family is the naive model of a session: every token ever given, with when it
// was used first.
type family struct {
	usedAt  map[int64]time.Time // of each token that was used
	newest  int64
	expires time.Time
	over    bool
}

func (f *family) present(generation int64, now time.Time, lifetime time.Duration) identity.Rotation {
	used, wasUsed := f.usedAt[generation]
	switch {
	case f.over || !now.Before(f.expires):
		return identity.Ended
	case !wasUsed:
		f.usedAt[generation] = now
		f.newest = generation + 1
		f.expires = now.Add(lifetime)
		return identity.Rotated
	case generation == f.newest-1 && !now.After(used.Add(30*time.Second)):
		return identity.Repeated
	}
	f.over = true
	return identity.Theft
}

func TestRefreshAgainstAModel(t *testing.T) {
	seen := map[identity.Rotation]int{}
	rapid.Check(t, func(t *rapid.T) {
		const lifetime = time.Hour
		now := noon
		session := identity.NewSession("s", "p", now, lifetime)
		model := &family{usedAt: map[int64]time.Time{}, newest: 1, expires: now.Add(lifetime)}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{
					time.Microsecond, time.Second, 15 * time.Second, 30*time.Second - time.Microsecond, 30 * time.Second, lifetime - time.Microsecond, lifetime,
				}).Draw(t, "for"))
			},
			"refresh": func(t *rapid.T) {
				// The newest token, the one of a lost reply, or one stolen long ago.
				generation := max(1, model.newest-rapid.Int64Range(0, 3).Draw(t, "ago"))
				before := session
				var got identity.Rotation
				session, got = session.Refresh(generation, now, lifetime)
				want := model.present(generation, now, lifetime)
				if got != want {
					t.Fatalf("token %d of %d at %s is %d, want %d", generation, before.Generation, now, got, want)
				}
				seen[got]++
				if got != identity.Rotated && got != identity.Theft && session != before {
					t.Fatalf("%d changed the session", got)
				}
			},
			"logout": func(t *rapid.T) {
				if rapid.IntRange(0, 20).Draw(t, "really") > 0 {
					return
				}
				session = session.Revoked(identity.LoggedOut, now)
				model.over = true
			},
			"": func(t *rapid.T) {
				if alive := !model.over && now.Before(model.expires); session.Live(now) != alive {
					t.Fatalf("live is %t, want %t", !alive, alive)
				}
				if session.Generation != model.newest || !session.ExpiresAt.Equal(model.expires) {
					t.Fatalf("generation %d until %s, want %d until %s", session.Generation, session.ExpiresAt, model.newest, model.expires)
				}
			},
		})
	})
	for _, rotation := range []identity.Rotation{identity.Rotated, identity.Repeated, identity.Theft, identity.Ended} {
		if seen[rotation] == 0 {
			t.Errorf("rotation %d never came up", rotation)
		}
	}
}

func TestGraceEdges(t *testing.T) {
	rotated, _ := identity.NewSession("s", "p", noon, time.Hour).Refresh(1, noon, time.Hour)
	for _, c := range []struct {
		name  string
		after time.Duration
		want  identity.Rotation
	}{
		{"at once", 0, identity.Repeated},
		{"on a replica whose clock is behind", -time.Second, identity.Repeated},
		{"at the last moment", identity.RefreshGrace, identity.Repeated},
		{"just after", identity.RefreshGrace + time.Microsecond, identity.Theft},
		{"after the end", time.Hour, identity.Ended},
	} {
		after, got := rotated.Refresh(1, noon.Add(c.after), time.Hour)
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if stolen := got == identity.Theft; stolen != (after.Reason == identity.Stolen) || stolen == after.Live(noon) {
			t.Errorf("%s: ended %s because of %q", c.name, after.RevokedAt, after.Reason)
		}
	}
	if _, got := rotated.Refresh(3, noon, time.Hour); got != identity.Theft {
		t.Errorf("a token that was never given is %d", got)
	}
}

func TestRevokedKeepsItsTimeAndReason(t *testing.T) {
	s := identity.NewSession("s", "p", noon, time.Hour).Revoked(identity.LoggedOut, noon).Revoked(identity.Stolen, noon.Add(time.Minute))
	if s.Reason != identity.LoggedOut || !s.RevokedAt.Equal(noon) {
		t.Errorf("revoked %s because of %q", s.RevokedAt, s.Reason)
	}
}
