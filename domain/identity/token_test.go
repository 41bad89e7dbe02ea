package identity_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/identity"
)

var refreshKey = []byte("0123456789abcdef0123456789abcdef")

const (
	anEnvironment = "01947c3e-9f00-7000-8000-000000000001"
	aSession      = "01947c3e-9f00-7000-8000-000000000002"
)

func TestRefreshTokenReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uuid := rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
		token := identity.RefreshToken{
			Environment: anEnvironment, Session: identity.SessionID(uuid.Draw(t, "session")),
			Generation: rapid.Int64Range(1, math.MaxInt64).Draw(t, "generation"),
		}
		signed := token.Sign(refreshKey)
		if read, err := identity.ReadRefreshToken(signed, refreshKey); err != nil || read != token {
			t.Fatalf("%+v reads back as %+v, %v", token, read, err)
		}
		if again := token.Sign(refreshKey); again != signed {
			t.Fatalf("signed twice: %s and %s", signed, again)
		}
		if _, err := identity.ReadRefreshToken(signed, []byte("another key")); !errors.Is(err, identity.ErrRefreshToken) {
			t.Fatalf("another key: %v", err)
		}
	})
}

func TestRefreshTokenBetraysEveryChange(t *testing.T) {
	signed := identity.RefreshToken{Environment: anEnvironment, Session: aSession, Generation: 7}.Sign(refreshKey)
	refused := func(changed string) {
		t.Helper()
		if changed == signed {
			return
		}
		if read, err := identity.ReadRefreshToken(changed, refreshKey); !errors.Is(err, identity.ErrRefreshToken) || read != (identity.RefreshToken{}) {
			t.Fatalf("%q reads as %+v, %v", changed, read, err)
		}
	}
	for i := range len(signed) {
		for b := range 256 {
			refused(signed[:i] + string([]byte{byte(b)}) + signed[i+1:])
		}
		refused(signed[:i])
		refused(signed[:i] + signed[i+1:])
		for _, inserted := range []string{"A", "=", "\n", "\r", "\x00"} {
			refused(signed[:i] + inserted + signed[i:])
			refused(signed + inserted)
		}
	}
}

func FuzzReadRefreshToken(f *testing.F) {
	signed := identity.RefreshToken{Environment: anEnvironment, Session: aSession, Generation: 7}.Sign(refreshKey)
	f.Add(signed)
	f.Add(signed + "\n")
	f.Add("ow_ref_")
	f.Add("ow_ref_" + strings.Repeat("A", 135))
	f.Add("ow_ref_" + strings.Repeat("A", 300))
	f.Fuzz(func(t *testing.T, token string) {
		read, err := identity.ReadRefreshToken(token, refreshKey)
		switch {
		case err == nil && read.Sign(refreshKey) != token:
			t.Errorf("%q reads as %+v, which is signed otherwise", token, read)
		case err != nil && !errors.Is(err, identity.ErrRefreshToken):
			t.Errorf("%q: %v", token, err)
		}
	})
}
