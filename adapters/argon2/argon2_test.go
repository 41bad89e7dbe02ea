package argon2_test

import (
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/argon2"
	"github.com/overworldhq/overworld/adapters/system"
)

var cheap = argon2.Parameters{Memory: 64, Time: 1, Threads: 1}

// The reference implementation's answers (phc-winner-argon2, argon2id, version 19)
// to the password "password" and the salt "somesalt".
func TestReference(t *testing.T) {
	p := argon2.New(argon2.Recommended, system.Random{})
	for _, hash := range []string{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
	} {
		if right, outdated := p.Check("password", hash); !right || !outdated {
			t.Errorf("%s: right %t, outdated %t", hash, right, outdated)
		}
		if right, _ := p.Check("passwore", hash); right {
			t.Errorf("%s is another password's", hash)
		}
	}
}

func TestHash(t *testing.T) {
	p := argon2.New(argon2.Recommended, system.Random{})
	one, other := p.Hash("korrekt häst"), p.Hash("korrekt häst")
	if one == other || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") || len(one) > 200 {
		t.Errorf("%s and %s", one, other)
	}
	for _, hash := range []string{one, other} {
		if right, outdated := p.Check("korrekt häst", hash); !right || outdated {
			t.Errorf("right %t, outdated %t", right, outdated)
		}
		for _, wrong := range []string{"", "korrekt hast", "korrekt häst ", "Korrekt häst"} {
			if right, _ := p.Check(wrong, hash); right {
				t.Errorf("%q is right", wrong)
			}
		}
	}
	if right, outdated := argon2.New(cheap, system.Random{}).Check("korrekt häst", one); !right || !outdated {
		t.Error("a hash made with other parameters is not known, or not told of")
	}
}

// TestNobodys finds out that where there is no hash as much is computed, by how
// much memory that takes: time would depend on the machine.
func TestNobodys(t *testing.T) {
	p := argon2.New(cheap, system.Random{})
	good := p.Hash("password")
	for _, hash := range []string{
		"", "x", "$", "$$$$$", good[1:], good + "$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=064", 1), strings.Replace(good, "m=64", "m=0", 1), strings.Replace(good, "m=64", "m=99999999", 1), strings.Replace(good, "t=1", "t=x", 1),
		strings.Replace(good, "t=1", "t=100000", 1), strings.Replace(good, "p=1", "p=300", 1), strings.Replace(good, ",p=1", "", 1), good[:len(good)-30], good + "=",
	} {
		if right, _ := p.Check("password", hash); right {
			t.Errorf("%q is somebody's", hash)
		}
	}
	allocated := func(hash string) int64 {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Check("password", hash)
			}
		}).AllocedBytesPerOp()
	}
	if none, some := allocated(""), allocated(good); none < some*9/10 {
		t.Errorf("%d bytes for nobody's hash, %d for somebody's", none, some)
	}
}
