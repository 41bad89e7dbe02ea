package tenancy_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func networks(list ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, one := range list {
		parsed = append(parsed, netip.MustParsePrefix(one))
	}
	return parsed
}

// goodSpec is a spec that keeps every rule, for tests that break one.
func goodSpec(kind tenancy.Kind) tenancy.CredentialSpec {
	spec := tenancy.CredentialSpec{Kind: kind, Project: "p", Environment: "e", Name: "ci"}
	if kind != tenancy.PublishableKey {
		spec.Scopes = []tenancy.Permission{tenancy.Everything}
	}
	return spec
}

func mint(t testing.TB, spec tenancy.CredentialSpec, entropy [tenancy.TokenEntropy]byte) (tenancy.Credential, string) {
	t.Helper()
	c, token, err := tenancy.NewCredential("c1", spec, entropy, noon)
	if err != nil {
		t.Fatal(err)
	}
	return c, token
}

var prefixes = map[tenancy.Kind]string{tenancy.SecretKey: "ow_sec_", tenancy.PublishableKey: "ow_pub_", tenancy.ServerToken: "ow_srv_"}

func drawKind(t *rapid.T) tenancy.Kind {
	return rapid.SampledFrom([]tenancy.Kind{tenancy.SecretKey, tenancy.PublishableKey, tenancy.ServerToken}).Draw(t, "kind")
}

func TestTokenReadsBackAndBetraysEveryChange(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-\n\x00é"
	rapid.Check(t, func(t *rapid.T) {
		kind := drawKind(t)
		entropy := [tenancy.TokenEntropy]byte(rapid.SliceOfN(rapid.Byte(), tenancy.TokenEntropy, tenancy.TokenEntropy).Draw(t, "entropy"))
		c, token, err := tenancy.NewCredential("c1", goodSpec(kind), entropy, noon)
		if err != nil {
			t.Fatal(err)
		}
		if read, ok := tenancy.ReadToken(token); !ok || read != kind || !strings.HasPrefix(token, prefixes[kind]) {
			t.Fatalf("%s reads as %v, %t", token, read, ok)
		}
		if c.Hash != tenancy.HashToken(token) || !strings.HasPrefix(token, c.Hint) || len(c.Hint) > len(token)/2 {
			t.Fatalf("hash or hint %q are not of %s", c.Hint, token)
		}
		for i := range token {
			for _, r := range alphabet {
				if changed := token[:i] + string(r) + token[i+1:]; changed != token {
					if _, ok := tenancy.ReadToken(changed); ok {
						t.Fatalf("%s was taken for %s", changed, token)
					}
				}
			}
			if _, ok := tenancy.ReadToken(token[:i] + token[i+1:]); ok {
				t.Fatalf("%s without character %d was taken", token, i)
			}
		}
	})
}

func TestDifferentEntropyGivesDifferentTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), tenancy.TokenEntropy, tenancy.TokenEntropy)
		a, b := [tenancy.TokenEntropy]byte(bytes.Draw(t, "a")), [tenancy.TokenEntropy]byte(bytes.Draw(t, "b"))
		if rapid.Bool().Draw(t, "nearly equal") {
			b = a
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")]++
		}
		_, one, _ := tenancy.NewCredential("c1", goodSpec(tenancy.SecretKey), a, noon)
		_, other, _ := tenancy.NewCredential("c1", goodSpec(tenancy.SecretKey), b, noon)
		if (one == other) != (a == b) {
			t.Fatalf("%x and %x give %s and %s", a, b, one, other)
		}
	})
}

func FuzzReadToken(f *testing.F) {
	for kind, prefix := range prefixes {
		_, token := mint(f, goodSpec(kind), [tenancy.TokenEntropy]byte{1, 2, 3})
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(prefix)
	}
	f.Add("ow_sec_" + strings.Repeat("é", 39))
	f.Fuzz(func(t *testing.T, token string) {
		kind, ok := tenancy.ReadToken(token)
		if !ok {
			return
		}
		body, found := strings.CutPrefix(token, prefixes[kind])
		if !found || len(body) != 39 || strings.ContainsFunc(body, func(r rune) bool {
			return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
		}) {
			t.Errorf("%q was taken for a %v", token, kind)
		}
	})
}

func TestNewCredentialNamesEveryFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*tenancy.CredentialSpec)
		want  []string
	}{
		{"good", func(*tenancy.CredentialSpec) {}, nil},
		{"name", func(s *tenancy.CredentialSpec) { s.Name = " \t" }, []string{"/name"}},
		{"long name", func(s *tenancy.CredentialSpec) { s.Name = strings.Repeat("é", 81) }, []string{"/name"}},
		{"longest name", func(s *tenancy.CredentialSpec) { s.Name = strings.Repeat("é", 80) }, nil},
		{"C0 control", func(s *tenancy.CredentialSpec) { s.Name = "a\x1bb" }, []string{"/name"}},
		{"C1 control", func(s *tenancy.CredentialSpec) { s.Name = "a\u009bb" }, []string{"/name"}},
		{"no UTF-8", func(s *tenancy.CredentialSpec) { s.Name = "a\xffb" }, []string{"/name"}},
		{"expiry now", func(s *tenancy.CredentialSpec) { s.ExpiresAt = noon }, []string{"/expires_at"}},
		{"expiry soon", func(s *tenancy.CredentialSpec) { s.ExpiresAt = noon.Add(time.Microsecond) }, nil},
		{"player's kind", func(s *tenancy.CredentialSpec) { s.Kind, s.Scopes = tenancy.PlayerToken, nil }, []string{"/kind"}},
		{"no scopes", func(s *tenancy.CredentialSpec) { s.Scopes = nil }, []string{"/scopes"}},
		{"not a server's", func(s *tenancy.CredentialSpec) {
			s.Scopes = []tenancy.Permission{tenancy.DocumentsRead, tenancy.CredentialsWrite}
		}, []string{"/scopes/1"}},
		{"a public key can do nothing", func(s *tenancy.CredentialSpec) { s.Kind = tenancy.PublishableKey }, []string{"/scopes/0"}},
		{"whole project", func(s *tenancy.CredentialSpec) { s.Environment = "" }, []string{"/environment"}},
		{"networks of a key", func(s *tenancy.CredentialSpec) { s.Kind, s.Networks = tenancy.SecretKey, networks("10.0.0.0/8") }, []string{"/networks"}},
		{"no network", func(s *tenancy.CredentialSpec) { s.Networks = []netip.Prefix{{}} }, []string{"/networks/0"}},
		{"networks", func(s *tenancy.CredentialSpec) { s.Networks = slices.Repeat(networks("10.0.0.0/8"), 65) }, []string{"/networks"}},
		{"as late as its maker", func(s *tenancy.CredentialSpec) { s.Until, s.ExpiresAt = noon.Add(1), noon.Add(1) }, nil},
		{"later than its maker", func(s *tenancy.CredentialSpec) { s.Until, s.ExpiresAt = noon.Add(1), noon.Add(2) }, []string{"/expires_at"}},
		{"several", func(s *tenancy.CredentialSpec) { s.Name, s.Scopes, s.ExpiresAt = "", nil, noon.Add(-1) }, []string{"/name", "/expires_at", "/scopes"}},
	} {
		spec := goodSpec(tenancy.ServerToken)
		c.spoil(&spec)
		_, token, err := tenancy.NewCredential("c1", spec, [tenancy.TokenEntropy]byte{}, noon)
		if got := pointers(err); !slices.Equal(got, c.want) || (token == "") != (err != nil) {
			t.Errorf("%s: faults at %q, want %q (token %q)", c.name, got, c.want, token)
		}
	}
	spec := goodSpec(tenancy.SecretKey)
	spec.Environment = ""
	if c, _ := mint(t, spec, [tenancy.TokenEntropy]byte{}); c.Environment != "" || c.Name != "ci" {
		t.Errorf("a project's key is %+v", c)
	}
}

// pointers gives where a fault.ErrInvalid found something; nil when err is nil.
func pointers(err error) []string {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return nil
	}
	var list []string
	for _, field := range f.Fields {
		list = append(list, field.Pointer)
	}
	return list
}

func TestAuthenticateLooksAtTimeAndPlace(t *testing.T) {
	from := netip.MustParseAddr
	for _, c := range []struct {
		name     string
		spoil    func(*tenancy.Credential)
		networks []netip.Prefix
		address  netip.Addr
		want     error
	}{
		{"good", nil, nil, netip.Addr{}, nil},
		{"revoked", func(c *tenancy.Credential) { *c = c.Revoked(noon) }, nil, netip.Addr{}, tenancy.ErrCredential},
		{"revoked in the future, by a clock that is ahead", func(c *tenancy.Credential) { *c = c.Revoked(noon.Add(time.Hour)) }, nil, netip.Addr{}, tenancy.ErrCredential},
		{"expires now", func(c *tenancy.Credential) { c.ExpiresAt = noon }, nil, netip.Addr{}, tenancy.ErrCredential},
		{"expires soon", func(c *tenancy.Credential) { c.ExpiresAt = noon.Add(time.Microsecond) }, nil, netip.Addr{}, nil},
		{"inside", nil, networks("192.0.2.0/24", "10.0.0.0/8"), from("10.255.1.2"), nil},
		{"outside", nil, networks("192.0.2.0/24", "10.0.0.0/8"), from("11.0.0.0"), tenancy.ErrNetwork},
		{"unknown address", nil, networks("0.0.0.0/0", "::/0"), netip.Addr{}, tenancy.ErrNetwork},
		{"mapped caller", nil, networks("10.0.0.0/8"), from("::ffff:10.1.2.3"), nil},
		{"mapped caller outside", nil, networks("10.0.0.0/8"), from("::ffff:11.1.2.3"), tenancy.ErrNetwork},
		{"mapped network", nil, networks("::ffff:10.0.0.0/104"), from("10.1.2.3"), nil},
		{"mapped both", nil, networks("::ffff:10.0.0.0/104"), from("::ffff:10.1.2.3"), nil},
		{"mapped network outside", nil, networks("::ffff:10.0.0.0/104"), from("11.1.2.3"), tenancy.ErrNetwork},
		{"IPv6", nil, networks("2001:db8::/32"), from("2001:db8:1::1"), nil},
		{"IPv4 is not all of IPv6", nil, networks("::/0"), from("10.1.2.3"), tenancy.ErrNetwork},
		{"zone", nil, networks("fe80::/10"), from("fe80::1%eth0"), nil},
	} {
		spec := goodSpec(tenancy.ServerToken)
		spec.Networks = c.networks
		credential, _ := mint(t, spec, [tenancy.TokenEntropy]byte{})
		if c.spoil != nil {
			c.spoil(&credential)
		}
		p, err := credential.Authenticate(noon, c.address)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if good := p.Kind() == tenancy.ServerToken && p.Subject() == "c1" && p.Scope().Environment() == "e"; good != (err == nil) {
			t.Errorf("%s: gave %+v", c.name, p)
		}
	}
}

func TestRevokedKeepsItsTime(t *testing.T) {
	c, _ := mint(t, goodSpec(tenancy.SecretKey), [tenancy.TokenEntropy]byte{})
	if again := c.Revoked(noon).Revoked(noon.Add(time.Hour)); !again.RevokedAt.Equal(noon) {
		t.Errorf("revoked at %s", again.RevokedAt)
	}
}
