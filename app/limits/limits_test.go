package limits_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/limiter"
)

func TestTheDefaultsKeepTheirOwnRules(t *testing.T) {
	if err := limits.Default().Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	l := limits.Default()
	l.BodyBytes, l.BodyDepth, l.DocumentBytes = 1<<10, 3, 1<<10+1
	l.PageItems, l.PageDefault, l.RequestTime = 10, 11, time.Hour
	l.Rates = maps.Clone(l.Rates)
	l.Rates[limits.Read] = limits.Rates{PerCaller: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 1_000_000}, PerAddress: l.Rates[limits.Read].PerAddress}
	delete(l.Rates, limits.Write)
	err := l.Check()
	if err == nil {
		t.Fatal("it was taken")
	}
	wants := []string{"body_depth", "document_bytes", "document_depth", "page_default", "request_seconds", "rates.read.caller", "rates.write.caller", "rates.write.address"}
	for _, want := range wants {
		if !strings.Contains(err.Error(), "limits."+want) {
			t.Errorf("nothing is said of %s", want)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(wants) {
		t.Errorf("%d faults:\n%v", n, err)
	}
}

// Whatever the check lets through, a limiter can answer.
func TestCheckedRatesCanBeLimited(t *testing.T) {
	clock := composetest.NewClock(composetest.Epoch)
	for _, rate := range []limiter.Rate{{Limit: 1_000_000, Period: time.Second, Burst: 1_000_000}, {Limit: 1, Period: time.Hour, Burst: 8784}, {Limit: 1, Period: time.Hour, Burst: 8785}} {
		l := limits.Default()
		l.Rates[limits.Read] = limits.Rates{PerCaller: rate, PerAddress: rate}
		_, _, err := limits.NewThrottle(l, memory.NewLimiter(clock)).Address(t.Context(), limits.Read, netip.MustParseAddr("192.0.2.1"))
		if checked := l.Check(); (checked == nil) != (err == nil) {
			t.Errorf("%+v: checked %v, limited %v", rate, checked, err)
		}
	}
}

// throttle allows 2 calls an hour of each caller and 3 of each address.
func throttle() *limits.Throttle {
	l := limits.Default()
	hourly := func(n int) limiter.Rate { return limiter.Rate{Limit: n, Period: time.Hour, Burst: n} }
	for _, class := range limits.Classes() {
		l.Rates[class] = limits.Rates{PerCaller: hourly(2), PerAddress: hourly(3)}
	}
	return limits.NewThrottle(l, memory.NewLimiter(composetest.NewClock(composetest.Epoch)))
}

func caller(t *testing.T, kind tenancy.Kind, id string) tenancy.Principal {
	t.Helper()
	if kind == tenancy.PlayerToken {
		return tenancy.Player(tenancy.Environment{ID: "e", ProjectID: "p"}.Scope(), id, "s", time.Time{})
	}
	p, err := tenancy.Credential{ID: id, Kind: kind, Project: "p", Environment: "e"}.Authenticate(composetest.Epoch, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhoIsCountedByWhat(t *testing.T) {
	same := func(int) string { return "192.0.2.1" }
	different := func(i int) string { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String() }
	for _, c := range []struct {
		name    string
		kind    tenancy.Kind
		ids     func(int) string
		address func(int) string
		allowed int // of 9
	}{
		{"one player", tenancy.PlayerToken, func(int) string { return "ada" }, different, 2},
		{"players behind one address", tenancy.PlayerToken, func(i int) string { return string(rune('a' + i)) }, same, 3},
		{"players", tenancy.PlayerToken, func(i int) string { return string(rune('a' + i)) }, different, 9},
		{"a game's own key, by address", tenancy.PublishableKey, func(int) string { return "pub" }, different, 9},
		{"a game's own key, one address", tenancy.PublishableKey, func(int) string { return "pub" }, same, 3},
		{"servers behind one address", tenancy.ServerToken, func(i int) string { return string(rune('a' + i)) }, same, 9},
		{"one server", tenancy.ServerToken, func(int) string { return "srv" }, different, 2},
		{"one secret key", tenancy.SecretKey, func(int) string { return "sec" }, different, 2},
		{"a household's IPv6", tenancy.PublishableKey, func(int) string { return "pub" }, func(i int) string { return netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}).String() }, 3},
		{"IPv6 with zones", tenancy.PublishableKey, func(int) string { return "pub" }, func(i int) string { return "fe80::1%eth" + string(rune('0'+i)) }, 3},
		{"mapped and plain", tenancy.PublishableKey, func(int) string { return "pub" }, func(i int) string { return []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2] }, 3},
	} {
		throttle := throttle()
		allowed := 0
		for i := range 9 {
			_, decision, err := throttle.Call(t.Context(), limits.Write, caller(t, c.kind, c.ids(i)), netip.MustParseAddr(c.address(i)))
			if err == nil {
				allowed++
				continue
			}
			var f *fault.Fault
			if !errors.As(err, &f) || f.Code != limits.ErrTooMany.Code || f.RetryAfter <= 0 || f.RetryAfter != decision.RetryAfter {
				t.Errorf("%s: refused with %+v", c.name, err)
			}
		}
		if allowed != c.allowed {
			t.Errorf("%s: %d of 9 were allowed, want %d", c.name, allowed, c.allowed)
		}
	}
}

func TestClassesAreCountedApart(t *testing.T) {
	throttle, address := throttle(), netip.MustParseAddr("192.0.2.1")
	for range 4 {
		_, _, _ = throttle.Address(t.Context(), limits.SignIn, address)
	}
	if _, _, err := throttle.Address(t.Context(), limits.SignIn, address); !errors.Is(err, limits.ErrTooMany) {
		t.Errorf("sign-in: %v", err)
	}
	if _, _, err := throttle.Address(t.Context(), limits.Read, address); err != nil {
		t.Errorf("reading: %v", err)
	}
}

// away can't be reached, which the limiter in process can't be.
type away struct{}

var errAway = errors.New("away")

func (away) Take(context.Context, ...limiter.Ask) (limiter.Decision, error) {
	return limiter.Decision{Allowed: true}, errAway
}

func (away) Count(context.Context, ...limiter.Use) ([]time.Duration, error) { return nil, errAway }

func TestALimiterThatIsAwayIsNoPermission(t *testing.T) {
	_, _, err := limits.NewThrottle(limits.Default(), away{}).Call(t.Context(), limits.Read, caller(t, tenancy.ServerToken, "srv"), netip.Addr{})
	if !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
}
