package revocationtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/revocation"
)

// Engine is a memory that knows no key yet, and its test's hold on it.
type Engine struct {
	Memory  revocation.Memory
	Advance func(time.Duration) // moves its time on
	Flush   func()              // makes it forget everything, as an operator or a crash would
}

// Run runs the whole suite.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	for _, c := range []struct {
		name string
		run  func(*fixture)
	}{
		{"a claim confirmed is good", confirmed},
		{"good for its time and no longer", goodExpires},
		{"a confirmation is not renewed by looking", lookingDoesNotRenew},
		{"claim, block, confirm is void", blockVoidsClaim},
		{"a blocked key can't be claimed", blockedGivesNoClaim},
		{"a block ends", blockExpires},
		{"a block counts from the last one", blockRenewed},
		{"block ends good", blockEndsGood},
		{"flush voids a claim", flushVoidsClaim},
		{"flush, claim, block, confirm the first", flushThenBlock},
		{"only one claim stands", twoClaimers},
		{"a claim confirms once", confirmTwice},
		{"a claim is of one key", claimOfAnotherKey},
		{"an empty or made-up claim is void", emptyClaim},
		{"an old claim is void after a newer one", oldClaim},
		{"several keys blocked at once", blockMany},
		{"blocking nothing, and twice", blockNothing},
		{"keys are opaque", opaqueKeys},
		{"claimers racing revokers", racing},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(&fixture{t, open(t)}) })
	}
}

type fixture struct {
	*testing.T
	Engine
}

func (f *fixture) look(key string) (revocation.Verdict, revocation.Claim) {
	f.Helper()
	verdict, claim, err := f.Memory.Look(f.Context(), key)
	if err != nil {
		f.Fatalf("look at %q: %v", key, err)
	}
	if verdict == revocation.Good && claim != "" {
		f.Fatalf("look at %q is good and gives a claim", key)
	}
	return verdict, claim
}

func (f *fixture) claim(key string) revocation.Claim {
	f.Helper()
	verdict, claim := f.look(key)
	if verdict != revocation.Unknown || claim == "" {
		f.Fatalf("look at %q = %d, %q; want unknown and a claim", key, verdict, claim)
	}
	return claim
}

func (f *fixture) confirm(key string, claim revocation.Claim) {
	f.Helper()
	if err := f.Memory.Confirm(f.Context(), key, claim); err != nil {
		f.Fatalf("confirm %q: %v", key, err)
	}
}

func (f *fixture) block(keys ...string) {
	f.Helper()
	if err := f.Memory.Block(f.Context(), keys...); err != nil {
		f.Fatalf("block %q: %v", keys, err)
	}
}

func (f *fixture) good(key string) {
	f.Helper()
	if verdict, _ := f.look(key); verdict != revocation.Good {
		f.Fatalf("%q is not good", key)
	}
}

func (f *fixture) unknown(key string) revocation.Claim {
	f.Helper()
	verdict, claim := f.look(key)
	if verdict != revocation.Unknown {
		f.Fatalf("%q is good", key)
	}
	return claim
}

func (f *fixture) blocked(key string) {
	f.Helper()
	if claim := f.unknown(key); claim != "" {
		f.Fatalf("%q is blocked and was claimed", key)
	}
}

// slack is the real time a test may take without changing what it sees.
const slack = 20 * time.Second

func confirmed(f *fixture) {
	f.confirm("k", f.claim("k"))
	f.good("k")
	f.good("k")
	f.unknown("other")
}

func goodExpires(f *fixture) {
	f.confirm("k", f.claim("k"))
	f.Advance(revocation.GoodFor - slack)
	f.good("k")
	f.Advance(slack)
	f.confirm("k", f.claim("k"))
	f.good("k")
}

func lookingDoesNotRenew(f *fixture) {
	f.confirm("k", f.claim("k"))
	for range 4 {
		f.look("k")
		f.Advance(revocation.GoodFor / 4)
	}
	f.unknown("k")
}

func blockVoidsClaim(f *fixture) {
	claim := f.claim("k")
	f.block("k")
	f.confirm("k", claim)
	f.blocked("k")
}

func blockedGivesNoClaim(f *fixture) {
	f.block("k")
	for range 3 {
		f.blocked("k")
	}
	f.confirm("k", "")
	f.blocked("k")
}

func blockExpires(f *fixture) {
	f.block("k")
	f.Advance(revocation.BlockFor - slack)
	f.blocked("k")
	f.Advance(slack)
	f.confirm("k", f.claim("k"))
	f.good("k")
}

func blockRenewed(f *fixture) {
	f.block("k")
	f.Advance(revocation.BlockFor / 2)
	f.block("k")
	f.Advance(revocation.BlockFor - slack)
	f.blocked("k")
}

func blockEndsGood(f *fixture) {
	f.confirm("k", f.claim("k"))
	f.good("k")
	f.block("k")
	f.blocked("k")
}

func flushVoidsClaim(f *fixture) {
	claim := f.claim("k")
	f.Flush()
	f.confirm("k", claim)
	f.unknown("k")
}

