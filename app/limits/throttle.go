package limits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/limiter"
)

// ErrTooMany refuses a call over its rate.
var ErrTooMany = fault.New(fault.TooMany, "limits.too_many_requests", "Too many requests; wait as long as Retry-After says.")

// Throttle enforces the rates.
type Throttle struct {
	limits  Limits
	limiter limiter.Limiter
}

func NewThrottle(limits Limits, limiter limiter.Limiter) *Throttle {
	return &Throttle{limits: limits, limiter: limiter}
}

// Address counts a call that has not been authenticated, or failed to be, against its address alone.
func (t *Throttle) Address(ctx context.Context, class Class, address netip.Addr) (limiter.Rate, limiter.Decision, error) {
	rate := t.limits.Rates[class].PerAddress
	return t.take(ctx, rate, limiter.Ask{Key: addressKey(class, address), Rate: rate})
}

// Call counts a call against its caller and its address. Servers are not
// counted by address: they are many behind few. The rate it gives is the caller's
// where there is one, else the address's.
func (t *Throttle) Call(ctx context.Context, class Class, p tenancy.Principal, address netip.Addr) (limiter.Rate, limiter.Decision, error) {
	asks := t.asks(class, p, address)
	return t.take(ctx, asks[0].Rate, asks...)
}

// Spend counts what a call that was let through has cost beyond one: so many calls. It never refuses; who has spent more
// than there was waits the longer for his next call. It has been done, whether or not the caller still waits, and also where
// it can't be counted.
func (t *Throttle) Spend(ctx context.Context, class Class, p tenancy.Principal, address netip.Addr, calls int) {
	var uses []limiter.Use
	for _, ask := range t.asks(class, p, address) {
		uses = append(uses, limiter.Use{Ask: ask, Times: calls})
	}
	_, _ = t.limiter.Count(context.WithoutCancel(ctx), uses...)
}

// asks are what a call counts against, the caller first if he counts.
func (t *Throttle) asks(class Class, p tenancy.Principal, address netip.Addr) []limiter.Ask {
	rates := t.limits.Rates[class]
	caller := limiter.Ask{Key: callerKey(class, p), Rate: rates.PerCaller}
	client := limiter.Ask{Key: addressKey(class, address), Rate: rates.PerAddress}
	switch p.Kind() {
	case tenancy.PublishableKey:
		return []limiter.Ask{client}
	case tenancy.ServerToken:
		return []limiter.Ask{caller}
	}
	return []limiter.Ask{caller, client}
}

// Guess counts an attempt to sign in as somebody, from everywhere and from the
// address. everywhere tells that only the former was too often: then it may well
// be somebody else who tries.
func (t *Throttle) Guess(ctx context.Context, whom [sha256.Size]byte, address netip.Addr) (everywhere bool, err error) {
	rates, key := t.limits.Rates[EmailLogin], string(EmailLogin)+"/"+hex.EncodeToString(whom[:16])
	if _, _, err := t.take(ctx, rates.PerAddress, limiter.Ask{Key: key + addressKey("", address), Rate: rates.PerAddress}); err != nil {
		return false, err
	}
	_, _, err = t.take(ctx, rates.PerCaller, limiter.Ask{Key: key, Rate: rates.PerCaller})
	return err != nil, err
}

// Code counts a code that p, at an address, wants mailed to somebody: for who asks, for who gets
// the mail, and for both. One that is refused counts nowhere.
func (t *Throttle) Code(ctx context.Context, p tenancy.Principal, whom [sha256.Size]byte, address netip.Addr) error {
	asks, inbox, key := t.limits.Rates[EmailCode], t.limits.Rates[EmailInbox], string(EmailInbox)+"/"+hex.EncodeToString(whom[:16])
	all := []limiter.Ask{
		{Key: addressKey(EmailCode, address), Rate: asks.PerAddress},
		{Key: key + addressKey("", address), Rate: inbox.PerAddress},
		{Key: key, Rate: inbox.PerCaller},
	}
	if p.Kind() != tenancy.PublishableKey {
		all = append(all, limiter.Ask{Key: callerKey(EmailCode, p), Rate: asks.PerCaller})
	}
	_, _, err := t.take(ctx, inbox.PerAddress, all...)
	return err
}

func callerKey(class Class, p tenancy.Principal) string {
	return string(class) + "/caller/" + string(p.Scope().Environment()) + "/" + p.Subject()
}

// Seat counts a player's reserving of a seat.
func (t *Throttle) Seat(ctx context.Context, p tenancy.Principal, address netip.Addr) error {
	_, _, err := t.Call(ctx, TakeSeat, p, address)
	return err
}

func (t *Throttle) take(ctx context.Context, rate limiter.Rate, asks ...limiter.Ask) (limiter.Rate, limiter.Decision, error) {
	decision, err := t.limiter.Take(ctx, asks...)
	if err != nil {
		return rate, decision, err
	}
	if !decision.Allowed {
		return rate, decision, ErrTooMany.After(decision.RetryAfter)
	}
	return rate, decision, nil
}

func addressKey(class Class, address netip.Addr) string {
	return string(class) + "/address/" + Client(address).String()
}

// Client is what an address counts as: of an IPv6 one its /64, since a household has
// that many to choose from.
func Client(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			address = prefix.Addr()
		}
	}
	return address
}
