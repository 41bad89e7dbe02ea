package ranking

import (
	"encoding/binary"
	"time"
)

// Run is what a player achieved. Both parts count as one: (score, subscore).
type Run struct{ Score, Subscore int64 }

// Key is the place of an entry among those of its season: the bytes of two keys
// compare as their entries rank, the first ahead. Entries with one key rank by
// their players' ids.
//
// It is the score, the subscore and the time in microseconds since 1970, each with
// eight bytes, the most significant first and its sign bit turned over, so
// that negative numbers come before positive ones. All bits of a part are turned
// over where the greater is to come first.
type Key [24]byte

// Prefix is the part of a key that equal runs have in common.
const Prefix = 16

// Key gives the key of a run that was achieved at the given time. Where ranks are
// shared, the earlier of two equal runs is listed first.
func (r Rules) Key(run Run, achieved time.Time) Key {
	var k Key
	binary.BigEndian.PutUint64(k[0:], ordered(run.Score, r.Sort == Descending))
	binary.BigEndian.PutUint64(k[8:], ordered(run.Subscore, r.Sort == Descending))
	binary.BigEndian.PutUint64(k[16:], ordered(achieved.UnixMicro(), r.TieBreak == LatestFirst))
	return k
}

// Read gives the run and the time that a key was made of by these rules.
func (r Rules) Read(k Key) (Run, time.Time) {
	part := func(at int, inverted bool) int64 {
		return unordered(binary.BigEndian.Uint64(k[at:]), inverted)
	}
	run := Run{Score: part(0, r.Sort == Descending), Subscore: part(8, r.Sort == Descending)}
	return run, time.UnixMicro(part(16, r.TieBreak == LatestFirst)).UTC()
}

// Ahead tells whether run a is ahead of b.
func (r Rules) Ahead(a, b Run) bool {
	if r.Sort == Ascending {
		a, b = b, a
	}
	return a.Score > b.Score || a.Score == b.Score && a.Subscore > b.Subscore
}

const sign = 1 << 63

func ordered(n int64, inverted bool) uint64 {
	u := uint64(n) ^ sign
	if inverted {
		return ^u
	}
	return u
}

func unordered(u uint64, inverted bool) int64 {
	if inverted {
		u = ^u
	}
	return int64(u ^ sign)
}
