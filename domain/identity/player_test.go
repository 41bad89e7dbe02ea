package identity_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestDeviceSecretStrength(t *testing.T) {
	for _, c := range []struct {
		name, secret string
		good         bool
	}{
		{"UUID", "f47ac10b-58cc-4372-a567-0e02b2c3d479", true},
		{"UUID without hyphens", "f47ac10b58cc4372a5670e02b2c3d479", true},
		{"UUID in capitals", "F47AC10B-58CC-4372-A567-0E02B2C3D479", true},
		{"UUID of mixed case", "F47ac10b-58cc-4372-a567-0e02b2c3d479", true},
		{"31 hexadecimal digits", "f47ac10b58cc4372a5670e02b2c3d47", false},
		{"31 hexadecimal digits and hyphens", "f47ac10b-58cc-4372-a567-0e02-b2c3d47", false},
		{"22 of base64", "q83vASNFZ4mrze8BI0VniQ", true},
		{"22 of URL-safe base64 with hyphens", "q83-ASNFZ4mrze-BI0Vni_", true},
		{"22 of URL-safe base64 with hyphens only", "q83-ASNFZ4mrze-BI0VniQ", true},
		{"21 of base64", "q83vASNFZ4mrze8BI0Vni", false},
		{"26 of base32", "jbswy3dpehpk3pxpabcdefghij", true},
		{"25 of base32", "jbswy3dpehpk3pxpabcdefghi", false},
		{"43 digits", "8231907465823190746582319074658231907465823", true},
		{"42 digits", "823190746582319074658231907465823190746582", false},
		{"a repeated character", strings.Repeat("a", 64), false},
		{"a repeated word", strings.Repeat("abc123!", 20), false},
		{"eight different characters", strings.Repeat("abcdefg!", 3), true},
		{"a space", "q83vASNFZ4mrze8BI0Vni QRSTUV", false},
		{"not ASCII", "q83vASNFZ4mrze8BI0VniQé", false},
		{"no UTF-8", "q83vASNFZ4mrze8BI0VniQ\xff", false},
		{"NUL", "q83vASNFZ4mrze8BI0VniQ\x00", false},
		{"hyphens", strings.Repeat("-", 64), false},
		{"nothing", "", false},
		{"the longest", strings.Repeat("q83vASNF", 32), true},
		{"longer", strings.Repeat("q83vASNF", 32) + "Z", false},
	} {
		_, err := identity.GuestSubject("e1", c.secret)
		if (err == nil) != c.good || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && c.secret != "" && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error repeats the secret", c.name)
		}
	}
}

// Clients make secrets in these ways, so none of theirs may be refused. The seed is
// fixed; over all random 16 bytes, one in a hundred thousand has letters of one case only.
func TestRandomSecretsAreStrongEnough(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	for range 5000 {
		var raw [16]byte
		_, _ = source.Read(raw[:])
		var ours [identity.DeviceSecretEntropy]byte
		_, _ = source.Read(ours[:])
		for _, secret := range []string{
			base64.RawURLEncoding.EncodeToString(raw[:]), base64.StdEncoding.EncodeToString(raw[:]),
			hex.EncodeToString(raw[:]), base64.RawURLEncoding.EncodeToString(ours[:]),
		} {
			if _, err := identity.GuestSubject("e1", secret); err != nil {
				t.Fatalf("%s: %v", secret, err)
			}
		}
	}
}

func TestGuestSubjectIsBoundToTheEnvironment(t *testing.T) {
	const secret = "f47ac10b58cc4372a5670e02b2c3d479"
	subject := func(environment, secret string) [32]byte {
		s, err := identity.GuestSubject(tenancy.EnvironmentID(environment), secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if again := strings.Clone(secret); subject("e1", secret) != subject("e1", again) {
		t.Error("a device is not recognised")
	}
	if subject("e1", secret) == subject("e2", secret) {
		t.Error("two environments store the same")
	}
	if subject("e1", secret) == subject("e1", strings.ToUpper(secret)) {
		t.Error("case is ignored")
	}
}