// flushThenBlock: after a flush nothing remembers the first claim, and yet it
// must not be taken for the one that was given since.
func flushThenBlock(f *fixture) {
	first := f.claim("k")
	f.Flush()
	second := f.claim("k")
	if first == second {
		f.Fatalf("the same claim %q was given twice", first)
	}
	f.confirm("k", first)
	f.unknown("k")
	f.block("k")
	f.confirm("k", first)
	f.confirm("k", second)
	f.blocked("k")
	f.Flush()
	f.confirm("k", first)
	f.confirm("k", second)
	f.unknown("k")
}

// twoClaimers: the memory may give the second a claim or not, but no more than
// one of both may count, else a claim from before a block could.
func twoClaimers(f *fixture) {
	first := f.claim("k")
	second := f.unknown("k")
	if second == first {
		f.Fatalf("the same claim %q was given to two", first)
	}
	f.confirm("k", second)
	verdict, _ := f.look("k")
	if second == "" && verdict == revocation.Good {
		f.Fatal("an empty claim counted")
	}
	f.block("k")
	f.confirm("k", first)
	f.confirm("k", second)
	f.blocked("k")
}

func confirmTwice(f *fixture) {
	claim := f.claim("k")
	f.confirm("k", claim)
	f.confirm("k", claim)
	f.good("k")
	f.Advance(revocation.GoodFor)
	f.confirm("k", claim)
	f.unknown("k")
	f.block("k")
	f.confirm("k", claim)
	f.blocked("k")
}

func claimOfAnotherKey(f *fixture) {
	a, b := f.claim("a"), f.claim("b")
	if a == b {
		f.Fatalf("two keys have the same claim %q", a)
	}
	f.confirm("a", b)
	f.confirm("b", a)
	f.unknown("a")
	f.unknown("b")
}

func emptyClaim(f *fixture) {
	f.confirm("k", "")
	f.unknown("other")
	f.claim("k")
	for _, claim := range []revocation.Claim{"", "0", "1", "g", "good", "b", "c", "*"} {
		f.confirm("k", claim)
		f.unknown("k")
	}
	f.block("k")
	for _, claim := range []revocation.Claim{"", "0", "1", "g", "good", "b", "c", "*"} {
		f.confirm("k", claim)
		f.blocked("k")
	}
}

func oldClaim(f *fixture) {
	first := f.claim("k")
	f.Advance(revocation.BlockFor) // long enough for any claim to lapse
	second := f.claim("k")
	f.confirm("k", first)
	f.unknown("k")
	f.confirm("k", second)
	f.good("k")
}

func blockMany(f *fixture) {
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	claim := f.claim("k0")
	f.confirm("k1", f.claim("k1"))
	f.block(keys...)
	f.confirm("k0", claim)
	for _, key := range keys {
		f.blocked(key)
	}
	f.claim("other")
}

func blockNothing(f *fixture) {
	f.block()
	f.claim("k")
	f.block("k", "k")
	f.blocked("k")
}

func opaqueKeys(f *fixture) {
	keys := []string{"session:1", "Session:1", "session:10", "*", "{a}b", "{a}c", "ü", "\xff", "a\x00b", "a\x00c", strings.Repeat("k", 200), strings.Repeat("k", 199)}
	for _, key := range keys {
		f.confirm(key, f.claim(key))
		f.good(key)
	}
	f.block(keys[0])
	f.blocked(keys[0])
	for _, key := range keys[1:] {
		f.good(key)
	}
}

// racing: readers read a truth that revokers change, as the database would be,
// and at no time may the memory call good what was revoked before it was asked.
func racing(f *fixture) {
	const keys = 8
	var truth [keys]struct {
		sync.Mutex
		revoked bool
	}
	var wait sync.WaitGroup
	for i := range keys {
		key := fmt.Sprint("k", i)
		for range 4 {
			wait.Go(func() {
				for range 50 {
					truth[i].Lock()
					revokedBefore := truth[i].revoked
					truth[i].Unlock()
					verdict, claim, err := f.Memory.Look(f.Context(), key)
					if err != nil {
						f.Errorf("look: %v", err)
						return
					}
					if verdict == revocation.Good {
						if revokedBefore {
							f.Errorf("%q was revoked and is good", key)
						}
						continue
					}
					truth[i].Lock()
					good := !truth[i].revoked
					truth[i].Unlock()
					if good {
						if err := f.Memory.Confirm(f.Context(), key, claim); err != nil {
							f.Errorf("confirm: %v", err)
						}
					}
				}
			})
		}
		wait.Go(func() {
			for range 10 { // let the readers get ahead
				if _, _, err := f.Memory.Look(f.Context(), "other"); err != nil {
					f.Errorf("look: %v", err)
				}
			}
			if err := f.Memory.Block(f.Context(), key); err != nil {
				f.Errorf("block: %v", err)
				return
			}
			truth[i].Lock()
			truth[i].revoked = true
			truth[i].Unlock()
		})
	}
	wait.Wait()
	for i := range keys {
		f.blocked(fmt.Sprint("k", i))
	}
}
