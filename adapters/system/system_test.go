package system

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestClockIsUTCInWholeMicroseconds(t *testing.T) {
	before := time.Now().Add(-time.Microsecond)
	now := Clock{}.Now()
	if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
		t.Errorf("now = %v, want whole microseconds of UTC", now)
	}
	if now.Before(before) || now.After(time.Now()) {
		t.Errorf("now = %v, want the time between %v and now", now, before)
	}
	if now != now.Round(0) {
		t.Error("now carries a monotonic reading; stored times have none")
	}
}

var canonicalV7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIDsAreCanonicalAndGrow(t *testing.T) {
	last := ""
	for range 10_000 {
		id := IDs{}.New()
		if !canonicalV7.MatchString(id) {
			t.Fatalf("%q is no canonical UUID of version 7", id)
		}
		if id <= last {
			t.Fatalf("%q came after %q", id, last)
		}
		last = id
	}
}

func TestIDsOfManyGoroutinesDiffer(t *testing.T) {
	made := make([][]string, 8)
	var wait sync.WaitGroup
	for g := range made {
		wait.Go(func() {
			for range 1000 {
				made[g] = append(made[g], IDs{}.New())
			}
		})
	}
	wait.Wait()
	all := slices.Concat(made...)
	slices.Sort(all)
	if distinct := len(slices.Compact(slices.Clone(all))); distinct != len(all) {
		t.Errorf("%d of %d identifiers are distinct", distinct, len(all))
	}
}

func TestRandomFillsAll(t *testing.T) {
	a, b := make([]byte, 64), make([]byte, 64)
	Random{}.Fill(a)
	Random{}.Fill(b)
	if bytes.Equal(a, b) || bytes.Equal(a[32:], make([]byte, 32)) {
		t.Errorf("two fills gave %x and %x", a, b)
	}
}

func TestVaultOpensOnlyWhatItSealed(t *testing.T) {
	vault, other := NewVault([32]byte{1}), NewVault([32]byte{2})
	for _, secret := range [][]byte{nil, {}, []byte("s"), bytes.Repeat([]byte("long"), 10_000)} {
		sealed := vault.Seal("keys/1", secret)
		if opened, err := vault.Open("keys/1", sealed); err != nil || !bytes.Equal(opened, secret) {
			t.Fatalf("open = %q, %v; want %q", opened, err, secret)
		}
		if again := vault.Seal("keys/1", secret); bytes.Equal(again, sealed) {
			t.Error("the same secret sealed twice is the same: the nonce isn't fresh")
		}
		if _, err := vault.Open("keys/2", sealed); err == nil {
			t.Error("opened under another context")
		}
		if _, err := other.Open("keys/1", sealed); err == nil {
			t.Error("opened with another master key")
		}
	}
}

func TestVaultRefusesEveryChangedBit(t *testing.T) {
	vault := NewVault([32]byte{1})
	sealed := vault.Seal("c", []byte("secret"))
	for i := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[i/8] ^= 1 << (i % 8)
		if _, err := vault.Open("c", changed); err == nil {
			t.Fatalf("opened with bit %d changed", i)
		}
	}
	for cut := range sealed {
		if _, err := vault.Open("c", sealed[:cut]); err == nil {
			t.Fatalf("opened when cut to %d bytes", cut)
		}
	}
}

// What was derived is stored in places and compared over the years, so it may never change.
func TestVaultDeriveIsFixed(t *testing.T) {
	vault := NewVault([32]byte{1})
	const want = "c9a278623c1152a060061d607ac240eca3e8bdc6ea2ff3ac5d00c5c88dcd58cf"
	if got := hex.EncodeToString(vault.Derive("refresh tokens")); got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
	if bytes.Equal(vault.Derive("a"), vault.Derive("b")) || bytes.Equal(vault.Derive("a"), NewVault([32]byte{2}).Derive("a")) {
		t.Error("another purpose or master key derives the same")
	}
}

func TestParseMasterKey(t *testing.T) {
	want := [32]byte(bytes.Repeat([]byte{0xfb, 0xff}, 16))
	for _, text := range []string{
		hex.EncodeToString(want[:]),
		strings.ToUpper(hex.EncodeToString(want[:])),
		base64.StdEncoding.EncodeToString(want[:]),
		base64.RawStdEncoding.EncodeToString(want[:]),
		base64.URLEncoding.EncodeToString(want[:]),
		base64.RawURLEncoding.EncodeToString(want[:]) + "\n",
	} {
		if got, err := ParseMasterKey(text); err != nil || got != want {
			t.Errorf("ParseMasterKey(%q) = %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "secret", strings.Repeat("ab", 31), strings.Repeat("zz", 32), base64.StdEncoding.EncodeToString(want[:31]), base64.StdEncoding.EncodeToString(append(want[:], 1))} {
		if _, err := ParseMasterKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("ParseMasterKey(%q) = %v, want an error that doesn't repeat it", text, err)
		}
	}
}
