package leaderboards

import "sync/atomic"

// IndexStats are what happened to rank indexes in this process since its start. In a quiet
// installation only Built moves, and seldom.
type IndexStats struct {
	Built   uint64 // indexes that were built whole
	Failed  uint64 // buildings that ended without success, other than because another replica is at it
	Settled uint64 // times that intents somebody left behind were made good
	Left    uint64 // indexes left behind because they missed a commit
	Without uint64 // reads that the index could not answer
}

// indexCounters count what IndexStats tell.
type indexCounters struct {
	built, failed, settled, left, without atomic.Uint64
	rewards, claims                       atomic.Uint64
	quarantined, lifted                   atomic.Uint64
}

// Index tells what happened to the rank indexes.
func (u *UseCases) Index() IndexStats {
	c := &u.counters
	return IndexStats{Built: c.built.Load(), Failed: c.failed.Load(), Settled: c.settled.Load(), Left: c.left.Load(), Without: c.without.Load()}
}

// RewardStats are what happened to rewards in this process since its start.
type RewardStats struct {
	Given   uint64
	Claimed uint64
}

// QuarantineStats are how many quarantines were made and lifted in this process since its start.
type QuarantineStats struct {
	Made   uint64
	Lifted uint64
}

// QuarantineCounts tells how many quarantines were made and lifted.
func (u *UseCases) QuarantineCounts() QuarantineStats {
	return QuarantineStats{Made: u.counters.quarantined.Load(), Lifted: u.counters.lifted.Load()}
}

// RewardCounts tells how many rewards were given and claimed.
func (u *UseCases) RewardCounts() RewardStats {
	return RewardStats{Given: u.counters.rewards.Load(), Claimed: u.counters.claims.Load()}
}
