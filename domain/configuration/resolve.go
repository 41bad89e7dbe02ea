package configuration

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
)

// Facts are what is known of a caller. The kind and the player come from his
// credential; the rest is what he says.
type Facts struct {
	Caller   Caller
	Player   identity.PlayerID // empty: no player
	Platform string
	Region   string
	Version  Version // nil: not said
	Tags     []string
}

// Bucket gives the bucket of a player, from 0 to 9,999: the first 8 bytes of
//
//	SHA-256(salt + ":" + player id)
//
// as a big-endian number, modulo 10,000. The id is the UUID as the API writes it:
// 36 characters in lower case. A rule of n basis points matches the buckets below
// n, so that one which grows keeps those whom it matched.
func Bucket(salt string, player identity.PlayerID) int {
	sum := sha256.Sum256([]byte(salt + ":" + string(player)))
	return int(binary.BigEndian.Uint64(sum[:8]) % whole)
}

// Matches tells whether the rule chooses for a caller at now, by the environment's clock.
func (r Rule) Matches(f Facts, now time.Time) bool {
	switch {
	case !r.From.IsZero() && now.Before(r.From), !r.Until.IsZero() && !now.Before(r.Until),
		len(r.Callers) > 0 && !slices.Contains(r.Callers, f.Caller),
		len(r.Platforms) > 0 && !slices.Contains(r.Platforms, f.Platform),
		len(r.Regions) > 0 && !slices.Contains(r.Regions, f.Region),
		len(r.Tags) > 0 && !slices.ContainsFunc(f.Tags, func(tag string) bool { return slices.Contains(r.Tags, tag) }),
		r.MinVersion != nil && (f.Version == nil || f.Version.Compare(r.MinVersion) < 0),
		r.BelowVersion != nil && (f.Version == nil || f.Version.Compare(r.BelowVersion) >= 0):
		return false
	}
	return r.BasisPoints == 0 || f.Player != "" && Bucket(r.Salt, f.Player) < r.BasisPoints
}

// Resolve gives the rule that chooses for a caller at now; -1 when none does.
func (r Release) Resolve(f Facts, now time.Time) int {
	return slices.IndexFunc(r.Rules, func(rule Rule) bool { return rule.Matches(f, now) })
}

// NextChange is the next moment after now at which a rule begins or ceases to
// match; zero when there is none.
func (r Release) NextChange(now time.Time) time.Time {
	var next time.Time
	for _, rule := range r.Rules {
		for _, moment := range []time.Time{rule.From, rule.Until} {
			if moment.After(now) && (next.IsZero() || moment.Before(next)) {
				next = moment
			}
		}
	}
	return next
}

// MayRead tells whether a kind of caller reads the config.
func (c Config) MayRead(caller Caller) bool {
	switch c.Readers {
	case Public:
		return true
	case Players:
		return caller == Player || caller == Server
	}
	return caller == Server
}
